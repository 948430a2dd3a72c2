//! `list`: mode and path of every node.

use std::ffi::{OsStr, OsString};

use casync_core::archive::{Content, Event};
use casync_core::record::{Entry, FeatureFlags};
use casync_core::show::ListLine;

use super::input::{Archive, Operand, what_of_suffix};
use crate::cli::{Options, What};
use crate::error::{Error, Result};
use crate::flow::input::Flow;
use crate::fs::blob::Kind;
use crate::fs::walk::{Exclusions, Step, Walk};
use crate::ui::{Out, narrate};

/// `list [INPUT [SUBPATH]]`
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    options: Options,
    /// An archive, an archive index or a directory; and the path of a node in it
    #[arg(value_name = "INPUT [PATH]", num_args = 0..)]
    operands: Vec<OsString>,
}

/// What `list`, `mtree` and `stat` read.
pub(super) enum Listed {
    Directory(std::os::fd::OwnedFd),
    Archive(Archive),
}

pub(super) fn run(arguments: &ListArgs) -> Result<()> {
    let options = &arguments.options;
    let (input, subpath) = open(options, &arguments.operands, "list")?;
    let mut out = Out::new();
    match input {
        Listed::Directory(fd) => {
            let features = options.encoding_features(FeatureFlags::ALL);
            let mut walk = walk(fd, features, options, &subpath)?;
            let mut depth = 0_usize;
            narrate::features(features);
            while let Some(step) = walk.next()? {
                match step {
                    Step::Node { node, .. } => {
                        let is_directory = node.content == Content::Directory;
                        if options.recursive() || depth <= 1 {
                            out.line(ListLine { path: walk.path(), node: &node })?;
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
                direct(&mut archive, part, &mut out)?;
            }
        }
    }
    out.finish()
}

/// The node and everything below it.
fn all(archive: &mut Archive, part: Option<super::input::Part>, options: &Options, out: &mut Out) -> Result<()> {
    let mut path = PathStack::of(part.as_ref());
    archive.decode(part.as_ref().map(|part| part.found.located), false, options, |event| {
        match event {
            Event::Node(event) => {
                path.enter(event.name.map(|name| name.as_bytes()));
                if path.depth() == 1 {
                    narrate::features(FeatureFlags::from_wire(Entry::parse(event.records).features)?);
                }
                out.line(ListLine { path: path.current(), node: event.node })?;
                return Ok(Flow::SkipPayload);
            }
            Event::Payload(_) => {}
            Event::End => path.leave(),
        }
        Ok(Flow::Continue)
    })
}

/// The node and what is directly below it.
fn direct(archive: &mut Archive, part: super::input::Part, out: &mut Out) -> Result<()> {
    let mut path = PathStack::of(Some(&part));
    path.enter(None);
    out.line(ListLine { path: path.current(), node: &part.found.node })?;
    if part.found.node.content != Content::Directory {
        return Ok(());
    }
    archive.entries(part.found.located, |found| {
        path.enter(found.name.as_ref().map(|name| name.as_bytes()));
        out.line(ListLine { path: path.current(), node: &found.node })?;
        path.leave();
        Ok(())
    })
}

/// Opens the operands of `list`, `mtree` and `stat`; returns the input and the sub-path.
pub(super) fn open(options: &Options, operands: &[OsString], verb: &str) -> Result<(Listed, OsString)> {
    options.apply_logging();
    if operands.len() > 2 {
        return Err(Error::headline("Input path/URL and subtree path expected."));
    }
    let subpath = operands.get(1).cloned().unwrap_or_default();
    let operand = Operand::parse(operands.first(), "Failed to determine type of locator")?;
    let what = match options.what {
        Some(what @ (What::Archive | What::ArchiveIndex | What::Directory)) => Some(what),
        Some(_) => {
            return Err(Error::headline(format!(
                "\"{verb}\" operation may only be combined with --what=archive, archive-index, or directory."
            )));
        }
        None => what_of_suffix(operand.suffix()).filter(|what| *what != What::BlobIndex),
    };
    let fd = operand.open(Some("."), true)?;
    let kind = Kind::of(&fd)?;
    let what = match (what, kind, &operand) {
        (Some(what), ..) => what,
        (None, Kind::Directory, _) => What::Directory,
        (None, _, Operand::Standard) => What::Archive,
        (None, Kind::File, _) => {
            return Err(Error::headline("Input should be a directory, .catar or .caidx file. Refusing."));
        }
        _ => return Err(Error::headline("Input is neither a file or directory. Refusing.")),
    };
    narrate::chunk_sizes(&options.chunk_sizes());
    let input = match (what, kind) {
        (What::Directory, Kind::Directory) => Listed::Directory(fd),
        (What::Directory, _) => {
            return Err(Error::headline("Input is a regular file, but attempted to list it as directory."));
        }
        (_, Kind::Directory) => {
            return Err(Error::headline("Input is a directory, but attempted to list archive or index."));
        }
        (_, Kind::BlockDevice | Kind::Other) => {
            return Err(Error::headline("Input is neither a file or directory. Refusing."));
        }
        (What::ArchiveIndex, _) => Listed::Archive(Archive::from_index(fd, operand.path(), options)?),
        _ => Listed::Archive(Archive::from_file(fd)?),
    };
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

/// The path of the node under way in an archive.
#[derive(Debug, Default)]
pub(super) struct PathStack {
    path: Vec<u8>,
    lengths: Vec<usize>,
    /// Name of the topmost node, if it is not the root.
    first: Option<Vec<u8>>,
}

impl PathStack {
    /// For the whole archive, or for a part of it.
    pub(super) fn of(part: Option<&super::input::Part>) -> Self {
        let Some(part) = part else { return Self::default() };
        let first = part.found.name.as_ref().map(|name| name.as_bytes().to_vec());
        Self { path: part.parent.clone(), lengths: Vec::new(), first }
    }

    /// A node begins. The topmost has no name of its own.
    pub(super) fn enter(&mut self, name: Option<&[u8]>) {
        self.lengths.push(self.path.len());
        let first = if name.is_none() { self.first.take() } else { None };
        if let Some(name) = name.or(first.as_deref()) {
            if !self.path.is_empty() && self.path.last() != Some(&b'/') {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(name);
        }
    }

    /// The innermost node ends.
    pub(super) fn leave(&mut self) {
        self.path.truncate(self.lengths.pop().unwrap_or(0));
    }

    /// Number of nodes that are open.
    pub(super) fn depth(&self) -> usize {
        self.lengths.len()
    }

    /// Path of the innermost node.
    pub(super) fn current(&self) -> &[u8] {
        &self.path
    }
}
