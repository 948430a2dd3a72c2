//! `inspect`: what a file of ours is like. Each kind of file has its own module, and its row in [`run`].

mod archive;
mod chunk;
mod index;
mod page;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use super::input::{Input, Operand, what_of_suffix};
use super::stores;
use crate::cli::{OURS, Options, OutputFormat, What};
use crate::error::{Error, Result};
use crate::flow::inspect::{Amount, Features, id_in};
use crate::fs::blob::Kind;
use crate::store::Form;
use crate::ui::count;
use crate::ui::json::Field;
use casync_core::quantity::Bytes;

/// What follows the options in the help.
const HELP: &str = "\
Of an index (.caibx, .caidx), shows feature flags, digest, the chunk sizes that
were asked for and those that have come out, the size of the stream, a histogram
of chunk sizes, and chunks that occur more than once. If there is a store, also
how much of the index it has, and how well that is compressed: the store is that
of --store= or $CASYNC_STORE, or the one beside the index if that exists; and
those of --extra-store=. No chunk is read.

Of an archive (.catar), shows feature flags, digest, how many bytes are contents
of files and how many are not, how many nodes there are of each type, with which
metadata, how deep the tree is, and its largest files. Contents are passed over.

Of a chunk (.cacnk, or a name that is an id), shows how it is compressed, its
size, its id by both digests, and whether it has the id that its name says.

With --against=, shows how much of an index a client that has the stream of an
OLD one need not fetch: what is at the same place there, what is elsewhere, what
is all zeros, what repeats; and what is to be fetched.

With --html=, writes a page for browsers to FILE, with a map that shows for each
part of the stream where it comes from. The page needs no other file and no
network. Of an index with very many chunks, a cell of the map stands for several.

The histogram is as wide as the terminal, else as $COLUMNS says, else 80 columns.
The exit status is 0 if FILE could be read to its end, also if the name of a chunk
does not fit. With --json, one object is printed: inspect-index, inspect-archive
or inspect-chunk.

Examples:
    casync inspect v2.caibx
    casync inspect --json home.caidx --store=/srv/default.castr
    casync inspect v2.caibx --against=v1.caibx --html=update.html
    casync inspect default.castr/897c/897cc0be*.cacnk";

/// `inspect FILE`
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct InspectArgs {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    format: OutputFormat,
    /// An index of what is there already: tell what of the other one comes from it
    #[arg(long, value_name = "OLD", help_heading = OURS)]
    against: Option<OsString>,
    /// Write a page for browsers, with a map of the chunks
    #[arg(long, value_name = "FILE", help_heading = OURS)]
    html: Option<OsString>,
    /// The index, archive or chunk
    #[arg(value_name = "FILE", num_args = 0..)]
    operands: Vec<OsString>,
}

pub(super) fn run(arguments: &InspectArgs) -> Result<()> {
    let options = &arguments.options;
    options.apply_logging();
    stores::check_named(options)?;
    let [operand] = &arguments.operands[..] else {
        return Err(Error::headline("An index, an archive or a chunk expected."));
    };
    let operand = Operand::parse(Some(operand), options, "Failed to determine type of locator")?;
    let name = operand.name().map(file_name).unwrap_or_default();
    let what = options.what.or_else(|| what_of_suffix(operand.suffix()));
    let chunk = if what.is_none() { chunk_form(name) } else { None };
    if !matches!(what, Some(What::ArchiveIndex | What::BlobIndex)) {
        for (given, option) in [(arguments.against.is_some(), "--against"), (arguments.html.is_some(), "--html")] {
            if given {
                return Err(Error::headline(format!("{option}= is for indexes (.caidx, .caibx) only.")));
            }
        }
    }
    match (what, chunk) {
        (Some(What::ArchiveIndex), _) => index::run(arguments, &operand, "archive"),
        (Some(What::BlobIndex), _) => index::run(arguments, &operand, "blob"),
        (Some(What::Archive), _) => archive::run(arguments, &operand),
        (None, Some(form)) => chunk::run(arguments, &operand, form),
        (Some(What::Blob | What::Directory), _) => Err(Error::headline(
            "\"inspect\" operation may only be combined with --what=archive, --what=archive-index or --what=blob-index.",
        )),
        (None, None) => {
            let suffixes = ".catar, .caidx, .caibx, .cacnk";
            let text = format!("File to inspect does not have valid suffix, refusing. (May be one of: {suffixes})");
            Err(Error::headline(text).hint("--what= says what a file with another suffix is"))
        }
    }
}

/// Opens a file or pipe to be inspected.
fn open(operand: &Operand) -> Result<Input> {
    let opened = operand.input(None, true)?;
    match opened.kind()? {
        Kind::Directory => Err(Error::headline("Input is a directory, but attempted to inspect as file. Refusing.")),
        _ => Ok(opened),
    }
}

/// How a file of this name holds a chunk; `None` if by its name it holds none.
fn chunk_form(name: &[u8]) -> Option<Form> {
    let named_plain = || id_in(name).filter(|_| !name.contains(&b'.')).map(|_| Form::Plain);
    if name.ends_with(b".cacnk") { Some(Form::Compressed) } else { named_plain() }
}

/// The last component of a path.
fn file_name(path: &OsStr) -> &[u8] {
    std::path::Path::new(path).file_name().unwrap_or_default().as_bytes()
}

/// The operand in JSON, if it has a name.
fn file_field(operand: &Operand) -> Field<'_> {
    operand.name().map_or_else(Field::none, |path| Field::bytes("file", path.as_bytes()))
}

/// The operand in text.
fn shown(operand: &Operand) -> String {
    let path = operand.name().unwrap_or_else(|| OsStr::new("-"));
    casync_core::show::Escaped(path.as_bytes()).to_string()
}

/// Bytes for people, and exactly.
fn bytes(bytes: u64) -> String {
    if bytes < 1024 { count(bytes, "byte") } else { format!("{} ({bytes} bytes)", Bytes(bytes)) }
}

fn amount(amount: Amount) -> String {
    format!("{}, {}", count(amount.chunks, "chunk"), bytes(amount.bytes))
}

/// So many hundredths of a whole, with one digit behind the point.
fn percent(part: u64, whole: u64) -> String {
    format!("{:.1}%", if whole > 0 { part as f64 * 100.0 / whole as f64 } else { 0.0 })
}

/// Labels and values.
fn features(features: &Features, digest: &str) -> [(&'static str, String); 4] {
    let or_none = |names: &[&str]| if names.is_empty() { "none".to_owned() } else { names.join(" ") };
    [
        ("Features", or_none(&features.names)),
        ("Left out", or_none(&features.left_out)),
        ("Feature flags", features.bits.clone()),
        ("Digest", digest.to_owned()),
    ]
}
