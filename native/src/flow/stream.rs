//! The stream of an archive or blob on its way to those who digest, cut, store and write it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use casync_core::cache::{CacheEntry, Mark};
use casync_core::chunk::{ChunkSizes, Cutter, Segment};
use crossbeam_channel::{Receiver, Sender};

use super::Failure;
use crate::error::Result;
use crate::ui::Counters;

/// Chunks that are hashed together: enough to keep all SIMD lanes busy.
const BATCH: usize = 32;
/// Size of buffers unless chunks are large.
pub(super) const BUFFER: usize = 4 << 20;

/// A buffer full of stream, shared by those who read it. When the last is done, the buffer is used again.
#[derive(Debug)]
pub(super) struct Shared {
    bytes: Vec<u8>,
    new: Range<usize>,
    pool: Sender<Vec<u8>>,
}

impl Shared {
    /// The part of the stream that no earlier buffer has shown.
    pub(super) fn new_bytes(&self) -> &[u8] {
        &self.bytes[self.new.clone()]
    }

    /// A piece of the buffer.
    pub(super) fn piece(&self, range: &Range<usize>) -> &[u8] {
        &self.bytes[range.clone()]
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // At the end of a run nobody takes it any more.
        let _ = self.pool.send(std::mem::take(&mut self.bytes));
    }
}

/// Some consecutive chunks of the stream.
#[derive(Debug)]
pub(super) struct Batch {
    /// Place in the order of batches, from 0.
    pub(super) sequence: u64,
    /// Where the first chunk in the buffer starts in the stream, not counting what is not in buffers.
    pub(super) offset: u64,
    pub(super) segment: Arc<Shared>,
    pub(super) chunks: Vec<Chunk>,
}

/// A chunk of a batch.
#[derive(Debug)]
pub(super) enum Chunk {
    /// A piece of the buffer, and what a cache is to record of it.
    Bytes(Range<usize>, Option<Mark>),
    /// Not in the buffer, since the store has it.
    Known(CacheEntry),
}

impl Chunk {
    /// Where it is in the buffer.
    pub(super) const fn range(&self) -> Option<&Range<usize>> {
        match self {
            Self::Bytes(range, _) => Some(range),
            Self::Known(_) => None,
        }
    }
}

/// Where the stream goes. Those who are absent do not get any.
#[derive(Debug, Default)]
pub(super) struct Outlets {
    /// All bytes, in order.
    pub(super) whole: Vec<Sender<Arc<Shared>>>,
    /// The chunks.
    pub(super) chunks: Option<Sender<Batch>>,
}

/// Takes in the stream.
#[derive(Debug)]
pub struct StreamWriter<'a> {
    pub(super) filler: Filler,
    /// The chunks since the buffer was begun, if they are tracked; the cutter knows where they end.
    pub(super) tracked: Vec<Tracked>,
    /// How many of them are in the buffer.
    pub(super) tracked_cuts: usize,
    pool: (Sender<Vec<u8>>, Receiver<Vec<u8>>),
    outlets: Outlets,
    sequence: u64,
    /// Where the buffer starts in the stream.
    cut: u64,
    pub(super) written: u64,
    failure: &'a Failure,
    counters: &'a Counters,
}

/// A chunk that a cache knows about.
#[derive(Debug)]
pub(super) enum Tracked {
    /// The next chunk in the buffer.
    Cut(Option<Mark>),
    /// One that is not.
    Known(CacheEntry),
}

/// What puts the bytes into buffers.
#[derive(Debug)]
pub(super) enum Filler {
    Cut(Cutter),
    /// Nobody wants chunks.
    Whole {
        buffer: Vec<u8>,
        filled: usize,
    },
}

impl<'a> StreamWriter<'a> {
    /// A stream with `buffers` buffers, each large enough for chunks of these sizes.
    pub(super) fn new(
        sizes: &ChunkSizes,
        buffers: usize,
        outlets: Outlets,
        failure: &'a Failure,
        counters: &'a Counters,
    ) -> Self {
        let pool = crossbeam_channel::unbounded();
        let size = Self::buffer_size(sizes, &outlets);
        for _ in 1..buffers {
            // Memory is taken when a buffer is first filled.
            let _ = pool.0.send(Vec::new());
        }
        let buffer = vec![0; size];
        let filler = match outlets.chunks {
            Some(_) => Filler::Cut(Cutter::new(*sizes, buffer)),
            None => Filler::Whole { buffer, filled: 0 },
        };
        let (tracked, tracked_cuts) = (Vec::new(), 0);
        Self { filler, tracked, tracked_cuts, pool, outlets, sequence: 0, cut: 0, written: 0, failure, counters }
    }

    /// Bytes in one buffer.
    pub(super) fn buffer_size(sizes: &ChunkSizes, outlets: &Outlets) -> usize {
        if outlets.chunks.is_some() { Cutter::buffer_size(sizes, BUFFER) } else { BUFFER }
    }

    /// Where to put the next bytes; never empty.
    pub fn space(&mut self) -> &mut [u8] {
        match &mut self.filler {
            Filler::Cut(cutter) => cutter.space(),
            Filler::Whole { buffer, filled } => &mut buffer[*filled..],
        }
    }

    /// Takes note of bytes that were put there.
    ///
    /// # Errors
    ///
    /// If another stage has failed, or a signal was received.
    pub fn filled(&mut self, count: usize) -> Result<()> {
        match &mut self.filler {
            Filler::Cut(cutter) => cutter.filled(count)?,
            Filler::Whole { filled, .. } => *filled += count,
        }
        self.written += count as u64;
        if self.space().is_empty() {
            self.pass_on()?;
        }
        Ok(())
    }

    /// Appends bytes.
    ///
    /// # Errors
    ///
    /// As [`Self::filled`].
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let space = self.space();
            let count = space.len().min(bytes.len());
            space[..count].copy_from_slice(&bytes[..count]);
            self.filled(count)?;
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// Appends zeros.
    ///
    /// # Errors
    ///
    /// As [`Self::filled`].
    pub fn write_zeros(&mut self, mut count: u64) -> Result<()> {
        while count > 0 {
            let space = self.space();
            let step = space.len().min(usize::try_from(count).unwrap_or(usize::MAX));
            space[..step].fill(0);
            self.filled(step)?;
            count -= step as u64;
        }
        Ok(())
    }

    /// Bytes so far.
    pub const fn position(&self) -> u64 {
        self.written
    }

    /// Fails if another stage has failed or a signal was received. For those who work long between writes.
    ///
    /// # Errors
    ///
    /// That failure.
    pub fn check(&self) -> Result<()> {
        self.failure.check()
    }

    /// Ends the stream.
    ///
    /// # Errors
    ///
    /// As [`Self::filled`].
    pub(super) fn finish(mut self) -> Result<u64> {
        self.counters.bytes.store(self.written, Ordering::Relaxed);
        let end = Filler::Whole { buffer: Vec::new(), filled: 0 };
        match std::mem::replace(&mut self.filler, end) {
            Filler::Cut(cutter) => self.send(cutter.finish())?,
            Filler::Whole { buffer, filled } => self.send_parts(buffer, &[], 0..filled)?,
        }
        Ok(self.written)
    }

    pub(super) fn pass_on(&mut self) -> Result<()> {
        self.counters.bytes.store(self.written, Ordering::Relaxed);
        self.failure.check()?;
        let length = match &self.filler {
            Filler::Cut(cutter) => cutter.capacity(),
            Filler::Whole { buffer, .. } => buffer.len(),
        };
        // Blocks while all buffers are on their way: that is what bounds the memory.
        let mut next = self.pool.1.recv().unwrap_or_default();
        next.resize(length, 0);
        match &mut self.filler {
            Filler::Cut(cutter) => {
                let segment = cutter.swap(next);
                self.send(segment)
            }
            Filler::Whole { buffer, filled } => {
                let (full, length) = (std::mem::replace(buffer, next), std::mem::take(filled));
                self.send_parts(full, &[], 0..length)
            }
        }
    }

    fn send(&mut self, segment: Segment) -> Result<()> {
        let (bytes, cuts, new) = segment.into_parts();
        self.send_parts(bytes, &cuts, new)
    }

    fn send_parts(&mut self, bytes: Vec<u8>, cuts: &[usize], new: Range<usize>) -> Result<()> {
        let segment = Arc::new(Shared { bytes, new, pool: self.pool.0.clone() });
        for outlet in &self.outlets.whole {
            outlet.send(Arc::clone(&segment)).map_err(|_| self.failure.error())?;
        }
        let Some(outlet) = &self.outlets.chunks else { return Ok(()) };
        let mut chunks = place(cuts, &mut self.tracked).peekable();
        self.tracked_cuts = 0;
        while chunks.peek().is_some() {
            let chunks: Vec<Chunk> = chunks.by_ref().take(BATCH).collect();
            let first = chunks.iter().find_map(Chunk::range).map_or(0, |range| range.start);
            let (sequence, offset) = (self.sequence, self.cut + first as u64);
            let batch = Batch { sequence, offset, segment: Arc::clone(&segment), chunks };
            self.sequence += 1;
            outlet.send(batch).map_err(|_| self.failure.error())?;
        }
        drop(chunks);
        self.cut += cuts.last().copied().unwrap_or(0) as u64;
        Ok(())
    }
}

/// The chunks that end at these places of a buffer, and those in between that are known. Without tracking all are cut.
fn place<'a>(cuts: &'a [usize], tracked: &'a mut Vec<Tracked>) -> impl Iterator<Item = Chunk> + 'a {
    let mut start = 0;
    let mut cuts = cuts.iter().map(move |&end| std::mem::replace(&mut start, end)..end);
    let mut tracked = tracked.drain(..);
    std::iter::from_fn(move || match tracked.next() {
        Some(Tracked::Known(entry)) => Some(Chunk::Known(entry)),
        Some(Tracked::Cut(mark)) => cuts.next().map(|range| Chunk::Bytes(range, mark)),
        None => cuts.next().map(|range| Chunk::Bytes(range, None)),
    })
}
