//! `mtree`: a manifest, one line for each node.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;

use casync_core::archive::{Content, Event, IdShift, Node};
use casync_core::hash::{Digest, DigestAlgorithm};
use casync_core::record::FeatureFlags;
use casync_core::show::MtreeLine;
use rustix::io::Errno;

use super::input::{Archive, masked, replayed};
use super::list::{Listed, ShownPath, open, walk};
use crate::cli::{Options, OutputFormat};
use crate::error::{Context as _, Result};
use crate::flow::digests::{Digests, with_digests};
use crate::flow::input::Flow;
use crate::fs::blob;
use crate::fs::walk::{Step, Walk};
use crate::ui::json::{self, Field, Message, NodeFields, NodeMore};
use crate::ui::{Out, narrate};

/// `mtree [INPUT [SUBPATH]]`
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct MtreeArgs {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    format: OutputFormat,
    /// An archive, an archive index or a directory; and the path of a node in it
    #[arg(value_name = "[ARCHIVE|ARCHIVE_INDEX|DIR] [PATH]", num_args = 0.., value_hint = clap::ValueHint::AnyPath)]
    operands: Vec<OsString>,
}

const HELP: &str = "\
A line has the path of a node and all that is stored of it, with the digest of what files hold, in the manner of mtree(5).

Examples:
  casync mtree home.caidx
      All of a tree
  casync mtree --without=xattrs home.caidx alice/projects
      A part of it, without extended attributes";

/// A line that may still lack its digest.
struct Line {
    path: Vec<u8>,
    node: Node,
    features: FeatureFlags,
    shift: IdShift,
}

fn show_json(line: Line, digest: Option<Digest>, out: &mut Out) -> Result<()> {
    let more = NodeMore { digest: digest.map(|digest| digest.to_string()), ..NodeMore::default() };
    let node = NodeFields::new(&line.node, line.features);
    json::print(out, &Message::Node { path: Field::path(&line.path), node, more })
}

fn show(line: Line, digest: Option<Digest>, out: &mut Out) -> Result<()> {
    let Line { path, node, features, shift } = &line;
    out.line(MtreeLine { path, node, features: *features, shift: *shift, digest })
}

pub(super) fn run(arguments: &MtreeArgs) -> Result<()> {
    let options = &arguments.options;
    let (input, subpath) = open(options, &arguments.operands, "mtree")?;
    let show = if arguments.format.json { show_json } else { show };
    with_digests(options.budget(), Out::new(), show, |digests| match input {
        Listed::Directory(fd) => {
            let features = options.encoding_features(FeatureFlags::ALL);
            directory(walk(fd, features, options, &subpath)?, features, options.id_shift(), digests)
        }
        Listed::Archive(mut archive) => archived(&mut archive, &subpath, options, digests),
    })
}

fn payload_size(node: &Node) -> Option<u64> {
    match node.content {
        Content::Regular { size } => Some(size),
        _ => None,
    }
}

fn directory(mut walk: Walk, features: FeatureFlags, shift: IdShift, digests: &mut Digests<'_, Line>) -> Result<()> {
    narrate::features(features);
    digests.set_algorithm(DigestAlgorithm::of(features));
    while let Some(step) = walk.next()? {
        let Step::Node { node, file, .. } = step else { continue };
        let size = payload_size(&node);
        digests.begin(Line { path: walk.path().to_vec(), node, features, shift }, size)?;
        if let (Some(file), Some(size)) = (file, size) {
            payload(&file.fd, size, digests)
                .and_then(|()| file.check_unchanged())
                .context(|| format!("read {:?}", walk.shown_path()))?;
        }
        digests.end()?;
    }
    Ok(())
}

/// Reads a file piece by piece.
fn payload(fd: &OwnedFd, size: u64, digests: &mut Digests<'_, Line>) -> Result<()> {
    const PIECE: usize = 256 << 10;
    let mut buffer = vec![0; usize::try_from(size).unwrap_or(usize::MAX).min(PIECE)];
    let mut left = size;
    while left > 0 {
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        match rustix::io::read(fd, &mut buffer[..wanted]) {
            Ok(0) => return Err(blob::shrunk(size, size - left)),
            Ok(count) => {
                digests.update(&buffer[..count])?;
                left -= count as u64;
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

fn archived(archive: &mut Archive, subpath: &OsStr, options: &Options, digests: &mut Digests<'_, Line>) -> Result<()> {
    let part = archive.find(subpath)?;
    let mut path = ShownPath::of(part.as_ref());
    archive.decode(part.map(|part| part.found.located), true, options, |event| {
        match event {
            Event::Node(event) => {
                if event.depth == 0 {
                    narrate::features(event.features);
                    digests.set_algorithm(DigestAlgorithm::of(event.features));
                }
                let features = replayed(event.features, options);
                let node = masked(event.node, features);
                // compat: upstream tells of all flags that the archive stores; those that do not count are not set.
                let features = features | (event.features & FeatureFlags::FILE_FLAGS);
                let shift = options.id_shift();
                let line = Line { path: path.enter(&event).to_vec(), node, features, shift };
                digests.begin(line, payload_size(event.node))?;
            }
            Event::Payload(bytes) => digests.update(bytes)?,
            Event::End => digests.end()?,
        }
        Ok(Flow::Continue)
    })
}
