//! Two blobs: which ranges differ.

use std::os::fd::OwnedFd;

use casync_core::chunk::ChunkId;
use casync_core::diff::Lockstep;
use casync_core::index::Piece;

use crate::error::Result;
use crate::flow::Failure;
use crate::flow::input::{ByteSource, Index};
use crate::fs::blob;

/// Bytes that differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// What became of them.
    pub change: Change,
    /// Offset of the first byte.
    pub start: u64,
    /// Offset behind the last byte.
    pub end: u64,
}

/// What became of a range of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The right side is longer.
    Added,
    /// The left side is longer.
    Removed,
    /// Both have bytes there, which differ somewhere.
    Changed,
}

/// Joins ranges that touch, and hands them over.
struct Ranges<F> {
    report: F,
    pending: Option<Range>,
}

impl<F: FnMut(Range) -> Result<()>> Ranges<F> {
    const fn new(report: F) -> Self {
        Self { report, pending: None }
    }

    fn push(&mut self, start: u64, length: u64, same: bool) -> Result<()> {
        if same || length == 0 {
            return Ok(());
        }
        match &mut self.pending {
            Some(pending) if pending.end == start => pending.end += length,
            _ => {
                self.flush()?;
                self.pending = Some(Range { change: Change::Changed, start, end: start + length });
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.pending.take().map_or(Ok(()), &mut self.report)
    }

    /// Ends with what only the longer side has.
    fn finish(mut self, left: u64, right: u64) -> Result<()> {
        self.flush()?;
        let (change, start, end) =
            if left < right { (Change::Added, left, right) } else { (Change::Removed, right, left) };
        if start == end { Ok(()) } else { (self.report)(Range { change, start, end }) }
    }
}

/// Compares the blobs of two indexes that were cut alike, by ids alone: ranges reach to where chunks begin and end.
///
/// # Errors
///
/// If an index cannot be read, and those of `report`.
pub fn between_indexes(left: &mut Index, right: &mut Index, report: impl FnMut(Range) -> Result<()>) -> Result<()> {
    let mut ranges = Ranges::new(report);
    let mut lockstep = Lockstep::new(0, 0, left.stream_size().min(right.stream_size()));
    let (mut at_left, mut at_right) = (0, 0);
    while lockstep.places().is_some() {
        let (Some(from), Some(to)) = (left.get(at_left)?, right.get(at_right)?) else { break };
        let span = lockstep.step(&from, &to);
        ranges.push(span.left, span.length, span.equal)?;
        let end = span.left + span.length;
        at_left += u64::from(end >= from.range().end);
        at_right += u64::from(end >= to.range().end);
    }
    ranges.finish(left.stream_size(), right.stream_size())
}

/// Compares the blob of an index with a file or device of `size` bytes, by the digests of the file's chunks.
///
/// `index_is_left` says which side is which. Ranges reach to where chunks begin and end.
///
/// # Errors
///
/// If one of them cannot be read, and those of `report`.
pub fn between_index_and_file(
    index: &mut Index,
    (file, size): (&OwnedFd, u64),
    index_is_left: bool,
    report: impl FnMut(Range) -> Result<()>,
) -> Result<()> {
    let mut ranges = Ranges::new(report);
    let mut end = 0;
    in_place(index, (file, size), |piece, same| {
        end = piece.range().end;
        ranges.push(piece.start, piece.size, same)
    })?;
    // A chunk that reaches behind the end of the file.
    let common = size.min(index.stream_size());
    ranges.push(end, common - end, false)?;
    let (left, right) = if index_is_left { (index.stream_size(), size) } else { (size, index.stream_size()) };
    ranges.finish(left, right)
}

/// Goes through the chunks of an index that lie within the first `size` bytes of a file or device, and tells of each
/// whether the file holds it at the same place.
///
/// # Errors
///
/// If one of them cannot be read, and those of `tell`.
pub fn in_place(
    index: &mut Index,
    (file, size): (&OwnedFd, u64),
    mut tell: impl FnMut(&Piece, bool) -> Result<()>,
) -> Result<()> {
    /// Bytes that are read and digested together.
    const BATCH: u64 = 4 << 20;
    let (stop, algorithm) = (Failure::default(), index.algorithm());
    let (mut number, mut buffer, mut batch) = (0, Vec::new(), Vec::<Piece>::new());
    loop {
        stop.check()?;
        batch.clear();
        let mut bytes = 0;
        while let Some(piece) = index.get(number)?.filter(|piece| piece.range().end <= size && bytes < BATCH) {
            bytes += piece.size;
            batch.push(piece);
            number += 1;
        }
        let Some(first) = batch.first() else { return Ok(()) };
        let start = first.start;
        buffer.resize(usize::try_from(bytes).unwrap_or(usize::MAX), 0);
        let read = blob::read_at(file, &mut buffer, start)?;
        if (read as u64) < bytes {
            return Err(blob::shrunk(size, start + read as u64));
        }
        let inside = |offset: u64| usize::try_from(offset - start).unwrap_or(usize::MAX);
        let bytes_of = |piece: &Piece| &buffer[inside(piece.start)..inside(piece.range().end)];
        let digests = algorithm.digest_all(&batch.iter().map(bytes_of).collect::<Vec<_>>());
        for (piece, digest) in batch.iter().zip(digests) {
            tell(piece, piece.id == ChunkId::from(digest))?;
        }
    }
}

/// Compares two blobs byte by byte; ranges are of whole blocks of 4 KiB.
///
/// # Errors
///
/// If one of them cannot be read, and those of `report`.
pub fn between_files(
    left: &mut dyn ByteSource,
    right: &mut dyn ByteSource,
    report: impl FnMut(Range) -> Result<()>,
) -> Result<()> {
    const BLOCK: u64 = 4096;
    let (stop, mut ranges) = (Failure::default(), Ranges::new(report));
    // Whether something in the block under way has been found to differ, and where it begins.
    let (mut differs, mut block, mut position) = (false, 0, 0_u64);
    loop {
        let (from, to) = (left.fill()?, right.fill()?);
        let length = from.len().min(to.len());
        if length == 0 {
            break;
        }
        let left_in_block = usize::try_from(BLOCK - position % BLOCK).unwrap_or(usize::MAX);
        let step = length.min(left_in_block);
        differs |= from[..step] != to[..step];
        left.consume(step);
        right.consume(step);
        position += step as u64;
        if position.is_multiple_of(BLOCK) {
            stop.check()?;
            ranges.push(block, BLOCK, !differs)?;
            (differs, block) = (false, position);
        }
    }
    ranges.push(block, position - block, !differs)?;
    ranges.finish(position + rest(left)?, position + rest(right)?)
}

/// How many bytes are left.
fn rest(source: &mut dyn ByteSource) -> Result<u64> {
    let start = source.position();
    loop {
        let length = source.fill()?.len();
        if length == 0 {
            return Ok(source.position() - start);
        }
        source.consume(length);
    }
}
