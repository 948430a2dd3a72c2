//! What a command line leaves behind, as lines of text.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Output};

use casync_tests::input::sha256;

/// Of longer streams there is only a digest.
const LINES_MAX: usize = 200;

/// Standard output, standard error, and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: Vec<String>,
    /// `[exit N]` or `[killed by SIGNAL]`
    pub(crate) end: String,
}

impl Answer {
    /// The answer in a program's output.
    pub(crate) fn of(output: &Output) -> Self {
        Self { stdout: lines(&output.stdout), stderr: lines(&output.stderr), end: end(output.status) }
    }

    /// Whether this one, ours, only adds detail to upstream's: the kind of line that follows a message.
    pub(crate) fn only_adds_detail_to(&self, upstream: &Self) -> bool {
        let mut theirs = upstream.stderr.iter().peekable();
        let mut follows_message = false;
        for line in &self.stderr {
            if theirs.next_if_eq(&line).is_some() {
                follows_message = true;
            } else if !(follows_message && is_detail(line)) {
                return false;
            }
        }
        theirs.peek().is_none() && self.stdout == upstream.stdout && self.end == upstream.end
    }
}

/// Causes are indented, hints say so; neither can be taken for a message of its own.
fn is_detail(line: &str) -> bool {
    line.starts_with("  ") || line.starts_with("hint: ")
}

fn end(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("[exit {code}]"),
        (None, Some(6)) => "[killed by SIGABRT]".to_owned(),
        (None, Some(8)) => "[killed by SIGFPE]".to_owned(),
        (None, signal) => format!("[killed by signal {}]", signal.unwrap_or_default()),
    }
}

fn lines(bytes: &[u8]) -> Vec<String> {
    let Some(&last) = bytes.last() else { return Vec::new() };
    let text = shown(bytes);
    let mut lines: Vec<String> = text.split_terminator('\n').map(str::to_owned).collect();
    if lines.len() > LINES_MAX {
        return vec![format!("({} lines, SHA-256 {})", lines.len(), sha256(bytes))];
    }
    if last != b'\n'
        && let Some(line) = lines.last_mut()
    {
        line.push_str("\\c");
    }
    lines
}

/// Text as it is; anything else with its bytes spelled out.
fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().all(|char| char == '\n' || !char.is_control()) => text.to_owned(),
        _ => {
            let show = |&byte: &u8| match byte {
                b'\n' | b' '..=b'~' => char::from(byte).to_string(),
                _ => format!("\\x{byte:02x}"),
            };
            bytes.iter().map(show).collect()
        }
    }
}

#[test]
fn detail_follows_messages() {
    let answer = |stderr: &[&str]| Answer {
        stderr: stderr.iter().map(ToString::to_string).collect(),
        end: "[exit 1]".to_owned(),
        ..Answer::default()
    };
    let upstream = answer(&["Failed"]);
    assert!(upstream.only_adds_detail_to(&upstream));
    assert!(answer(&["Failed", "  open x: gone", "hint: look elsewhere"]).only_adds_detail_to(&upstream));
    assert!(!answer(&["Failed", "and more"]).only_adds_detail_to(&upstream));
    assert!(!answer(&["  open x: gone", "Failed"]).only_adds_detail_to(&upstream));
    assert!(!answer(&["  open x: gone"]).only_adds_detail_to(&upstream));
    assert!(!answer(&["Failed", "Failed"]).only_adds_detail_to(&upstream));
    let succeeded = Answer { end: "[exit 0]".to_owned(), ..upstream.clone() };
    assert!(!succeeded.only_adds_detail_to(&upstream));
    let printed = Answer { stdout: vec!["x".to_owned()], ..upstream.clone() };
    assert!(!printed.only_adds_detail_to(&upstream));
}

#[test]
fn bytes_are_shown() {
    assert_eq!(lines(b""), [""; 0]);
    assert_eq!(lines(b"a\n\nb\n"), ["a", "", "b"]);
    assert_eq!(lines(b"a\nb"), ["a", "b\\c"]);
    assert_eq!(lines("→\n".as_bytes()), ["→"]);
    assert_eq!(lines("→\u{8}\n".as_bytes()), ["\\xe2\\x86\\x92\\x08"]);
    assert_eq!(lines(b"\xff\n"), ["\\xff"]);
}
