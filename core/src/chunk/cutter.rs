//! The cutter: owns the buffer that a stream is read into and hands out whole chunks in one piece of memory.

use alloc::vec::Vec;
use core::ops::Range;

use super::ChunkSizes;
use super::chunker::CutRule;
use super::find_candidate;
use crate::error::Result;

/// Cuts a stream in buffers that the caller supplies.
///
/// The shell reads straight into the buffer; nothing is copied but what follows the last cut of a full buffer (at most
/// one chunk), which moves to the head of the next. The loop:
///
/// 1. read into [`space`](Self::space) and report it with [`filled`](Self::filled), or append with
///    [`push`](Self::push), until there is no space left;
/// 2. [`swap`](Self::swap) in an empty buffer and get the full one with its chunks;
/// 3. at the end of the stream, [`finish`](Self::finish) returns the last buffer.
///
/// ```
/// use casync_core::chunk::{ChunkSizes, Cutter};
///
/// let sizes = ChunkSizes::default();
/// let mut source = &vec![7; 3_000_000][..];
/// let buffer = || vec![0; Cutter::buffer_size(&sizes, 1 << 20)];
/// let mut cutter = Cutter::new(sizes, buffer());
/// let mut total = 0;
/// loop {
///     let n = std::io::Read::read(&mut source, cutter.space())?;
///     if n == 0 {
///         break;
///     }
///     cutter.filled(n)?;
///     if cutter.space().is_empty() {
///         let segment = cutter.swap(buffer());
///         total += segment.chunks().map(<[u8]>::len).sum::<usize>();
///     }
/// }
/// total += cutter.finish().chunks().map(<[u8]>::len).sum::<usize>();
/// assert_eq!(total, 3_000_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Cutter {
    rule: CutRule,
    buffer: Vec<u8>,
    /// Bytes of the buffer that hold stream.
    length: usize,
    /// Where each finished chunk ends.
    cuts: Vec<usize>,
    /// Length of the current chunk up to which no cut was found.
    tested: u64,
    /// Bytes at the head of the buffer that an earlier segment has already shown.
    carried: usize,
}

impl Cutter {
    /// A good size for buffers: room for several of the largest chunks, and at least `wanted` bytes.
    pub fn buffer_size(sizes: &ChunkSizes, wanted: usize) -> usize {
        wanted.max(2 * sizes.max() as usize)
    }

    /// A cutter at the start of a stream.
    ///
    /// # Panics
    ///
    /// If the buffer is not larger than the largest chunk.
    pub fn new(sizes: ChunkSizes, buffer: Vec<u8>) -> Self {
        assert!(buffer.len() as u64 > sizes.max(), "the buffer must be larger than the largest chunk");
        Self { rule: CutRule::new(sizes), buffer, length: 0, cuts: Vec::new(), tested: 0, carried: 0 }
    }

    /// Where the next bytes of the stream go. Empty when the buffer is full.
    pub fn space(&mut self) -> &mut [u8] {
        &mut self.buffer[self.length..]
    }

    /// Size of the buffer in use, in bytes.
    pub fn capacity(&self) -> usize {
        self.buffer.len()
    }

    /// Takes note of `count` bytes that were written to the head of [`Self::space`].
    ///
    /// # Errors
    ///
    /// [`crate::error::UsageError::WindowTooLarge`] if a chunk grows past a maximum that is smaller than the window.
    ///
    /// # Panics
    ///
    /// If there was less space.
    pub fn filled(&mut self, count: usize) -> Result<()> {
        assert!(count <= self.buffer.len() - self.length, "more was filled than there was space for");
        self.length += count;
        self.cut()
    }

    /// Appends as much of `bytes` as there is space for; returns how much.
    ///
    /// # Errors
    ///
    /// As [`Self::filled`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<usize> {
        let space = self.space();
        let count = bytes.len().min(space.len());
        space[..count].copy_from_slice(&bytes[..count]);
        self.filled(count)?;
        Ok(count)
    }

    /// Where in the buffer each chunk ends that is complete in it.
    pub fn cuts(&self) -> &[usize] {
        &self.cuts
    }

    /// Forgets everything after the first so many cuts of the buffer, as if it had not been put in.
    ///
    /// For streams whose next chunk turns out to be known. Returns how many bytes that are. Bytes that an earlier segment
    /// has shown as new may be among them, so who uses [`Segment::new_bytes`] must not go back.
    pub fn rewind(&mut self, cuts: usize) -> usize {
        self.cuts.truncate(cuts);
        let end = self.length;
        self.length = self.chunk_start();
        self.carried = self.carried.min(self.length);
        self.tested = 0;
        end - self.length
    }

    /// Hands out the buffer with the chunks that are complete in it and goes on in `next`, a buffer of the same size.
    ///
    /// # Panics
    ///
    /// If `next` is not larger than the largest chunk.
    pub fn swap(&mut self, mut next: Vec<u8>) -> Segment {
        assert!(next.len() as u64 > self.rule.sizes.max(), "the buffer must be larger than the largest chunk");
        let rest = self.chunk_start()..self.length;
        next[..rest.len()].copy_from_slice(&self.buffer[rest.clone()]);
        let segment = Segment {
            bytes: core::mem::replace(&mut self.buffer, next),
            cuts: core::mem::take(&mut self.cuts),
            new: self.carried..self.length,
        };
        self.length = rest.len();
        self.carried = rest.len();
        segment
    }

    /// Ends the stream: what follows the last cut is the last chunk.
    pub fn finish(mut self) -> Segment {
        if self.chunk_start() < self.length {
            self.cuts.push(self.length);
        }
        Segment { bytes: self.buffer, cuts: self.cuts, new: self.carried..self.length }
    }

    fn chunk_start(&self) -> usize {
        self.cuts.last().copied().unwrap_or(0)
    }

    fn cut(&mut self) -> Result<()> {
        loop {
            let start = self.chunk_start();
            let available = (self.length - start) as u64;
            let Some(first) = self.rule.first_end(self.tested, available)? else { return Ok(()) };
            let last = available.min(self.rule.sizes.max());
            let found = self.rule.discriminator.and_then(|discriminator| {
                let before = start + first as usize - crate::hash::WINDOW;
                let end = find_candidate(&self.buffer[before..start + last as usize], &discriminator)?;
                Some(before + end)
            });
            let limit = (last == self.rule.sizes.max()).then_some(start + last as usize);
            match found.or(limit) {
                Some(end) => {
                    self.cuts.push(end);
                    self.tested = 0;
                }
                None => {
                    self.tested = last;
                    return Ok(());
                }
            }
        }
    }
}

/// A buffer full of stream with the chunks that are complete in it.
#[derive(Debug)]
pub struct Segment {
    bytes: Vec<u8>,
    cuts: Vec<usize>,
    new: Range<usize>,
}

impl Segment {
    /// The chunks, in order.
    pub fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        self.ranges().map(|range| &self.bytes[range])
    }

    /// Where the chunks lie in [`Self::bytes`].
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        let starts = core::iter::once(0).chain(self.cuts.iter().copied());
        starts.zip(&self.cuts).map(|(start, &end)| start..end)
    }

    /// The whole buffer.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The stream's bytes that no earlier segment has shown: all segments' joined are the stream.
    pub fn new_bytes(&self) -> &[u8] {
        &self.bytes[self.new.clone()]
    }

    /// Gives the buffer back for reuse.
    pub fn into_buffer(self) -> Vec<u8> {
        self.bytes
    }

    /// Takes the segment apart: the buffer, where each chunk ends in it, and where [`Self::new_bytes`] lies.
    pub fn into_parts(self) -> (Vec<u8>, Vec<usize>, Range<usize>) {
        (self.bytes, self.cuts, self.new)
    }
}
