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
LEFT and RIGHT are two trees (.catar, .caidx or directory) or two blobs
(.caibx, file or block device), in any combination of forms.

Of two trees, a line is printed for each path that differs, in archive order:
    A PATH             only in RIGHT
    D PATH             only in LEFT
    C PATH: CHANGES    in both; CHANGES are what differs: type, size, content,
                       target, device, mode, uid, gid, user, group, mtime,
                       flags, xattr, acl, default-acl, selinux, fcaps,
                       project-id
Only what both sides store is compared, and what --with= and --without= leave
of it; a directory is read as the archive on the other side stores it. Paths
are escaped as by list.

Of two blobs, a line is printed for each range of bytes that differs:
    C START..END       in both
    A START..END       only in RIGHT, which is longer
    D START..END       only in LEFT, which is longer
Ranges reach to where chunks begin and end if an index is involved, and to
multiples of 4096 otherwise.

A line with sums follows. Between two indexes that were made with equal chunk
sizes and digests, chunks that are equal are not loaded, and another line tells
how much of RIGHT a client that has LEFT would fetch. The store of each index
is looked for as by list.

The exit status is 0 whether there are differences or not, and 1 for trouble;
with --exit-code it is also 1 if there are differences, without a message.

With --json, each line is an object with a type: added, removed, changed or
range, and diff-summary at the end. Values that are no UTF-8 come as base64, in
a field with _bytes behind its name.

Examples:
    casync diff v1.caidx v2.caidx
    casync diff --exit-code --without=xattrs v1.caidx /srv/tree
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
    #[arg(value_name = "LEFT RIGHT", num_args = 0.., value_hint = clap::ValueHint::AnyPath)]
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
