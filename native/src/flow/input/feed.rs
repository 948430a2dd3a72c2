//! A stream put together from chunks that workers load ahead.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use casync_core::chunk::VerifiedChunk;
use casync_core::index::Piece;
use crossbeam_channel::{Receiver, Sender};

use super::{ByteSource, Index};
use crate::error::{Error, Result};
use crate::flow::{Budget, Failure};
use crate::store::{Chain, Loader};
use crate::ui::Counters;

/// Chunks that are loaded and verified together.
const BATCH: usize = 32;
/// Bytes that are loaded together, unless one chunk is larger.
const BATCH_BYTES: u64 = 2 << 20;

/// Consecutive chunks that a worker is to load.
#[derive(Debug)]
struct Request {
    sequence: u64,
    /// Requests of an older generation are not wanted any more.
    generation: u64,
    pieces: Vec<Piece>,
}

type Answer = (u64, Vec<Result<VerifiedChunk>>);

/// The stream of an index.
///
/// How far workers load ahead grows while the stream is read without gaps, and shrinks at every jump over whole chunks, down
/// to the next chunk only: who lists an archive of large files loads no chunk in vain, who extracts it waits for none. An
/// error of a chunk shows when that chunk is reached, not before.
#[derive(Debug)]
pub struct Feed<'a> {
    index: &'a mut Index,
    requests: Sender<Request>,
    answers: Receiver<Answer>,
    buffers: Sender<Vec<u8>>,
    generation: &'a AtomicU64,
    failure: &'a Failure,
    counters: &'a Counters,
    /// Number of the first chunk that was not asked for.
    next: u64,
    /// Requests in the order of the stream.
    outstanding: VecDeque<(u64, Vec<Piece>)>,
    arrived: BTreeMap<u64, Vec<Result<VerifiedChunk>>>,
    sequence: u64,
    /// Chunks that have come and are in turn.
    ready: VecDeque<(Piece, Result<VerifiedChunk>)>,
    /// The chunk under way, and how much of it was consumed.
    current: Option<VerifiedChunk>,
    used: usize,
    position: u64,
    /// Offset at which the stream ends for the reader.
    end: u64,
    /// How many chunks were read without a gap, halved at every gap.
    run: usize,
    /// Requests that may be under way.
    ahead_max: usize,
}

/// Runs `consume` with the stream of an index, at offset 0.
///
/// Memory: at most `ahead_max` requests of [`BATCH_BYTES`] (or one chunk), which is half of the budget, and a compressed
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
    let failure = Failure::default();
    let generation = AtomicU64::new(0);
    let algorithm = index.algorithm();
    let largest = index.sizes().max();
    let (requests, work) = crossbeam_channel::unbounded::<Request>();
    let (done, answers) = crossbeam_channel::unbounded();
    let (buffers, spare) = crossbeam_channel::unbounded();
    thread::scope(|scope| {
        for _ in 0..budget.jobs {
            let (work, done, spare) = (work.clone(), done.clone(), spare.clone());
            let (generation, failure) = (&generation, &failure);
            scope.spawn(move || match Loader::new(chain, algorithm) {
                Ok(loader) => answer(loader, &work, &done, &spare, generation),
                Err(error) => failure.set(error),
            });
        }
        drop((work, done, spare));
        let per_request = BATCH_BYTES.max(largest);
        let mut feed = Feed {
            index,
            requests,
            answers,
            buffers,
            generation: &generation,
            failure: &failure,
            counters,
            next: 0,
            outstanding: VecDeque::new(),
            arrived: BTreeMap::new(),
            sequence: 0,
            ready: VecDeque::new(),
            current: None,
            used: 0,
            position: 0,
            end: u64::MAX,
            run: 0,
            ahead_max: budget.buffers(usize::try_from(per_request).unwrap_or(usize::MAX)),
        };
        let result = consume(&mut feed);
        // Whatever is still asked for is not wanted any more; with the feed the workers end.
        generation.fetch_add(1, Ordering::AcqRel);
        result
    })
}

/// A worker: loads what is asked for until nobody asks any more.
fn answer(
    mut loader: Loader<'_>,
    work: &Receiver<Request>,
    done: &Sender<Answer>,
    spare: &Receiver<Vec<u8>>,
    generation: &AtomicU64,
) {
    for request in work {
        spare.try_iter().for_each(|buffer| loader.recycle(buffer));
        if request.generation == generation.load(Ordering::Acquire) {
            let _ = done.send((request.sequence, loader.load(&request.pieces)));
        }
    }
}

impl Feed<'_> {
    /// Expects the whole stream from here on: loads ahead at full width at once.
    pub const fn expect_everything(&mut self) {
        self.run = BATCH * self.ahead_max;
    }

    /// Ends the stream at an offset.
    pub const fn end_at(&mut self, end: u64) {
        self.end = end;
    }

    /// Moves to an offset.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn seek(&mut self, offset: u64) -> Result<()> {
        self.abandon();
        self.next = 0;
        self.position = 0;
        self.skip(offset)
    }

    /// Forgets everything that was asked for.
    fn abandon(&mut self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.outstanding.clear();
        self.arrived.clear();
        self.ready.clear();
        self.current = None;
        self.used = 0;
    }

    /// Chunks in a request, and requests under way.
    fn reach(&self) -> (usize, usize) {
        // After a few chunks without a gap it is likely that more will follow.
        let chunks = if self.run < 4 { 1 } else { self.run };
        let batch = (chunks / 2).clamp(1, BATCH);
        (batch, (chunks / batch).clamp(1, self.ahead_max))
    }

    fn ask(&mut self) -> Result<()> {
        let (batch, ahead) = self.reach();
        while self.outstanding.len() < ahead {
            let mut pieces = Vec::with_capacity(batch);
            let mut bytes = 0;
            while pieces.len() < batch {
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
            let generation = self.generation.load(Ordering::Acquire);
            let request = Request { sequence: self.sequence, generation, pieces: pieces.clone() };
            self.requests.send(request).map_err(|_| self.failure.error())?;
            self.outstanding.push_back((self.sequence, pieces));
            self.sequence += 1;
        }
        Ok(())
    }

    /// Waits for the next chunks in turn.
    fn receive(&mut self) -> Result<()> {
        self.ask()?;
        let Some((sequence, pieces)) = self.outstanding.pop_front() else { return Ok(()) };
        let chunks = loop {
            self.failure.check()?;
            if let Some(chunks) = self.arrived.remove(&sequence) {
                break chunks;
            }
            let (arrived, chunks) = self.answers.recv().map_err(|_| self.failure.error())?;
            // Late answers to abandoned requests are dropped.
            if arrived >= sequence {
                self.arrived.insert(arrived, chunks);
            }
        };
        self.ready.extend(pieces.into_iter().zip(chunks));
        // While these are used, the next ones are loaded: but only if it is likely that they will be wanted.
        if self.run >= 4 { self.ask() } else { Ok(()) }
    }

    /// Passes over chunks that were asked for and lie before `target`. False: what was asked for does not reach that far.
    fn pass_over(&mut self, target: u64) -> Result<bool> {
        loop {
            while self.ready.front().is_some_and(|(piece, _)| piece.start + piece.size <= target) {
                self.gap();
                if let Some((_, Ok(chunk))) = self.ready.pop_front() {
                    let _ = self.buffers.send(chunk.into_bytes());
                }
            }
            if !self.ready.is_empty() {
                return Ok(true);
            }
            let Some((sequence, pieces)) = self.outstanding.front() else { return Ok(false) };
            if pieces.last().is_some_and(|piece| piece.start + piece.size <= target) {
                let sequence = *sequence;
                self.arrived.remove(&sequence);
                self.outstanding.pop_front();
                self.gap();
            } else {
                self.receive()?;
            }
        }
    }

    const fn gap(&mut self) {
        self.run /= 2;
    }

    fn release(&mut self) {
        if let Some(chunk) = self.current.take() {
            let _ = self.buffers.send(chunk.into_bytes());
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
                let chunk = chunk.map_err(|error: Error| {
                    error.context(format!("chunk {} at offset {} of the stream", piece.number, piece.start))
                })?;
                Counters::add(&self.counters.bytes, piece.size);
                self.run = self.run.saturating_add(1);
                Counters::add(&self.counters.store_chunks, 1);
                Counters::add(&self.counters.store_bytes, piece.size);
                self.current = Some(chunk);
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
        if let Some(chunk) = &self.current {
            let here = (chunk.bytes().len() - self.used) as u64;
            if target - self.position <= here {
                self.consume(usize::try_from(target - self.position).unwrap_or(usize::MAX));
                return Ok(());
            }
        }
        self.release();
        self.position = target;
        if !self.pass_over(target)? {
            let number = self.index.position(target)?;
            if number != self.next {
                self.gap();
                self.abandon();
                self.next = number;
            }
            self.receive()?;
        }
        // The chunk that holds the target is the next in turn; what comes before the target in it is passed over.
        let start = self.ready.front().map_or(target, |(piece, _)| piece.start);
        self.position = start;
        if start < target {
            self.fill()?;
            self.consume(usize::try_from(target - start).unwrap_or(usize::MAX));
        }
        Ok(())
    }

    fn position(&self) -> u64 {
        self.position
    }
}
