//! Command lines with what the program has to answer, as text files: data of `transcripts` and `snapshots`.
//!
//! ```text
//! # Remarks, before the case they are about.
//! == NAME
//! same
//! $ casync make nodir/x.catar tree
//! 2> Failed to run synchronizer: No such file or directory
//! 2+   create "nodir/x.catar"
//! [exit 1]
//! ```
//!
//! A case has a name, a [`State`], a command for bash, and the answer, in which each line begins with where it belongs:
//!
//! | standard output | standard error | how it ended | |
//! |---|---|---|---|
//! | `text` or `1> text` | `2> text` | `[exit 1]` | both programs |
//! | `1- text` | `2- text` | `- [exit 1]` | only the C casync |
//! | `1+ text` | `2+ text` | `+ [exit 1]` | only this casync |
//!
//! A stream with anything but printable UTF-8 shows all its other bytes as `\xHH`. A last line without its newline ends in
//! `\c`. The answer of the packaged C casync, where it is not that of the main branch, follows whole behind a line
//! `--- 2+20201210`.

mod answer;
mod parse;
mod render;
mod run;
mod test;

pub(crate) use answer::Answer;
pub(crate) use run::Stage;
pub(crate) use test::{Script, test_ours, test_upstream};

/// What a case claims of the two programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Both say the same, except that this one adds lines of detail and hints to messages.
    Same,
    /// They differ, for this reason.
    Differs(String),
    /// This program lacks what is named here, and so does not answer like the C casync yet.
    Later(String),
    /// The C casync has nothing like it.
    Ours,
}

/// One command line.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// Lines above the case, with their `#`.
    pub(crate) remarks: Vec<String>,
    pub(crate) name: String,
    pub(crate) state: State,
    pub(crate) command: String,
    /// What the main branch of the C casync answers; `None` for [`State::Ours`].
    pub(crate) upstream: Option<Answer>,
    /// What its packaged version answers, if that is something else.
    pub(crate) packaged: Option<Answer>,
    /// What this program answers.
    pub(crate) ours: Answer,
}
