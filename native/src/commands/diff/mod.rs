//! `diff`: what differs between two trees or two blobs.

mod blobs;
mod operand;
mod report;
mod trees;
mod update;

use std::ffi::OsString;

use self::operand::Compared;
use self::report::Report;
use crate::cli::{OURS, Options, OutputFormat};
use crate::error::{Cause, Error, Result};
use crate::ui::narrate;

/// What follows the options in the help.
pub(super) const HELP: &str = "\
LEFT and RIGHT are two trees (.catar, .caidx, directory) or two blobs (.caibx, file, block device), in any combination.

Of two trees, a line is printed for each path that differs, in the order of archives:
    A PATH             only in RIGHT
    D PATH             only in LEFT
    C PATH: CHANGES    in both; CHANGES are content, size, mode, owners, mtime, flags, xattr, acl, target and so on
Only what both sides store is compared, further limited by --with= and --without=; a directory is read as the archive on
the other side stores it. Paths are escaped as by list.

Of two blobs, a line is printed for each range of bytes that differs:
    C START..END       in both;  A START..END  only in RIGHT;  D START..END  only in LEFT
Ranges reach to where chunks begin and end if an index is involved, to multiples of 4096 otherwise.

Between two indexes that were made with equal chunk sizes and digests, equal chunks are not loaded. For these, a line at
the end tells how much of RIGHT a client that has LEFT would fetch. The store of each index is looked for as by list.

The exit status is 0 whether or not there are differences, and 1 for trouble; with --exit-code it is also 1 if there are
differences, which then have been printed.

Examples:
    casync diff v1.caidx v2.caidx
    casync diff --exit-code --without=sec-time --without=usec-time --without=nsec-time --without=2sec-time v1.caidx /srv/tree
    casync diff --json v1.caibx v2.caibx";

/// `diff LEFT RIGHT`
#[derive(Debug, clap::Args)]
pub struct DiffArgs {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    format: OutputFormat,
    /// Exit with status 1 if there are differences
    #[arg(long, action = clap::ArgAction::SetTrue, help_heading = OURS)]
    exit_code: bool,
    /// The two archives, indexes, directories, files or devices to compare
    #[arg(value_name = "LEFT RIGHT", num_args = 0..)]
    operands: Vec<OsString>,
}

pub(super) fn run(arguments: &DiffArgs) -> Result<()> {
    let options = &arguments.options;
    options.apply_logging();
    let [left, right] = &arguments.operands[..] else {
        return Err(Error::headline("A pair of archives, indexes, directories or blobs expected."));
    };
    narrate::chunk_sizes(&options.chunk_sizes());
    let mut report = Report::new(arguments.format);
    match (Compared::open(left, options)?, Compared::open(right, options)?) {
        (Compared::Tree(left), Compared::Tree(right)) => trees::run(left, right, options, &mut report)?,
        (Compared::Blob(left), Compared::Blob(right)) => blobs::run(left, right, options, &mut report)?,
        _ => return Err(Error::headline("A tree cannot be compared with a blob. Refusing.")),
    }
    let equal = report.finish()?;
    if arguments.exit_code && !equal { Err(Cause::Differs.into()) } else { Ok(()) }
}
