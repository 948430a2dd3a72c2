//! `extract` of a blob: every chunk has its place, so workers write them in whatever order they come.
//!
//! ```text
//! index -> work -+-> worker [right in place already?] [load > verify > write]
//!                +-> worker [clone a run from a seed > read it back > verify], what is wrong as above
//! ```

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::ops::Range;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use casync_core::chunk::{PlainChunk, verify_all};
use casync_core::index::Piece;

use super::input::{Index, count};
use super::placement::Placement;
use super::{Budget, Failure};
use crate::error::{Cause, Context as _, Result};
use crate::fs::reflink::{self, Pair};
use crate::fs::{blob, holes};
use crate::seed::{Origin, SeedPlace, SeedReader, Seeds};
use crate::store::{Chain, Lease, Loaded, Loader};
use crate::ui::Counters;

/// A blob's output that takes bytes at any offset.
#[derive(Clone, Copy, Debug)]
pub struct BlobTarget<'a> {
    /// Open for reading and writing.
    pub fd: &'a OwnedFd,
    /// Whether zeros that are not written read as zeros: a new file.
    pub sparse: bool,
    /// Whether chunks may be right in place already, since the seed of the output is the output itself.
    pub in_place: bool,
    /// Whether any chunk may be right in place already, since a run that was interrupted wrote to it.
    pub resumed: bool,
    /// Whether to share data with seeds where that is possible.
    pub reflink: bool,
}

impl BlobTarget<'_> {
    /// Whether chunks may be right in place, so that they are looked at before any is asked for.
    pub(super) const fn is_read_first(&self) -> bool {
        self.resumed || self.in_place
    }

    /// Writes a chunk to its place; with `sparse`, only what is no zeros. Returns how many bytes were left out.
    pub(super) fn put_chunk(&self, bytes: &[u8], offset: u64, sparse: bool) -> Result<u64> {
        if !sparse {
            self.put(bytes, offset)?;
            return Ok(0);
        }
        let mut data = 0;
        for range in holes::data_ranges(bytes, offset) {
            data += range.len() as u64;
            self.put(&bytes[range.clone()], offset + range.start as u64)?;
        }
        Ok(bytes.len() as u64 - data)
    }

    fn put(&self, bytes: &[u8], offset: u64) -> Result<()> {
        blob::write_all_at(self.fd.as_fd(), bytes, offset).context(|| format!("write at offset {offset}"))
    }
}

/// Writes the stream of an index into a file or device, without the chunks that `placement` has put there already. Returns how
/// many zero bytes became holes.
///
/// # Errors
///
/// If a chunk cannot be had or written.
pub fn write(
    index: &mut Index,
    chain: &Chain,
    target: BlobTarget<'_>,
    placement: Option<&Placement<'_>>,
    budget: Budget,
    counters: &Counters,
) -> Result<u64> {
    let (algorithm, size) = (index.algorithm(), index.stream_size());
    let none = Seeds::new(&index.sizes(), algorithm);
    let seeds = chain.seeds().unwrap_or(&none);
    let share = budget.memory / 2 / budget.jobs as u64;
    // Chunks that come from afar are asked for long before their turn.
    let ahead = if chain.looks_ahead() { budget.memory / 4 } else { 0 };
    let (planned, planned_bytes) = (VecDeque::new(), 0);
    let next = 0;
    let work = Work { index, chain, seeds, target, placement, next, share, ahead, planned, planned_bytes };
    let work = Mutex::new(work);
    let failure = Failure::default();
    let holes = AtomicU64::new(placement.map_or(0, Placement::holes));
    // Errors by where the task begins. Tasks before one that fails have been taken and are worked on to their end, so which
    // of the errors is the first in the stream does not depend on the speed of the workers.
    let errors = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..budget.jobs {
            failure.spawn(scope, || {
                let written = Loader::new(chain, algorithm).and_then(|loader| {
                    let seed_reader = SeedReader::default();
                    let mut worker = Worker { seeds, target, loader, seed_reader, share, size, counters, holes: 0 };
                    loop {
                        failure.check()?;
                        let task = work.lock().unwrap_or_else(PoisonError::into_inner).take()?;
                        if task.pieces.is_empty() {
                            holes.fetch_add(worker.holes, Ordering::Relaxed);
                            return Ok(());
                        }
                        let start = task.pieces.first().map(|piece| piece.start);
                        worker.perform(task).inspect_err(|error| {
                            errors.lock().unwrap_or_else(PoisonError::into_inner).insert(start, error.clone());
                        })?;
                    }
                });
                failure.note(written);
            });
        }
    });
    let first = errors.into_inner().unwrap_or_else(PoisonError::into_inner).pop_first();
    match (failure.into_result(), first) {
        (Err(error), Some((_, first))) if !matches!(error.cause(), Cause::Interrupted) => Err(first),
        (Err(error), _) => Err(error),
        (Ok(()), _) => Ok(holes.into_inner()),
    }
}

/// Consecutive chunks.
#[derive(Debug, Default)]
struct Task {
    pieces: Vec<Piece>,
    /// Where they begin in a seed that has all of them, one after the other, too.
    run: Option<SeedPlace>,
    bytes: u64,
    /// Keeps what is fetched for it.
    lease: Lease,
}

/// Chunks that no worker has taken.
struct Work<'a> {
    index: &'a mut Index,
    chain: &'a Chain,
    seeds: &'a Seeds,
    target: BlobTarget<'a>,
    /// What needs no work.
    placement: Option<&'a Placement<'a>>,
    next: u64,
    /// Bytes that one worker may hold at a time.
    share: u64,
    /// Bytes of tasks to plan ahead.
    ahead: u64,
    planned: VecDeque<Task>,
    planned_bytes: u64,
}

/// Chunks that are loaded and verified together.
const BATCH: usize = 32;

impl Work<'_> {
    /// Bytes that are cloned at once: few pieces for the file system, and work for every worker.
    const RUN: u64 = 16 << 20;

    /// The next chunks; none at the end.
    fn take(&mut self) -> Result<Task> {
        while self.planned.is_empty() || self.planned_bytes < self.ahead {
            let mut task = self.plan()?;
            if task.pieces.is_empty() {
                break;
            }
            // Where it is not, whoever works on it asks for what is missing.
            if !self.target.is_read_first() {
                task.lease = self.chain.announce(&task.pieces);
            }
            self.planned_bytes += task.bytes;
            self.planned.push_back(task);
        }
        let task = self.planned.pop_front().unwrap_or_default();
        self.planned_bytes -= task.bytes;
        Ok(task)
    }

    /// The chunks after those that are planned; none at the end.
    fn plan(&mut self) -> Result<Task> {
        let mut task = Task::default();
        let mut bytes = 0;
        while let Some(piece) = self.index.get(self.next)? {
            let is_placed = self.placement.is_some_and(|placement| placement.has(piece.number));
            if is_placed && task.run.is_some() {
                break;
            }
            if is_placed {
                self.next += 1;
                continue;
            }
            let place = self.clonable(&piece);
            let goes_on = match (task.run, place) {
                _ if task.pieces.is_empty() => {
                    task.run = place;
                    true
                }
                (Some(run), Some(place)) => {
                    let follows = place == SeedPlace { seed: run.seed, offset: run.offset + bytes };
                    follows && bytes + piece.size <= Self::RUN
                }
                (None, None) => task.pieces.len() < BATCH && bytes + piece.size <= self.share,
                _ => false,
            };
            if !goes_on {
                break;
            }
            bytes += piece.size;
            task.pieces.push(piece);
            self.next += 1;
        }
        task.bytes = bytes;
        Ok(task)
    }

    /// Where a chunk may be cloned from.
    fn clonable(&self, piece: &Piece) -> Option<SeedPlace> {
        if !self.target.reflink || self.seeds.is_zeros(&piece.id, piece.size) {
            return None;
        }
        let place = self.seeds.find(&piece.id).next()?;
        self.seeds.is_clonable(place.seed).then_some(place)
    }
}

/// Writes chunks.
struct Worker<'a> {
    seeds: &'a Seeds,
    target: BlobTarget<'a>,
    loader: Loader<'a>,
    seed_reader: SeedReader,
    share: u64,
    /// Bytes in the stream.
    size: u64,
    counters: &'a Counters,
    holes: u64,
}

impl Worker<'_> {
    fn perform(&mut self, task: Task) -> Result<()> {
        if let Some(place) = task.run
            && self.clone_run(place, &task.pieces)?
        {
            let mut wrong = Vec::new();
            for pieces in batches(&task.pieces, self.share) {
                wrong.extend(self.verify(pieces, Origin::Seed(place))?);
            }
            // What is there now is no zeros.
            return batches(&wrong, self.share).try_for_each(|pieces| self.load(pieces, false));
        }
        for pieces in batches(&task.pieces, self.share) {
            self.write(pieces)?;
        }
        Ok(())
    }

    /// Puts a run of chunks in place by sharing it with its seed, as far as blocks allow, and copying the rest. Nothing of it
    /// is verified. False if nothing could be shared; nothing was done then.
    ///
    /// Such a run is read, verified and written then. `copy_file_range` would leave out neither copy: what the kernel has
    /// copied has to be read back to be verified. Measured for 64 MiB in memory, it took 20 to 40 ms of CPU on ext4 and 50 to
    /// 60 ms on tmpfs, against 20 to 30 and 40 to 50 ms for reading and writing.
    fn clone_run(&mut self, place: SeedPlace, pieces: &[Piece]) -> Result<bool> {
        let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { return Ok(false) };
        let whole = first.start..last.start + last.size;
        let mut cloned: Vec<Range<u64>> = Vec::new();
        let target = self.target.fd.as_fd();
        let seed = place.offset..place.offset + (whole.end - whole.start);
        let tried = self.seed_reader.extents(self.seeds, place.seed, seed.clone(), |source, source_offset, part| {
            let offset = whole.start + (part.start - seed.start);
            let pair = Pair { source, source_offset, target, offset, length: part.end - part.start };
            let range = pair.clone_data()?;
            if !range.is_empty() {
                cloned.push(range);
            }
            Ok(())
        });
        if let Err(errno) = tried
            && reflink::is_hopeless(errno)
        {
            self.seeds.set_unclonable(place.seed);
        }
        if cloned.is_empty() {
            return Ok(false);
        }
        let bytes = cloned.iter().map(|range| range.end - range.start).sum();
        Counters::add(&self.counters.cloned_bytes, bytes);
        let mut at = whole.start;
        for range in cloned {
            self.copy(place, whole.start, at..range.start)?;
            at = range.end;
        }
        self.copy(place, whole.start, at..whole.end)?;
        Ok(true)
    }

    /// Copies what belongs in a range of the output from a seed, unverified. What cannot be read is found to be wrong later.
    fn copy(&mut self, place: SeedPlace, run: u64, range: Range<u64>) -> Result<()> {
        const PIECE: u64 = 1 << 20;
        let mut at = range.start;
        while at < range.end {
            let size = (range.end - at).min(PIECE);
            let from = SeedPlace { offset: place.offset + (at - run), ..place };
            if let Some(bytes) = self.seed_reader.read(self.seeds, from, size, Vec::new()) {
                self.target.put(bytes.untrusted_bytes(), at)?;
            }
            at += size;
        }
        Ok(())
    }

    /// Reads chunks back from the output, counts those that are right, and returns the others.
    fn verify(&self, pieces: &[Piece], origin: Origin) -> Result<Vec<Piece>> {
        let mut ids = Vec::with_capacity(pieces.len());
        let mut chunks = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let mut bytes = vec![0; usize::try_from(piece.size).unwrap_or(usize::MAX)];
            let filled = blob::read_at(self.target.fd, &mut bytes, piece.start)
                .context(|| format!("read at offset {} what was written there", piece.start))?;
            bytes.truncate(filled);
            ids.push(piece.id);
            chunks.push(PlainChunk::from_untrusted(bytes));
        }
        let mut wrong = Vec::new();
        for (piece, verified) in pieces.iter().zip(verify_all(chunks, &ids, self.loader.algorithm())) {
            let good = verified.is_ok();
            if let Origin::Seed(place) = origin {
                self.seeds.note(place, good);
            }
            if good {
                count(self.counters, piece, origin);
                self.seeds.note_written(&piece.id, piece.start);
            } else {
                wrong.push(*piece);
            }
        }
        Ok(wrong)
    }

    /// Writes chunks that are not in place already.
    fn write(&mut self, pieces: &[Piece]) -> Result<()> {
        if self.target.resumed {
            // No seed: nobody has looked through it before.
            let missing = self.verify(pieces, Origin::Seed(SeedPlace { seed: usize::MAX, offset: 0 }))?;
            return self.load(&missing, false);
        }
        if !self.target.in_place {
            return self.load(pieces, self.target.sparse);
        }
        let (seeds, mut missing) = (self.seeds, Vec::with_capacity(pieces.len()));
        let mut there = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match seeds.find_in_output(&piece.id) {
                Some(_) => there.push(*piece),
                None if seeds.is_zeros(&piece.id, piece.size) => there.push(*piece),
                // It ends where the image does; on a larger device whatever follows was cut with it.
                None if piece.start + piece.size == self.size => there.push(*piece),
                None => missing.push(*piece),
            }
        }
        // All of them count for the seed of the output, the first.
        missing.extend(self.verify(&there, Origin::Seed(SeedPlace { seed: 0, offset: 0 }))?);
        self.load(&missing, self.target.sparse)
    }

    /// Loads and writes chunks.
    fn load(&mut self, pieces: &[Piece], sparse: bool) -> Result<()> {
        let _lease = if self.target.is_read_first() { self.loader.announce(pieces) } else { Lease::default() };
        let mut seen = HashSet::new();
        let mut again = Vec::new();
        let mut wanted = Vec::with_capacity(pieces.len());
        for piece in pieces {
            if sparse && self.seeds.is_zeros(&piece.id, piece.size) {
                self.holes += piece.size;
                Counters::add(&self.counters.bytes, piece.size);
            } else if seen.insert(piece.id) {
                wanted.push(*piece);
            } else {
                again.push(*piece);
            }
        }
        self.load_all(&wanted, sparse)?;
        // Those are in the output by now.
        self.load_all(&again, sparse)
    }

    fn load_all(&mut self, pieces: &[Piece], sparse: bool) -> Result<()> {
        for (piece, chunk) in pieces.iter().zip(self.loader.load(pieces)) {
            let Loaded { chunk, origin } = chunk.map_err(|error| {
                error.context(format!("chunk {} at offset {} of the stream", piece.number, piece.start))
            })?;
            self.holes += self.target.put_chunk(chunk.bytes(), piece.start, sparse)?;
            count(self.counters, piece, origin);
            self.seeds.note_written(&piece.id, piece.start);
            self.loader.recycle(chunk.into_bytes());
        }
        Ok(())
    }
}

/// Pieces that may be in memory together.
fn batches(pieces: &[Piece], share: u64) -> impl Iterator<Item = &[Piece]> {
    let mut rest = pieces;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |piece: &&Piece| {
            let first = bytes == 0;
            bytes += piece.size;
            first || bytes <= share
        };
        let length = rest.iter().take(BATCH).take_while(fits).count();
        let (batch, after) = rest.split_at(length);
        rest = after;
        (!batch.is_empty()).then_some(batch)
    })
}
