//! `extract`: from an index or archive to a tree, a file, a device or a stream.

use std::io::Write;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use casync_core::archive::{Decoder, Event};
use casync_core::chunk::ChunkId;
use casync_core::index::Piece;
use casync_core::record::FeatureFlags;

use super::input::{Batches, ByteSource, Feed, Flow, Index, pump, with_feed};
use super::{Budget, Failure};
use crate::error::{Context as _, Error, Result};
use crate::fs::apply::{Applied, TreeWriter};
use crate::fs::{blob, holes};
use crate::store::{Chain, Loader};
use crate::tar::TarWriter;
use crate::ui::{Counters, log, narrate};

/// Makes a tree from the archive that `source` delivers. `begin` makes the writer once the archive's flags are known.
///
/// # Errors
///
/// Those of source, archive and file system.
pub fn tree(
    source: &mut dyn ByteSource,
    decoder: &mut Decoder,
    begin: impl FnOnce(FeatureFlags) -> Result<TreeWriter>,
) -> Result<Applied> {
    let mut begin = Some(begin);
    let mut writer: Option<TreeWriter> = None;
    let mut features = FeatureFlags::EMPTY;
    let mut is_first = true;
    let pumped = pump(source, decoder, |event| {
        if let (Event::Node(event), Some(begin)) = (&event, begin.take_if(|_| matches!(event, Event::Node(_)))) {
            features = event.features;
            writer = Some(begin(features)?);
        }
        let Some(writer) = &mut writer else { return Ok(Flow::Continue) };
        match event {
            Event::Node(event) => {
                writer.enter(event.name, event.node)?;
                if log::is_verbose() {
                    log::verbose(format_args!("Extracting {}", writer.shown_path()));
                }
                if std::mem::take(&mut is_first) {
                    narrate::features(features);
                }
            }
            Event::Payload(bytes) => writer.payload(bytes)?,
            Event::End => {
                let path = log::is_verbose().then(|| writer.shown_path());
                writer.leave()?;
                if let Some(path) = path {
                    log::verbose(format_args!("Extracted {path}"));
                }
            }
        }
        Ok(Flow::Continue)
    });
    match (pumped, writer) {
        (Ok(()), Some(writer)) => writer.sync().map(|()| writer.applied()),
        (Ok(()), None) => Ok(Applied::default()),
        (Err(error), Some(writer)) => Err(error.context(format!("extracting {:?}", writer.shown_path()))),
        (Err(error), None) => Err(error),
    }
}

/// Writes the archive that `source` delivers as a tar file. `begin` makes the writer once the archive's flags are known.
/// Returns how many sockets were left out.
///
/// # Errors
///
/// Those of source, archive and output.
pub fn tar<W: Write>(
    source: &mut dyn ByteSource,
    decoder: &mut Decoder,
    begin: impl FnOnce(FeatureFlags) -> TarWriter<W>,
) -> Result<u64> {
    let mut begin = Some(begin);
    let mut writer: Option<TarWriter<W>> = None;
    let pumped = pump(source, decoder, |event| {
        match event {
            Event::Node(event) => {
                let is_first = begin.is_some();
                let writer = match (&mut writer, begin.take()) {
                    (none, Some(begin)) => none.insert(begin(event.features)),
                    (Some(writer), None) => writer,
                    (None, None) => return Ok(Flow::Stop),
                };
                writer.enter(event.name, event.node)?;
                if log::is_verbose() {
                    log::verbose(format_args!("Extracting {}", writer.shown_path()));
                }
                if is_first {
                    narrate::features(event.features);
                }
            }
            Event::Payload(bytes) => writer.iter_mut().try_for_each(|writer| writer.payload(bytes))?,
            Event::End => writer.iter_mut().try_for_each(TarWriter::leave)?,
        }
        Ok(Flow::Continue)
    });
    let Some(writer) = writer else { return pumped.map(|()| 0) };
    pumped.map_err(|error| error.context(format!("extracting {:?}", writer.shown_path())))?;
    let sockets = writer.sockets();
    writer.finish()?;
    Ok(sockets)
}

/// A blob's output that takes bytes at any offset.
#[derive(Clone, Copy, Debug)]
pub struct BlobTarget<'a> {
    /// Open for writing.
    pub fd: &'a OwnedFd,
    /// Whether zeros that are not written read as zeros: a new file.
    pub sparse: bool,
}

/// Writes the stream of an index into a file or device, in whatever order chunks come. Returns how many zero bytes became
/// holes.
///
/// # Errors
///
/// If a chunk cannot be had or written.
pub fn blob(
    index: &mut Index,
    chain: &Chain,
    target: BlobTarget<'_>,
    budget: Budget,
    counters: &Counters,
) -> Result<u64> {
    let (algorithm, sizes) = (index.algorithm(), index.sizes());
    // Big images are full of this chunk.
    const ZEROS_MAX: u64 = 1 << 20;
    let zeros = (target.sparse && sizes.max() <= ZEROS_MAX)
        .then(|| (ChunkId::of(&vec![0; sizes.max() as usize], algorithm), sizes.max()));
    let work = Mutex::new(Batches::new(index, budget));
    let failure = Failure::default();
    let holes = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..budget.jobs {
            failure.spawn(scope, || {
                let written = Loader::new(chain, algorithm).and_then(|mut loader| {
                    loop {
                        failure.check()?;
                        let pieces = work.lock().unwrap_or_else(PoisonError::into_inner).take()?;
                        if pieces.is_empty() {
                            return Ok(());
                        }
                        let written = write_pieces(&pieces, &mut loader, target, zeros, counters)?;
                        holes.fetch_add(written, Ordering::Relaxed);
                    }
                });
                failure.note(written);
            });
        }
    });
    failure.into_result()?;
    Ok(holes.into_inner())
}

fn write_pieces(
    pieces: &[Piece],
    loader: &mut Loader<'_>,
    target: BlobTarget<'_>,
    zeros: Option<(ChunkId, u64)>,
    counters: &Counters,
) -> Result<u64> {
    let is_zeros = |piece: &Piece| zeros == Some((piece.id, piece.size));
    let wanted: Vec<Piece> = pieces.iter().filter(|piece| !is_zeros(piece)).copied().collect();
    let mut holes: u64 = pieces.iter().filter(|piece| is_zeros(piece)).map(|piece| piece.size).sum();
    Counters::add(&counters.bytes, holes);
    for (piece, chunk) in wanted.iter().zip(loader.load(&wanted)) {
        let chunk = chunk.map_err(|error: Error| {
            error.context(format!("chunk {} at offset {} of the stream", piece.number, piece.start))
        })?;
        let write = |bytes: &[u8], offset| {
            blob::write_all_at(target.fd.as_fd(), bytes, offset).context(|| format!("write at offset {offset}"))
        };
        let bytes = chunk.bytes();
        if target.sparse {
            let mut data = 0;
            for range in holes::data_ranges(bytes, piece.start) {
                data += range.len() as u64;
                write(&bytes[range.clone()], piece.start + range.start as u64)?;
            }
            holes += piece.size - data;
        } else {
            write(bytes, piece.start)?;
        }
        Counters::add(&counters.bytes, piece.size);
        Counters::add(&counters.store_chunks, 1);
        Counters::add(&counters.store_bytes, piece.size);
        loader.recycle(chunk.into_bytes());
    }
    Ok(holes)
}

/// Writes the stream of an index in order, for pipes.
///
/// # Errors
///
/// If a chunk cannot be had or written.
pub fn stream(index: &mut Index, chain: &Chain, output: &OwnedFd, budget: Budget, counters: &Counters) -> Result<()> {
    with_feed(index, chain, budget, counters, |feed: &mut Feed<'_>| {
        loop {
            let piece = feed.fill()?;
            let length = piece.len();
            if length == 0 {
                return Ok(());
            }
            blob::write_all(output, piece).context(|| "write to standard output")?;
            feed.consume(length);
        }
    })
}
