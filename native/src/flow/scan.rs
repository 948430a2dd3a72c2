//! Finds out what chunks a seed has: by reading it, or for a tree by walking it.
//!
//! ```text
//! file or tree -> stream (cut) -> workers [digest > is it wanted? > write at offset] -> places
//! ```
//!
//! A seed that cannot be read to its end is a seed up to there: what is wrong with it is nobody's error.

use std::os::fd::OwnedFd;
use std::thread;

use casync_core::archive::{Content, Encoder, Timestamp};
use casync_core::chunk::{ChunkId, ChunkSizes, is_zero};
use casync_core::hash::DigestAlgorithm;
use casync_core::record::FeatureFlags;
use crossbeam_channel::Receiver;

use super::placement::Placement;
use super::source::{self, Sink as _, Words};
use super::stream::{Batch, Chunk, Outlets, StreamWriter};
use super::{Budget, Failure, stop};
use crate::error::{Cause, Result};
use crate::fs::blob::Kind;
use crate::fs::walk::{Step, Walk};
use crate::seed::{Layout, Places};
use crate::ui::{Counters, log};

/// What `--verbose` says of the nodes of a seed.
const WORDS: Words = Words("Seeding", "Seeded");

/// How a seed is looked through.
#[derive(Clone, Copy, Debug)]
pub struct Scan<'a> {
    /// How the target was cut.
    pub sizes: ChunkSizes,
    /// The digest of its chunk ids.
    pub algorithm: DigestAlgorithm,
    /// Threads, and memory while it is read.
    pub budget: Budget,
    /// Memory for what is remembered of the archive of a tree.
    pub memory: u64,
    /// Whether files of a tree are wanted as a whole, too.
    pub files: bool,
    /// Where chunks are put that are found, if they are.
    pub placement: Option<&'a Placement<'a>>,
}

impl Scan<'_> {
    /// Looks through the first `size` bytes of a file or device.
    ///
    /// # Errors
    ///
    /// Only if somebody wants to stop, or chunks that are found cannot be written.
    pub fn blob(&self, fd: &OwnedFd, kind: Kind, size: u64, places: &Places) -> Result<()> {
        self.run(places, |stream| source::blob(fd, kind, Some(size), stream))
    }

    /// Looks through the archive of a tree; returns what it is made of.
    ///
    /// # Errors
    ///
    /// As [`Self::blob`].
    pub fn tree(&self, walk: &mut Walk, features: FeatureFlags, places: &Places) -> Result<Layout> {
        let mut layout = empty(self.files);
        self.run(places, |stream| {
            lay_out(walk, features, self.memory, &mut layout, Some(stream));
            stream.check()
        })?;
        Ok(layout)
    }

    /// Runs the pipeline. Memory: that of [`super::make::Make`], without a store.
    fn run(&self, places: &Places, write: impl FnOnce(&mut StreamWriter<'_>) -> Result<()>) -> Result<()> {
        let (failure, counters) = (Failure::default(), Counters::default());
        thread::scope(|scope| {
            let (sender, batches) = crossbeam_channel::unbounded();
            for _ in 0..self.budget.jobs {
                let (batches, failure) = (batches.clone(), &failure);
                failure.spawn(scope, move || self.note_all(&batches, places, failure));
            }
            let outlets = Outlets { whole: Vec::new(), chunks: Some(sender) };
            let buffers = self.budget.buffers(StreamWriter::buffer_size(&self.sizes, &outlets));
            let mut stream = StreamWriter::new(&self.sizes, buffers, outlets, &failure, &counters);
            let written = write(&mut stream);
            // Whatever was read before is good, if it is not the whole.
            let finished = stream.finish();
            failure.note(written.and(finished));
        });
        match failure.into_result() {
            Err(error) if matches!(error.cause(), Cause::Interrupted) => Err(error),
            Err(error) => {
                self.placement.map_or(Ok(()), Placement::check)?;
                log::debug(format_args!("The seed is used as far as it could be read: {error}"));
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// A worker.
    fn note_all(&self, batches: &Receiver<Batch>, places: &Places, failure: &Failure) {
        for batch in batches {
            // After a failure batches are only taken away, so that the stream does not wait for their buffers.
            if failure.check().is_err() {
                continue;
            }
            let mut offset = batch.offset;
            let mut starts = Vec::with_capacity(batch.chunks.len());
            let mut chunks = Vec::with_capacity(batch.chunks.len());
            for range in batch.chunks.iter().filter_map(Chunk::range) {
                let chunk = batch.segment.piece(range);
                // The largest chunk of zeros is known without a seed.
                if chunk.len() as u64 != self.sizes.max() || !is_zero(chunk) {
                    starts.push(offset);
                    chunks.push(chunk);
                }
                offset += chunk.len() as u64;
            }
            let digests = self.algorithm.digest_all(&chunks);
            for ((start, chunk), digest) in starts.into_iter().zip(&chunks).zip(digests) {
                let id = ChunkId::from(digest);
                places.note(&id, start);
                if let Some(placement) = self.placement {
                    failure.note(placement.put(&id, chunk));
                }
            }
        }
    }
}

/// An empty layout; with `files`, for those who want whole files.
pub fn empty(files: bool) -> Layout {
    if files { Layout::with_files() } else { Layout::default() }
}

/// What the archive of a tree is made of, as far as it can be read, without reading the files; in so much memory.
///
/// # Errors
///
/// Only if somebody wants to stop.
pub fn layout(walk: &mut Walk, features: FeatureFlags, files: bool, memory: u64) -> Result<Layout> {
    let mut layout = empty(files);
    lay_out(walk, features, memory, &mut layout, None);
    stop::check()?;
    Ok(layout)
}

/// Writes the archive of a tree. What cannot be read is left out: chunks behind it are found all the same. Ends where the
/// layout takes more than `memory`.
fn lay_out(
    walk: &mut Walk,
    features: FeatureFlags,
    memory: u64,
    layout: &mut Layout,
    mut stream: Option<&mut StreamWriter<'_>>,
) {
    let mut encoder = Encoder::new(features);
    let mut records = Vec::new();
    let mut open: Vec<String> = Vec::new();
    // Whoever called asks again why.
    while stop::check().is_ok() {
        if layout.memory() > memory {
            log::info(format_args!(
                "Only the first {} bytes of a seed are used; --memory= bounds what is remembered of it.",
                layout.size()
            ));
            return;
        }
        let step = match walk.next() {
            Ok(Some(step)) => step,
            Ok(None) => return,
            Err(error) => {
                log::debug(format_args!("Not used as a seed: {error}"));
                continue;
            }
        };
        records.clear();
        let is_directory = matches!(&step, Step::Node { node, .. } if node.content == Content::Directory);
        let is_leave = matches!(step, Step::Leave);
        let (encoded, payload) = match step {
            Step::Node { name, node, file } => {
                if log::is_verbose() {
                    log::verbose(format_args!("{} {}", WORDS.0, walk.shown_path()));
                }
                let encoded = match &name {
                    Some(name) => encoder.child(name, &node, &mut records).map(drop),
                    None => encoder.root(&node, &mut records).map(drop),
                };
                let payload = match (&node.content, file) {
                    (Content::Regular { size }, Some(file)) => Some((*size, file)),
                    _ => None,
                };
                (encoded, payload)
            }
            Step::Leave => (encoder.leave(&mut records), None),
        };
        if encoded.is_err() {
            return;
        }
        layout.push_records(&records);
        if stream.as_mut().is_some_and(|stream| stream.write(&records).is_err()) {
            return;
        }
        if let Some((size, file)) = payload {
            let mtime = Timestamp::from_unix(file.stat.st_mtime, file.stat.st_mtime_nsec as u32);
            layout.push_file(walk.path(), size, mtime);
            if encoder.payload(size).is_err() {
                return;
            }
            if let Some(stream) = stream.as_mut().filter(|_| size > 0) {
                let end = stream.position() + size;
                if let Err(error) = stream.payload(walk, file, size) {
                    log::debug(format_args!("Not used as a seed: {error}"));
                }
                // The archive goes on where the layout says so.
                if stream.write_zeros(end - stream.position()).is_err() {
                    return;
                }
            }
        }
        if log::is_verbose() {
            if is_directory {
                open.push(walk.shown_path());
            } else {
                let path = if is_leave { open.pop() } else { Some(walk.shown_path()) };
                path.into_iter().for_each(|path| log::verbose(format_args!("{} {path}", WORDS.1)));
            }
        }
    }
}
