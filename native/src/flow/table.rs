//! Makes a seed table: a stream is cut and digested, and nothing of it is stored (format: [`casync_core::catab`]).
//!
//! ```text
//! file or tree -> stream (cut) -> workers [digest] -> table, in order
//!              -> parts -----------------------------^
//! ```

use std::collections::BTreeMap;
use std::io::Write;
use std::os::fd::{AsFd as _, OwnedFd};
use std::thread;

use casync_core::cache::{FileIdentity, RecordsOf};
use casync_core::catab::{CatabHeader, CatabWriter};
use casync_core::chunk::{ChunkId, is_zero};
use crossbeam_channel::{Receiver, Sender};
use rustix::fs as os;

use super::source::{self, Sink};
use super::stream::{Batch, Chunk, Outlets, StreamWriter};
use super::{Budget, Failure};
use crate::cache::{Clock, Identifier};
use crate::error::{Context as _, Result};
use crate::fs::blob::Kind;
use crate::fs::walk::{OpenFile, Walk};
use crate::ui::{Counters, log};

/// Bytes that are written at a time.
const PIECE: usize = 64 << 10;

/// What has been made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tabled {
    /// Bytes in the stream.
    pub size: u64,
    /// Chunks of it.
    pub chunks: u64,
    /// Files that are left out since a later change of them might not show.
    pub unsettled: u64,
}

/// Takes in the stream, and what it is made of.
#[derive(Debug)]
pub struct TableSink<'a> {
    stream: StreamWriter<'a>,
    parts: Sender<Part>,
    clock: Clock,
    identifier: Identifier,
    unsettled: u64,
}

/// A part of the stream. It is on its way before its bytes are, so it is there when a chunk of them is.
#[derive(Debug)]
enum Part {
    Records(Box<[u8]>),
    File(FileIdentity, Box<[u8]>),
    Gap(u64),
}

/// Chunks of one batch with their lengths.
type Named = (u64, Vec<(ChunkId, u64)>);

/// Runs the pipeline: writes the table of what `source` puts into the sink. The clock was started before anything was opened.
///
/// Memory: that of [`super::make::Make`], and the records of what is in its buffers.
///
/// # Errors
///
/// If something cannot be read or written, or somebody wants to stop.
pub fn write(
    header: &CatabHeader,
    budget: Budget,
    clock: Clock,
    counters: &Counters,
    output: impl Write + Send,
    source: impl FnOnce(&mut TableSink<'_>) -> Result<()>,
) -> Result<Tabled> {
    let failure = Failure::default();
    let tabled = thread::scope(|scope| {
        let (sender, batches) = crossbeam_channel::unbounded::<Batch>();
        let (parts_sender, parts) = crossbeam_channel::unbounded();
        let (named_sender, named) = crossbeam_channel::unbounded();
        for _ in 0..budget.jobs {
            let (batches, named, failure) = (batches.clone(), named_sender.clone(), &failure);
            failure.spawn(scope, move || name_all(header, &batches, &named, failure));
        }
        drop((batches, named_sender));
        let failure = &failure;
        let writing = failure.spawn(scope, move || failure.note(write_table(header, output, &parts, &named)));
        let outlets = Outlets { whole: Vec::new(), chunks: Some(sender) };
        let buffers = budget.buffers(StreamWriter::buffer_size(&header.sizes, &outlets));
        let stream = StreamWriter::new(&header.sizes, buffers, outlets, failure, counters);
        let identifier = Identifier::default();
        let mut sink = TableSink { stream, parts: parts_sender, clock, identifier, unsettled: 0 };
        // While the stream is there the table does not end: an error of the source comes first.
        let sourced = failure.note(source(&mut sink));
        let TableSink { stream, parts, unsettled, .. } = sink;
        let size = sourced.and_then(|()| failure.note(stream.finish())).unwrap_or(0);
        drop(parts);
        let chunks = writing.and_then(|thread| thread.join().ok().flatten()).unwrap_or(0);
        Tabled { size, chunks, unsettled }
    });
    failure.into_result()?;
    Ok(tabled)
}

impl TableSink<'_> {
    /// Takes a whole file that is no part of a tree.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or changes meanwhile.
    pub fn blob(&mut self, fd: &OwnedFd) -> Result<()> {
        let fd = rustix::io::fcntl_dupfd_cloexec(fd, 3)?;
        let (stat, magic) = (os::fstat(&fd)?, os::fstatfs(fd.as_fd())?.f_type as u64);
        let file = OpenFile { fd, stat, magic };
        self.announce(b"", &file, stat.st_size as u64)?;
        source::blob(&file.fd, Kind::File, Some(stat.st_size as u64), &mut self.stream)?;
        file.check_unchanged()
    }

    fn announce(&mut self, path: &[u8], file: &OpenFile, size: u64) -> Result<()> {
        let identity = self.identifier.identify(file);
        let settled = self.clock.settles(&file.stat, file.magic) && identity.size == size;
        self.unsettled += u64::from(!settled && size > 0);
        self.part(if settled { Part::File(identity, path.into()) } else { Part::Gap(size) })
    }

    fn part(&self, part: Part) -> Result<()> {
        // If nobody takes it, there is an error already.
        self.parts.send(part).or_else(|_| self.stream.check())
    }
}

impl Sink for TableSink<'_> {
    fn check(&self) -> Result<()> {
        self.stream.check()
    }

    fn records(&mut self, _: &Walk, _: RecordsOf, bytes: &[u8]) -> Result<()> {
        self.part(Part::Records(bytes.into()))?;
        self.stream.write(bytes)
    }

    fn payload(&mut self, walk: &Walk, file: OpenFile, size: u64) -> Result<()> {
        self.announce(walk.path(), &file, size)?;
        let end = self.stream.position() + size;
        if let Err(error) = self.stream.payload(walk, file, size) {
            self.stream.check()?;
            // Its recorded identity, if it changed, is one that it will not have again; in any case its chunks are verified.
            log::info(format_args!("Not used as a seed: {error}"));
        }
        self.stream.write_zeros(end - self.stream.position())
    }
}

/// A worker.
fn name_all(header: &CatabHeader, batches: &Receiver<Batch>, named: &Sender<Named>, failure: &Failure) {
    let algorithm = header.algorithm();
    // Sparse images have thousands of them.
    let mut zeros: Option<ChunkId> = None;
    for batch in batches {
        // After a failure batches are only taken away, so that the stream does not wait for their buffers.
        if failure.check().is_err() {
            continue;
        }
        let pieces: Vec<&[u8]> =
            batch.chunks.iter().filter_map(Chunk::range).map(|range| batch.segment.piece(range)).collect();
        let is_zeros = |chunk: &[u8]| chunk.len() as u64 == header.sizes.max() && is_zero(chunk);
        let zero: Vec<bool> = pieces.iter().map(|piece| is_zeros(piece)).collect();
        let others: Vec<&[u8]> =
            pieces.iter().zip(&zero).filter(|(_, zero)| !**zero).map(|(piece, _)| *piece).collect();
        let mut digests = algorithm.digest_all(&others).into_iter();
        let chunks = pieces.iter().zip(zero).map(|(piece, zero)| {
            let id = if zero {
                *zeros.get_or_insert_with(|| ChunkId::of(piece, algorithm))
            } else {
                digests.next().map(ChunkId::from).unwrap_or_default()
            };
            (id, piece.len() as u64)
        });
        let _ = named.send((batch.sequence, chunks.collect()));
    }
}

/// Writes parts and chunks in the order of the stream; returns the number of chunks.
fn write_table(
    header: &CatabHeader,
    mut output: impl Write,
    parts: &Receiver<Part>,
    batches: &Receiver<Named>,
) -> Result<u64> {
    let what = || "write the table";
    let mut bytes = Vec::new();
    let mut writer = CatabWriter::new(header, &mut bytes)?;
    let (mut early, mut next, mut cut, mut chunks) = (BTreeMap::new(), 0, 0, 0);
    for (sequence, named) in batches {
        early.insert(sequence, named);
        while let Some(named) = early.remove(&next) {
            next += 1;
            for (id, length) in named {
                cut += length;
                chunks += 1;
                while writer.size() < cut
                    && let Ok(part) = parts.recv()
                {
                    match part {
                        Part::Records(records) => writer.records(&records, &mut bytes)?,
                        Part::File(identity, path) => writer.file(&identity, &path, &mut bytes)?,
                        Part::Gap(size) => writer.gap(size, &mut bytes)?,
                    }
                }
                writer.chunk(id, length, &mut bytes)?;
                if bytes.len() >= PIECE {
                    output.write_all(&bytes).context(what)?;
                    bytes.clear();
                }
            }
        }
    }
    writer.finish(&mut bytes)?;
    output.write_all(&bytes).and_then(|()| output.flush()).context(what)?;
    Ok(chunks)
}
