//! `list`: mode and path of every node.

use std::ffi::{OsStr, OsString};

use casync_core::archive::{Content, Event, Node, NodeEvent, Trail};
use casync_core::record::FeatureFlags;
use casync_core::show::ListLine;

use super::input::{Archive, Operand, Part, replayed, what_of_suffix};
use super::{seeds, stores};
use crate::cli::{Options, OutputFormat, What};
use crate::error::{Error, Result};
use crate::flow::input::Flow;
use crate::flow::stop;
use crate::fs::blob::Kind;
use crate::fs::walk::{Exclusions, Step, Walk};
use crate::ui::json::{self, Field, Message, NodeFields, NodeMore};
use crate::ui::{Out, narrate, notify};

/// `list [INPUT [SUBPATH]]`
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct ListArgs {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    format: OutputFormat,
    /// An archive, an archive index or a directory; and the path of a node in it
    #[arg(value_name = "[ARCHIVE|ARCHIVE_INDEX|DIR] [PATH]", num_args = 0.., value_hint = clap::ValueHint::AnyPath)]
    operands: Vec<OsString>,
}

const HELP: &str = "\
A line has the mode and the path of a node, in the order in which archives store them. With a path only what is at and below it \
is listed, and read; --recursive=no stops after what is directly below. In paths, blanks, control characters, backslashes, \
number signs and bytes from 127 come as a backslash and three octal digits.

Examples:
  casync list home.caidx
      All of a tree
  casync list --recursive=no home.caidx alice
      A directory in it
  casync list /home
      What an archive of this directory would have";

/// What `list`, `mtree` and `stat` read.
pub(super) enum Listed {
    Directory(std::os::fd::OwnedFd),
    Archive(Archive),
}

pub(super) fn run(arguments: &ListArgs) -> Result<()> {
    let options = &arguments.options;
    let (input, subpath) = open(options, &arguments.operands, "list")?;
    let mut out = Printer { out: Out::new(), json: arguments.format.json, options };
    match input {
        Listed::Directory(fd) => {
            let features = options.encoding_features(FeatureFlags::ALL);
            let mut walk = walk(fd, features, options, &subpath)?;
            let mut depth = 0_usize;
            narrate::features(features);
            while let Some(step) = walk.next()? {
                stop::check()?;
                match step {
                    Step::Node { node, .. } => {
                        let is_directory = node.content == Content::Directory;
                        if options.recursive() || depth <= 1 {
                            out.node(walk.path(), &node, features)?;
                        }
                        depth += usize::from(is_directory);
                        if is_directory && depth > 1 && !options.recursive() {
                            walk.skip_entries();
                        }
                    }
                    Step::Leave => depth -= 1,
                }
            }
        }
        Listed::Archive(mut archive) => {
            let part = archive.find(&subpath)?;
            if options.recursive() {
                all(&mut archive, part, options, &mut out)?;
            } else {
                let part = match part {
                    Some(part) => part,
                    None => archive.node(OsStr::new(""))?,
                };
                direct(&mut archive, &part, &mut out)?;
            }
        }
    }
    out.out.finish()
}

/// Prints nodes, as lines or objects.
struct Printer<'a> {
    out: Out,
    json: bool,
    options: &'a Options,
}

impl Printer<'_> {
    /// A node of an archive with these features.
    fn node(&mut self, path: &[u8], node: &Node, features: FeatureFlags) -> Result<()> {
        if !self.json {
            return self.out.line(ListLine { path, node });
        }
        let node = NodeFields::new(node, replayed(features, self.options));
        json::print(&mut self.out, &Message::Node { path: Field::path(path), node, more: NodeMore::default() })
    }
}

/// The node and everything below it.
fn all(archive: &mut Archive, part: Option<Part>, options: &Options, out: &mut Printer<'_>) -> Result<()> {
    let mut path = ShownPath::of(part.as_ref());
    archive.decode(part.map(|part| part.found.located), false, options, |event| {
        let Event::Node(event) = event else { return Ok(Flow::Continue) };
        if event.depth == 0 {
            narrate::features(event.features);
        }
        out.node(path.enter(&event), event.node, event.features)?;
        Ok(Flow::SkipPayload)
    })
}

/// The node and what is directly below it.
fn direct(archive: &mut Archive, part: &Part, out: &mut Printer<'_>) -> Result<()> {
    let mut path = ShownPath::of(Some(part));
    let mut features = FeatureFlags::EMPTY;
    if out.json {
        // A node alone does not say what the archive stores of it.
        archive.decode(Some(part.found.located), false, out.options, |event| {
            if let Event::Node(event) = event {
                features = event.features;
            }
            Ok(Flow::Stop)
        })?;
    }
    out.node(path.below(b""), &part.found.node, features)?;
    if part.found.node.content != Content::Directory {
        return Ok(());
    }
    archive.entries(part.found.located, |found| {
        let name = found.name.as_ref().map_or(&[][..], |name| name.as_bytes());
        out.node(path.below(name), &found.node, features)
    })
}

/// Opens the operands of `list`, `mtree` and `stat`; returns the input and the sub-path.
pub(super) fn open(options: &Options, operands: &[OsString], verb: &str) -> Result<(Listed, OsString)> {
    options.apply_logging();
    if operands.len() > 2 {
        return Err(Error::headline("Input path/URL and subtree path expected."));
    }
    let subpath = operands.get(1).cloned().unwrap_or_default();
    let operand = Operand::parse(operands.first(), options, "Failed to determine type of locator")?;
    let what = match options.what {
        Some(what @ (What::Archive | What::ArchiveIndex | What::Directory)) => Some(what),
        Some(_) => {
            return Err(Error::headline(format!(
                "\"{verb}\" operation may only be combined with --what=archive, archive-index, or directory."
            )));
        }
        None => what_of_suffix(operand.suffix()).filter(|what| *what != What::BlobIndex),
    };
    if what.is_none() && matches!(operand, Operand::Remote { .. }) {
        return Err(Error::headline(
            "Failed to determine what to list. Use --what=archive, archive-index, or directory.",
        ));
    }
    let opened = operand.input(Some("."), true)?;
    let kind = opened.kind()?;
    let what = match (what, kind, &operand) {
        (Some(what), ..) => what,
        (None, Kind::Directory, _) => What::Directory,
        (None, _, Operand::Standard) => What::Archive,
        (None, Kind::File, _) => {
            return Err(Error::headline("Input should be a directory, .catar or .caidx file. Refusing."));
        }
        _ => return Err(Error::headline("Input is neither a file or directory. Refusing.")),
    };
    stores::check_named(options)?;
    narrate::chunk_sizes(&options.chunk_sizes());
    if what != What::ArchiveIndex {
        seeds::tell_missing(options)?;
    }
    let input = match (what, kind) {
        (What::Directory, Kind::Directory) => Listed::Directory(opened.into_fd()?),
        (What::Directory, _) => {
            return Err(Error::headline("Input is a regular file, but attempted to list it as directory."));
        }
        (_, Kind::Directory) => {
            return Err(Error::headline("Input is a directory, but attempted to list archive or index."));
        }
        (_, Kind::BlockDevice | Kind::Other) => {
            return Err(Error::headline("Input is neither a file or directory. Refusing."));
        }
        (What::ArchiveIndex, _) => Listed::Archive(Archive::from_index(opened, &operand, options)?),
        _ => Listed::Archive(Archive::from_file(opened)?),
    };
    notify::ready();
    Ok((input, subpath))
}

/// A walk through a directory operand, or through a directory in it.
pub(super) fn walk(
    fd: std::os::fd::OwnedFd,
    features: FeatureFlags,
    options: &Options,
    subpath: &OsStr,
) -> Result<Walk> {
    if !subpath.is_empty() {
        return Err(Error::headline("Subtree path only supported when listing archive or archive index."));
    }
    let selection = casync_core::archive::Selection::new(features, options.id_shift());
    Ok(Walk::from_directory(fd, selection, Exclusions::default()))
}

/// Paths from the root of an archive, of which perhaps only a part is shown.
#[derive(Debug, Default)]
pub(super) struct ShownPath {
    /// Path of the part.
    base: Vec<u8>,
    trail: Trail,
    path: Vec<u8>,
}

impl ShownPath {
    /// For the whole archive, or for a part of it.
    pub(super) fn of(part: Option<&Part>) -> Self {
        Self { base: part.map(Part::path).unwrap_or_default(), ..Self::default() }
    }

    /// Path of a node that a decoder has come to.
    pub(super) fn enter(&mut self, event: &NodeEvent<'_>) -> &[u8] {
        let relative = self.trail.enter(event);
        join(&self.base, relative, &mut self.path)
    }

    /// Path of what lies at a relative path below the part.
    pub(super) fn below(&mut self, relative: &[u8]) -> &[u8] {
        join(&self.base, relative, &mut self.path)
    }
}

fn join<'a>(base: &[u8], relative: &[u8], path: &'a mut Vec<u8>) -> &'a [u8] {
    path.clear();
    path.extend_from_slice(base);
    if !base.is_empty() && !relative.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(relative);
    path
}
