//! Makes files of an extracted tree share their data with the seeds that it came from.
//!
//! This is done when a file is complete. The kernel compares both sides while it holds them still, so a seed that changes
//! cannot get into the output.

use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use super::input::Index;
use crate::error::Result;
use crate::fs::reflink::{self, Pair};
use crate::seed::{SeedPlace, SeedReader, Seeds};
use crate::ui::Counters;

/// Shares the data of files with seeds.
#[derive(Debug)]
pub struct Sharer {
    index: Index,
    seeds: Arc<Seeds>,
    reader: SeedReader,
    counters: Arc<Counters>,
}

/// A range of a seed's stream and where it begins in the file.
#[derive(Debug)]
struct Run {
    seed: usize,
    range: Range<u64>,
    offset: u64,
}

impl Sharer {
    /// `index` is that of the archive which is extracted with these seeds.
    pub fn new(index: Index, seeds: Arc<Seeds>, counters: Arc<Counters>) -> Self {
        Self { index, seeds, reader: SeedReader::default(), counters }
    }

    /// Shares the data of a file whose payload is this range of the archive. Where that is not possible, nothing changes.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn share(&mut self, payload: Range<u64>, file: BorrowedFd<'_>) -> Result<()> {
        let mut run: Option<Run> = None;
        let mut number = if self.seeds.any_clonable() { self.index.position(payload.start)? } else { return Ok(()) };
        while let Some(piece) = self.index.get(number)?.filter(|piece| piece.start < payload.end) {
            number += 1;
            let part = piece.start.max(payload.start)..(piece.start + piece.size).min(payload.end);
            let place = self.seeds.find(&piece.id).next().filter(|place| self.seeds.is_clonable(place.seed));
            let Some(SeedPlace { seed, offset }) = place else { continue };
            let start = offset + (part.start - piece.start);
            let range = start..start + (part.end - part.start);
            let offset = part.start - payload.start;
            match &mut run {
                Some(run) if run.is_continued_by(seed, range.start, offset) => run.range.end = range.end,
                _ => {
                    let ended = run.replace(Run { seed, range, offset });
                    self.share_run(ended, file);
                }
            }
        }
        self.share_run(run, file);
        Ok(())
    }

    fn share_run(&mut self, run: Option<Run>, target: BorrowedFd<'_>) {
        let Some(Run { seed, range, offset }) = run else { return };
        let (seeds, counters) = (&self.seeds, &self.counters);
        let start = range.start;
        let shared = self.reader.extents(seeds, seed, range, |source, source_offset, part| {
            let offset = offset + (part.start - start);
            let pair = Pair { source, source_offset, target, offset, length: part.end - part.start };
            Counters::add(&counters.cloned_bytes, pair.dedupe()?);
            Ok(())
        });
        if shared.is_err_and(reflink::is_hopeless) {
            seeds.set_unclonable(seed);
        }
    }
}

impl Run {
    fn is_continued_by(&self, seed: usize, start: u64, offset: u64) -> bool {
        self.seed == seed && self.range.end == start && offset - self.offset == start - self.range.start
    }
}
