//! `digest`: of an archive, a directory, a blob, or a part of an archive.

use std::cell::RefCell;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use casync_core::archive::{Content, Event, NodeEvent, Selection};
use casync_core::chunk::ChunkSizes;
use casync_core::hash::{Digest, DigestAlgorithm, Hasher};
use casync_core::record::FeatureFlags;
use rustix::io::Errno;

use super::input::{Archive, Input, Operand, Part, what_of_suffix};
use super::list::ShownPath;
use super::{seeds, stores};
use crate::cli::{Options, OutputFormat, What};
use crate::error::{Error, Result};
use crate::flow::input::{ByteSource, Flow, Index, pump, with_feed};
use crate::flow::make::Make;
use crate::flow::source::{self, Words};
use crate::flow::stream::StreamWriter;
use crate::fs::blob::{self, Kind};
use crate::fs::walk::{Exclusions, Walk};
use crate::ui::json::{self, Message};
use crate::ui::{Counters, Out, log, narrate, notify};

/// `digest [INPUT [SUBPATH]]`
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct DigestArgs {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    format: OutputFormat,
    /// An archive, a blob, an index of either, or a directory; and the path of a node in it
    #[arg(value_name = "[ARCHIVE|BLOB|ARCHIVE_INDEX|BLOB_INDEX|DIR] [PATH]", num_args = 0.., value_hint = clap::ValueHint::AnyPath)]
    operands: Vec<OsString>,
}

const HELP: &str = "\
Prints what make prints for the same tree or blob, and for the same features, whether the tree is a directory, an archive or an \
index. With the path of a file in an archive it is the digest of what is in that file; with that of a directory, the digest of \
an archive of it.

Examples:
  casync digest home.caidx
      A tree in chunks
  casync digest --with=unix /home
      A directory, with what every Unix has of the metadata
  casync digest home.caidx alice/notes
      A file in it
  casync digest disk.img
      A file as a blob";

pub(super) fn run(arguments: &DigestArgs) -> Result<()> {
    let options = &arguments.options;
    options.apply_logging();
    if arguments.operands.len() > 2 {
        return Err(Error::headline("Input path/URL and subtree path expected."));
    }
    let subpath = arguments.operands.get(1).cloned().unwrap_or_default();
    let operand = Operand::parse(arguments.operands.first(), options, "Failed to determine class of locator")?;
    let what = options.what.or_else(|| what_of_suffix(operand.suffix()));
    if what.is_none() && matches!(operand, Operand::Remote { .. }) {
        return Err(Error::headline(
            "Failed to determine what to calculate digest of. Use --what=archive, --what=blob, --what=archive-index, \
             --what=blob-index or --what=directory.",
        ));
    }
    let input = operand.input(Some("."), false)?;
    let kind = input.kind()?;
    let what = match (what, kind) {
        (Some(what), _) => what,
        (None, Kind::Directory) => What::Directory,
        (None, Kind::File | Kind::BlockDevice | Kind::Pipe) if subpath.is_empty() => What::Blob,
        (None, Kind::File | Kind::BlockDevice | Kind::Pipe) => What::Archive,
        (None, Kind::Other) => return Err(neither()),
    };
    match (what, kind) {
        (_, Kind::Other) => return Err(neither()),
        (What::Directory, Kind::Directory) => {}
        (What::Directory, _) => {
            // compat: the text is that of blobs.
            let text = "Input is not a regular file or block device, but attempted to list as one. Refusing.";
            return Err(Error::headline(text).hint("it is one, and --what=directory takes a directory"));
        }
        (_, Kind::Directory) => {
            return Err(Error::headline("Input is a directory, but attempted to list as blob. Refusing."));
        }
        _ => {}
    }
    if !subpath.is_empty() && !matches!(what, What::Archive | What::ArchiveIndex) {
        let text = "Subtree path only supported when calculating message digest of archive or archive index.";
        return Err(Error::headline(text));
    }
    stores::check_named(options)?;
    narrate::chunk_sizes(&options.chunk_sizes());
    notify::ready();
    if !matches!(what, What::ArchiveIndex | What::BlobIndex) {
        seeds::tell_missing(options)?;
    }
    let digest = match what {
        What::Directory => directory(input.into_fd()?, options)?,
        What::Blob => of_blob(input, kind, options)?,
        What::BlobIndex => blob_index(input, &operand, options)?,
        What::Archive => archived(Archive::from_file(input)?, &subpath, options)?,
        What::ArchiveIndex => archived(Archive::from_index(input, &operand, options)?, &subpath, options)?,
    };
    let mut out = Out::new();
    if arguments.format.json {
        json::print(&mut out, &Message::Digest { digest: digest.to_string() })?;
    } else {
        out.line(digest)?;
    }
    out.finish()
}

fn neither() -> Error {
    Error::headline("Input is a neither a directory, a regular file, nor a block device. Refusing.")
}

/// The digest of a stream that is made only for it.
fn of_stream(
    features: FeatureFlags,
    options: &Options,
    write: impl FnOnce(&mut StreamWriter<'_>) -> Result<()>,
) -> Result<Digest> {
    let made = Make {
        features,
        sizes: ChunkSizes::default(),
        compression: options.compression(),
        store: None,
        index: None,
        archive: None,
        recorder: None,
        digest: true,
        budget: options.budget(),
        counters: Arc::new(Counters::default()),
    }
    .run(write)?;
    made.digest.ok_or_else(|| Errno::IO.into())
}

fn directory(fd: OwnedFd, options: &Options) -> Result<Digest> {
    let features = options.encoding_features(FeatureFlags::ALL);
    let selection = Selection::new(features, options.id_shift());
    let mut walk = Walk::from_directory(fd, selection, Exclusions::default());
    of_stream(features, options, |stream| source::tree(&mut walk, features, Words("Processing", "Processed"), stream))
}

fn of_blob(input: Input, kind: Kind, options: &Options) -> Result<Digest> {
    let features = options.encoding_features(FeatureFlags::EMPTY);
    let fd = &match input {
        Input::Local(fd) => fd,
        Input::Remote(file) => {
            let mut hasher = Hasher::new(options.digest());
            file.read(&mut |bytes| {
                hasher.update(bytes);
                Ok(())
            })?;
            return Ok(hasher.finish());
        }
    };
    let size = blob::stored_size(fd, kind)?;
    if size != Some(0) {
        narrate::features(features);
    }
    of_stream(features, options, |stream| source::blob(fd, kind, size, stream))
}

fn blob_index(input: Input, operand: &Operand, options: &Options) -> Result<Digest> {
    let chain = stores::for_reading(options, operand.locator())?;
    let mut index = Index::open(input.into_fd()?)?;
    let seeds = seeds::find(options, &mut index, None, None)?;
    let chain = chain.with_seeds(Arc::new(seeds));
    // compat: upstream always shows SHA-512/256 here, whatever the index says; that is not what `make` printed.
    let algorithm = index.algorithm();
    with_feed(&mut index, &chain, options.budget(), &Counters::default(), |feed| hash_source(feed, algorithm))
}

fn hash_source(source: &mut dyn ByteSource, algorithm: DigestAlgorithm) -> Result<Digest> {
    let mut hasher = Hasher::new(algorithm);
    loop {
        let piece = source.fill()?;
        let length = piece.len();
        if length == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(piece);
        source.consume(length);
    }
}

fn archived(mut archive: Archive, subpath: &std::ffi::OsStr, options: &Options) -> Result<Digest> {
    let part = archive.find(subpath)?;
    let located = part.as_ref().map(|part| part.found.located);
    let payload_only = match part.as_ref().map(|part| &part.found.node.content) {
        None | Some(Content::Directory) => false,
        Some(Content::Regular { .. }) => true,
        Some(_) => {
            let path = subpath.to_string_lossy();
            let error = Error::from(Errno::NOTTY);
            return Err(error.titled(format_args!("Path {path} does not refer to a file or directory")));
        }
    };
    archive.read(located, true, options, |source, decoder| {
        // The bytes themselves are digested, and decoded beside that: what is no archive has no digest.
        let hasher = RefCell::new(Whole::Unknown(Vec::new()));
        let mut payload = None;
        let mut names = Names { wanted: log::is_verbose() && !payload_only, ..Names::new(part.as_ref()) };
        let mut tee = Tee { source, hasher: &hasher, wanted: !payload_only };
        pump(&mut tee, decoder, |event| {
            match (event, &mut payload) {
                (Event::Node(event), _) if event.depth == 0 => {
                    names.enter(&event);
                    narrate::features(event.features);
                    let algorithm = DigestAlgorithm::of(event.features);
                    hasher.borrow_mut().begin(algorithm);
                    payload = Some(Hasher::new(algorithm));
                }
                (Event::Node(event), _) => names.enter(&event),
                (Event::End, _) => names.leave(),
                (Event::Payload(bytes), Some(payload)) if payload_only => payload.update(bytes),
                _ => {}
            }
            Ok(Flow::Continue)
        })?;
        let digest = if payload_only { payload.map(Hasher::finish) } else { hasher.into_inner().finish() };
        digest.ok_or_else(|| Errno::BADMSG.into())
    })
}

/// Says which node is read. compat: that a part begins is not told.
#[derive(Default)]
struct Names {
    wanted: bool,
    is_part: bool,
    shown: ShownPath,
    /// Those that have begun and not ended.
    open: Vec<String>,
}

impl Names {
    fn new(part: Option<&Part>) -> Self {
        Self { shown: ShownPath::of(part), is_part: part.is_some(), ..Self::default() }
    }

    fn enter(&mut self, event: &NodeEvent<'_>) {
        if !self.wanted {
            return;
        }
        let path = self.shown.enter(event);
        let path = if path.is_empty() { "./".to_owned() } else { String::from_utf8_lossy(path).into_owned() };
        if event.depth > 0 || !self.is_part {
            log::verbose(format_args!("Processing {path}"));
        }
        self.open.push(path);
    }

    fn leave(&mut self) {
        if let Some(path) = self.open.pop() {
            log::verbose(format_args!("Processed {path}"));
        }
    }
}

/// The digest of all bytes of a stream whose algorithm is found in it.
enum Whole {
    Unknown(Vec<u8>),
    Known(Hasher),
}

impl Whole {
    fn begin(&mut self, algorithm: DigestAlgorithm) {
        if let Self::Unknown(start) = self {
            let mut hasher = Hasher::new(algorithm);
            hasher.update(start);
            *self = Self::Known(hasher);
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Unknown(start) => start.extend_from_slice(bytes),
            Self::Known(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> Option<Digest> {
        match self {
            Self::Unknown(_) => None,
            Self::Known(hasher) => Some(hasher.finish()),
        }
    }
}

/// Digests what passes through.
struct Tee<'a> {
    source: &'a mut dyn ByteSource,
    hasher: &'a RefCell<Whole>,
    wanted: bool,
}

impl ByteSource for Tee<'_> {
    fn fill(&mut self) -> Result<&[u8]> {
        self.source.fill()
    }

    fn consume(&mut self, count: usize) {
        if self.wanted
            && let Ok(piece) = self.source.fill()
        {
            self.hasher.borrow_mut().update(&piece[..count]);
        }
        self.source.consume(count);
    }

    fn skip(&mut self, count: u64) -> Result<()> {
        self.source.skip(count)
    }

    fn position(&self) -> u64 {
        self.source.position()
    }
}
