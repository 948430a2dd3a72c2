//! A stream put together from all its chunks, which workers load ahead.

use std::collections::{BTreeMap, VecDeque};

use casync_core::chunk::VerifiedChunk;
use casync_core::index::Piece;

use super::loaders::{Loaders, with_loaders};
use super::{ByteSource, Index};
use crate::error::{Error, Result};
use crate::flow::Budget;
use crate::seed::Origin;
use crate::store::{Chain, Loaded};
use crate::ui::Counters;

/// Chunks that are loaded and verified together.
const BATCH: usize = 32;
/// Bytes that are loaded together, unless one chunk is larger.
const BATCH_BYTES: u64 = 2 << 20;

/// Requests that may be under way if chunks come from afar.
const REMOTE_MAX: usize = 64;

/// The stream of an index, for who reads all of it; [`super::Sparse`] is for who passes over most of it.
///
/// An error of a chunk shows when that chunk is reached, not before.
#[derive(Debug)]
pub struct Feed<'a> {
    index: &'a mut Index,
    loaders: Loaders<'a>,
    counters: &'a Counters,
    /// Number of the first chunk that was not asked for.
    next: u64,
    /// Requests in the order of the stream.
    outstanding: VecDeque<(u64, Vec<Piece>)>,
    arrived: BTreeMap<u64, Vec<Result<Loaded>>>,
    /// Chunks that have come and are in turn.
    ready: VecDeque<(Piece, Result<Loaded>)>,
    /// The chunk under way, and how much of it was consumed.
    current: Option<VerifiedChunk>,
    used: usize,
    position: u64,
    /// Offset at which the stream ends for the reader.
    end: u64,
    /// Requests that may be under way.
    ahead_max: usize,
}

/// Runs `consume` with the stream of an index, at offset 0.
///
/// Memory: at most `ahead_max` requests of 2 MiB (or one chunk), which is half of the budget, and a compressed
/// chunk for each worker.
///
/// # Errors
///
/// The errors of `consume`, and of chunks that it reaches.
pub fn with_feed<T>(
    index: &mut Index,
    chain: &Chain,
    budget: Budget,
    counters: &Counters,
    consume: impl FnOnce(&mut Feed<'_>) -> Result<T>,
) -> Result<T> {
    with_loaders(chain, index.algorithm(), budget.jobs, |loaders| {
        let per_request = BATCH_BYTES.max(index.sizes().max());
        consume(&mut Feed {
            index,
            loaders,
            counters,
            next: 0,
            outstanding: VecDeque::new(),
            arrived: BTreeMap::new(),
            ready: VecDeque::new(),
            current: None,
            used: 0,
            position: 0,
            end: u64::MAX,
            ahead_max: if chain.looks_ahead() {
                // What is on its way keeps no worker busy: all the memory there is for that.
                usize::try_from(budget.memory / 2 / per_request).map_or(REMOTE_MAX, |max| max.clamp(2, REMOTE_MAX))
            } else {
                budget.buffers(usize::try_from(per_request).unwrap_or(usize::MAX))
            },
        })
    })
}

impl Feed<'_> {
    /// Keeps to the bytes from `start` to `end`. To be called before anything is read.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn part(&mut self, start: u64, end: u64) -> Result<()> {
        self.end = end;
        self.skip(start)
    }

    fn ask(&mut self) -> Result<()> {
        while self.outstanding.len() < self.ahead_max {
            let mut pieces = Vec::with_capacity(BATCH);
            let mut bytes = 0;
            while pieces.len() < BATCH {
                let Some(piece) = self.index.get(self.next)?.filter(|piece| piece.start < self.end) else { break };
                bytes += piece.size;
                if !pieces.is_empty() && bytes > BATCH_BYTES {
                    break;
                }
                pieces.push(piece);
                self.next += 1;
            }
            if pieces.is_empty() {
                return Ok(());
            }
            let sequence = self.loaders.ask(pieces.clone())?;
            self.outstanding.push_back((sequence, pieces));
        }
        Ok(())
    }

    /// Waits for the next chunks in turn.
    fn receive(&mut self) -> Result<()> {
        self.ask()?;
        let Some((sequence, pieces)) = self.outstanding.pop_front() else { return Ok(()) };
        let chunks = loop {
            if let Some(chunks) = self.arrived.remove(&sequence) {
                break chunks;
            }
            let (arrived, chunks) = self.loaders.receive()?;
            // Late answers to abandoned requests are dropped.
            if arrived >= sequence {
                self.arrived.insert(arrived, chunks);
            }
        };
        self.ready.extend(pieces.into_iter().zip(chunks));
        // While these are used, the next ones are loaded.
        self.ask()
    }

    /// Forgets everything that was asked for.
    fn abandon(&mut self) {
        self.loaders.abandon();
        self.outstanding.clear();
        self.arrived.clear();
        self.ready.clear();
    }

    fn release(&mut self) {
        if let Some(chunk) = self.current.take() {
            self.loaders.recycle(chunk);
        }
        self.used = 0;
    }
}

impl ByteSource for Feed<'_> {
    fn fill(&mut self) -> Result<&[u8]> {
        if self.current.as_ref().is_none_or(|chunk| self.used == chunk.bytes().len()) {
            self.release();
            if self.ready.is_empty() {
                self.receive()?;
            }
            if let Some((piece, chunk)) = self.ready.pop_front() {
                let Loaded { chunk, origin } = chunk.map_err(|error| of_chunk(error, &piece))?;
                self.current = Some(chunk);
                count(self.counters, &piece, origin);
            }
        }
        let left = usize::try_from(self.end.saturating_sub(self.position)).unwrap_or(usize::MAX);
        Ok(self.current.as_ref().map_or(&[], |chunk| {
            let rest = &chunk.bytes()[self.used..];
            &rest[..rest.len().min(left)]
        }))
    }

    fn consume(&mut self, count: usize) {
        self.used += count;
        self.position += count as u64;
    }

    fn skip(&mut self, count: u64) -> Result<()> {
        let target = self.position.saturating_add(count).min(self.index.stream_size());
        let here = self.current.as_ref().map_or(0, |chunk| (chunk.bytes().len() - self.used) as u64);
        if target - self.position <= here {
            self.consume(usize::try_from(target - self.position).unwrap_or(usize::MAX));
            return Ok(());
        }
        self.release();
        self.abandon();
        self.next = self.index.position(target)?;
        self.position = self.index.get(self.next)?.map_or(target, |piece| piece.start);
        if self.position < target {
            self.fill()?;
            self.consume(usize::try_from(target - self.position).unwrap_or(usize::MAX));
        }
        Ok(())
    }

    fn position(&self) -> u64 {
        self.position
    }
}

/// Says which chunk could not be had.
pub(super) fn of_chunk(error: Error, piece: &Piece) -> Error {
    error.context(format!("chunk {} at offset {} of the stream", piece.number, piece.start))
}

/// Counts a chunk that has been reached.
pub(crate) fn count(counters: &Counters, piece: &Piece, origin: Origin) {
    Counters::add(&counters.bytes, piece.size);
    let (chunks, bytes) = match origin {
        Origin::Store { is_far } => {
            if is_far {
                Counters::add(&counters.far_chunks, 1);
                Counters::add(&counters.far_bytes, piece.size);
            }
            (&counters.store_chunks, &counters.store_bytes)
        }
        Origin::Seed(_) => (&counters.seed_chunks, &counters.seed_bytes),
        Origin::Id => return,
    };
    Counters::add(chunks, 1);
    Counters::add(bytes, piece.size);
}
