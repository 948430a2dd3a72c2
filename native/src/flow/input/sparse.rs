//! A stream of which only some chunks are loaded: those that the reader does not pass over.

use std::collections::BTreeMap;

use casync_core::archive::Located;
use casync_core::index::Piece;

use super::feed::{count, of_chunk};
use super::loaders::{Loaders, with_loaders};
use super::scout::{Held, Scout};
use super::{ByteSource, Index};
use crate::error::Result;
use crate::flow::Budget;
use crate::store::{Chain, Loaded};
use crate::ui::Counters;

/// Chunks that are loaded and verified together: as many as there are lanes.
const BATCH: usize = 32;

/// Requests that may be under way if chunks come from afar.
const REMOTE_MAX: usize = 64;

/// The archive of an index, for who passes over the payload of files: it loads the chunks that hold metadata, several at
/// once and ahead of the reader, and hardly any other.
///
/// An error of a chunk shows when that chunk is reached, not before.
#[derive(Debug)]
pub struct Sparse<'a> {
    index: &'a mut Index,
    loaders: Loaders<'a>,
    counters: &'a Counters,
    scout: Scout,
    chunks: Chunks,
    /// Requests under way.
    asked: BTreeMap<u64, Vec<Piece>>,
    /// Bytes of chunks that have come or were asked for.
    bytes: u64,
    bytes_max: u64,
    requests_max: usize,
    position: u64,
    /// Offset at which the stream ends for the reader.
    end: u64,
    /// Offset of the chunk that the reader has come to.
    reached: Option<u64>,
}

/// Chunks by their offsets; `None` for those that were asked for.
#[derive(Debug, Default)]
struct Chunks(BTreeMap<u64, (Piece, Option<Result<Loaded>>)>);

impl Held for Chunks {
    fn around(&self, offset: u64) -> Option<(u64, &[u8])> {
        let (start, (_, chunk)) = self.0.range(..=offset).next_back()?;
        let bytes = chunk.as_ref()?.as_ref().ok()?.chunk.bytes();
        (offset < start + bytes.len() as u64).then_some((*start, bytes))
    }
}

/// Runs `consume` with the archive of an index, or with a part of it.
///
/// Memory: half of the budget for chunks, or a chunk for each worker, and a compressed chunk for each worker.
///
/// # Errors
///
/// The errors of `consume`, and of chunks that it reaches.
pub fn with_sparse<T>(
    index: &mut Index,
    chain: &Chain,
    part: Option<Located>,
    budget: Budget,
    counters: &Counters,
    consume: impl FnOnce(&mut Sparse<'_>) -> Result<T>,
) -> Result<T> {
    with_loaders(chain, index.algorithm(), budget.jobs, |loaders| {
        let size = index.stream_size();
        let part = part.unwrap_or(Located { entry: 0, end: size });
        let mut scout = Scout::new(size, index.sizes().avg());
        scout.expect(part);
        consume(&mut Sparse {
            index,
            loaders,
            counters,
            scout,
            chunks: Chunks::default(),
            asked: BTreeMap::new(),
            bytes: 0,
            bytes_max: budget.memory / 2,
            requests_max: if chain.looks_ahead() { REMOTE_MAX } else { 2 * budget.jobs + 2 },
            position: part.entry,
            end: part.end,
            reached: None,
        })
    })
}

impl Sparse<'_> {
    /// Makes sure that the chunk at the current position is held; `false` at the end.
    fn load(&mut self) -> Result<bool> {
        loop {
            let here = self.chunks.0.range(..=self.position).next_back();
            let here = here.filter(|(_, (piece, _))| self.position < piece.start + piece.size);
            match here {
                Some((&start, (_, Some(_)))) => {
                    if self.reached.replace(start) != Some(start) {
                        self.enter()?;
                    }
                    return Ok(true);
                }
                Some((_, (_, None))) => {
                    let answer = self.loaders.receive()?;
                    self.take(answer);
                }
                None => {
                    let number = self.index.position(self.position)?;
                    let Some(piece) = self.index.get(number)? else { return Ok(false) };
                    self.scout.want(self.position..self.position + 1);
                    // Whatever the budget says: nothing goes on without this chunk.
                    self.request(vec![piece])?;
                }
            }
            self.ask()?;
        }
    }

    /// The reader has come to a chunk: while it uses that, more can be loaded.
    fn enter(&mut self) -> Result<()> {
        if let Some((_, (piece, Some(Ok(loaded))))) = self.chunks.0.range(..=self.position).next_back() {
            count(self.counters, piece, loaded.origin);
        }
        if let Some(answer) = self.loaders.try_receive() {
            self.take(answer);
        }
        self.ask()
    }

    /// Asks for what will be wanted, as far as the budget goes.
    fn ask(&mut self) -> Result<()> {
        let mut batch = Vec::with_capacity(BATCH);
        while self.asked.len() < self.requests_max && self.bytes < self.bytes_max {
            let Some(range) = self.scout.take(self.position).filter(|range| range.start < self.end) else { break };
            let mut number = self.index.position(range.start)?;
            while let Some(piece) = self.index.get(number)?.filter(|piece| piece.start < range.end) {
                if batch.len() == BATCH || (self.bytes >= self.bytes_max && !batch.is_empty()) {
                    self.scout.want(piece.start.max(range.start)..range.end);
                    break;
                }
                number += 1;
                if !self.chunks.0.contains_key(&piece.start) {
                    self.bytes += piece.size;
                    self.chunks.0.insert(piece.start, (piece, None));
                    batch.push(piece);
                }
            }
            if batch.len() == BATCH {
                self.send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)))?;
            }
        }
        if batch.is_empty() { Ok(()) } else { self.send(batch) }
    }

    fn request(&mut self, pieces: Vec<Piece>) -> Result<()> {
        for piece in &pieces {
            self.bytes += piece.size;
            self.chunks.0.insert(piece.start, (*piece, None));
        }
        self.send(pieces)
    }

    fn send(&mut self, pieces: Vec<Piece>) -> Result<()> {
        let sequence = self.loaders.ask(pieces.clone())?;
        self.asked.insert(sequence, pieces);
        Ok(())
    }

    /// Takes chunks that have come, and what they tell of others.
    fn take(&mut self, answer: (u64, Vec<Result<Loaded>>)) {
        let mut answer = Some(answer);
        while let Some((sequence, chunks)) = answer {
            let pieces = self.asked.remove(&sequence).unwrap_or_default();
            for (piece, chunk) in pieces.iter().zip(chunks) {
                match (self.chunks.0.get_mut(&piece.start), chunk) {
                    (Some((_, place)), chunk) => *place = Some(chunk),
                    // The reader has passed it.
                    (None, Ok(loaded)) => self.loaders.recycle(loaded.chunk),
                    (None, Err(_)) => {}
                }
            }
            // Where a chunk could not be had, or is not held any more, nobody can go on.
            for piece in pieces.into_iter().filter(|piece| self.chunks.around(piece.start).is_some()) {
                self.scout.arrived(piece.start..piece.start + piece.size, &self.chunks);
            }
            answer = self.loaders.try_receive();
        }
    }

    /// Gives up chunks that end at or before the current position.
    fn release(&mut self) {
        while let Some(entry) = self.chunks.0.first_entry() {
            let piece = entry.get().0;
            if piece.start + piece.size > self.position {
                break;
            }
            self.bytes -= piece.size;
            if let Some(Ok(loaded)) = entry.remove().1 {
                self.loaders.recycle(loaded.chunk);
            }
        }
        self.scout.forget_before(self.position);
    }
}

impl ByteSource for Sparse<'_> {
    fn fill(&mut self) -> Result<&[u8]> {
        if self.position >= self.end || !self.load()? {
            return Ok(&[]);
        }
        let Some((&start, (piece, chunk))) = self.chunks.0.range(..=self.position).next_back() else {
            return Ok(&[]);
        };
        let chunk = match chunk {
            Some(Ok(loaded)) => &loaded.chunk,
            Some(Err(error)) => return Err(of_chunk(error.clone(), piece)),
            None => return Ok(&[]),
        };
        let rest = &chunk.bytes()[usize::try_from(self.position - start).unwrap_or(usize::MAX)..];
        let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        Ok(&rest[..rest.len().min(left)])
    }

    fn consume(&mut self, count: usize) {
        self.position += count as u64;
        self.release();
    }

    fn skip(&mut self, count: u64) -> Result<()> {
        self.position = self.position.saturating_add(count).min(self.index.stream_size());
        self.release();
        Ok(())
    }

    fn position(&self) -> u64 {
        self.position
    }
}
