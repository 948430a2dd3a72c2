//! What a chunk file is like.

use std::ffi::OsStr;

use super::{InspectArgs, bytes, file_field, file_name, open, percent, shown};
use crate::commands::input::Operand;
use crate::error::{Context as _, Error, Result};
use crate::flow::inspect::ChunkFacts;
use crate::fs::blob::Kind;
use crate::store::{Form, read_chunk_file};
use crate::ui::json::{self, Message};
use crate::ui::{Out, Rows};

pub(super) fn run(arguments: &InspectArgs, operand: &Operand, form: Form) -> Result<()> {
    let name = file_name(operand.name().unwrap_or_else(|| OsStr::new("-")));
    let fd = open(operand)?.into_fd()?;
    if Kind::of(&fd)? != Kind::File {
        return Err(Error::headline("A chunk is a regular file. Refusing."));
    }
    let mut stored = Vec::new();
    let facts = read_chunk_file(&fd, &mut stored).and_then(|()| ChunkFacts::of(name, form, &stored));
    let facts = facts.context(|| format!("read the chunk \"{}\"", shown(operand)))?;
    if arguments.format.json {
        let mut out = Out::new();
        json::print(&mut out, &Message::InspectChunk { file: file_field(operand), facts: &facts })?;
        return out.finish();
    }
    print(&facts, operand)
}

fn print(facts: &ChunkFacts, operand: &Operand) -> Result<()> {
    let mut rows = Rows::new();
    rows.row("File", shown(operand))?;
    rows.row("Type", "chunk")?;
    rows.row("Compression", facts.compression)?;
    rows.row("Size", bytes(facts.bytes))?;
    let share = percent(facts.stored_bytes, facts.bytes);
    rows.row("Stored", format_args!("{}, {share} of that", bytes(facts.stored_bytes)))?;
    rows.row("SHA-512/256", &facts.ids.sha512_256)?;
    rows.row("SHA-256", &facts.ids.sha256)?;
    match (&facts.named, facts.fits) {
        (_, Some(digest)) => rows.row("Name", format_args!("fits, by {digest}"))?,
        (Some(_), None) => rows.row("Name", "DOES NOT FIT: this is another chunk, or it is damaged")?,
        (None, None) => rows.row("Name", "is no id")?,
    }
    rows.finish()
}
