//! What an archive is like.

use super::{InspectArgs, bytes, features, file_field, open, percent, shown};
use crate::commands::input::{Archive, Operand};
use crate::error::{Context as _, Result};
use crate::flow::inspect::ArchiveFacts;
use crate::ui::json::{self, Message};
use crate::ui::{Out, Rows, count};

pub(super) fn run(arguments: &InspectArgs, operand: &Operand) -> Result<()> {
    let mut archive = Archive::from_file(open(operand)?)?;
    let facts = archive
        .read(None, false, &arguments.options, ArchiveFacts::of)
        .context(|| format!("read the archive \"{}\"", shown(operand)))?;
    if arguments.format.json {
        let mut out = Out::new();
        json::print(&mut out, &Message::InspectArchive { file: file_field(operand), facts: &facts })?;
        return out.finish();
    }
    print(&facts, operand)
}

fn print(facts: &ArchiveFacts, operand: &Operand) -> Result<()> {
    let mut rows = Rows::new();
    rows.row("File", shown(operand))?;
    rows.row("Type", "archive")?;
    for (label, value) in features(&facts.features, facts.digest) {
        rows.row(label, value)?;
    }
    rows.row("Size", bytes(facts.bytes))?;
    let share = |part| percent(part, facts.bytes);
    rows.row("Payload", format_args!("{}, {}", bytes(facts.payload_bytes), share(facts.payload_bytes)))?;
    rows.row("Metadata", format_args!("{}, {}", bytes(facts.metadata_bytes), share(facts.metadata_bytes)))?;
    rows.row("Depth", facts.depth)?;
    let kinds = &facts.kinds;
    rows.row("Nodes", facts.nodes)?;
    for (number, what, several) in [
        (kinds.dir, "directory", "directories"),
        (kinds.file, "regular file", "regular files"),
        (kinds.link, "symbolic link", "symbolic links"),
        (kinds.char, "character device", "character devices"),
        (kinds.block, "block device", "block devices"),
        (kinds.fifo, "named pipe", "named pipes"),
        (kinds.socket, "socket", "sockets"),
    ] {
        if number > 0 {
            rows.row("", format_args!("{number} {}", if number == 1 { what } else { several }))?;
        }
    }
    let with = &facts.with;
    for (number, what) in [
        (with.xattrs, "extended attributes"),
        (with.acl, "an access control list"),
        (with.default_acl, "a default access control list"),
        (with.selinux, "an SELinux label"),
        (with.fcaps, "file capabilities"),
        (with.project_id, "a quota project id"),
    ] {
        if number > 0 {
            rows.row("", format_args!("{} with {what}", count(number, "node")))?;
        }
    }
    if with.flags > 0 {
        rows.row("", format_args!("{} with flags: {}", count(with.flags, "node"), facts.flags.join(" ")))?;
    }
    for (number, file) in facts.largest.iter().enumerate() {
        let path = casync_core::show::ShownPath(&file.path);
        // Paths are not broken into lines: they have no blanks.
        rows.row(if number == 0 { "Largest files" } else { "" }, format_args!("{path} {}", bytes(file.size)))?;
    }
    rows.finish()
}
