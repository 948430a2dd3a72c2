//! Chunks that are put in their places in the output as soon as a seed is found to have them: while it is looked through they
//! are in memory, and right, so that nobody has to read and digest them again.

use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use casync_core::chunk::ChunkId;

use super::Failure;
use super::blob::BlobTarget;
use super::input::{Index, count};
use crate::error::{Error, Result};
use crate::fs::reflink;
use crate::seed::{Origin, SeedPlace, key};
use crate::ui::Counters;

/// What a run over seeds has put into a new output.
#[derive(Debug)]
pub struct Placement<'a> {
    target: BlobTarget<'a>,
    index: Mutex<Index>,
    /// Keys of chunks and their numbers in the index, sorted.
    numbers: Box<[(u64, usize)]>,
    /// By number: whether the chunk is in its place.
    placed: Box<[AtomicBool]>,
    holes: AtomicU64,
    failure: Failure,
    counters: &'a Counters,
}

impl<'a> Placement<'a> {
    /// Bytes of memory for each chunk of the index.
    const MEMORY: u64 = size_of::<((u64, usize), AtomicBool)>() as u64;

    /// Nothing is in its place yet. `None` if the index is not in a file or too long for so many bytes of memory, or if what
    /// stands in the output may be right.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn new(index: &Index, target: BlobTarget<'a>, memory: u64, counters: &'a Counters) -> Result<Option<Self>> {
        let fits = index.len().checked_mul(Self::MEMORY).is_some_and(|bytes| bytes <= memory);
        let Some(mut index) = index.another().filter(|_| fits && !target.is_read_first()) else { return Ok(None) };
        let mut numbers = Vec::new();
        while let Some(piece) = index.get(numbers.len() as u64)? {
            numbers.push((key(&piece.id), piece.number));
        }
        numbers.sort_unstable();
        Ok(Some(Self {
            target,
            index: Mutex::new(index),
            placed: numbers.iter().map(|_| AtomicBool::new(false)).collect(),
            numbers: numbers.into(),
            holes: AtomicU64::new(0),
            failure: Failure::default(),
            counters,
        }))
    }

    /// Whether chunks of a file or device are to be put in their places: not if the output can share its data.
    pub fn suits(&self, seed: &OwnedFd) -> bool {
        !(self.target.reflink && reflink::can_clone(seed.as_fd(), self.target.fd.as_fd()))
    }

    /// Puts bytes that have this id wherever they belong.
    ///
    /// # Errors
    ///
    /// If they cannot be written. [`Self::check`] says so too, from then on.
    pub fn put(&self, id: &ChunkId, bytes: &[u8]) -> Result<()> {
        let key = key(id);
        let first = self.numbers.partition_point(|(known, _)| *known < key);
        for &(_, number) in self.numbers[first..].iter().take_while(|(known, _)| *known == key) {
            let piece = self.index.lock().unwrap_or_else(PoisonError::into_inner).get(number as u64)?;
            let placed = self.placed.get(number);
            if let (Some(piece), Some(placed)) = (piece, placed)
                && (piece.id, piece.size) == (*id, bytes.len() as u64)
                && !placed.swap(true, Ordering::AcqRel)
            {
                self.failure.check()?;
                let holes = self.target.put_chunk(bytes, piece.start, self.target.sparse);
                let holes = holes.inspect_err(|error| self.failure.set(error.clone()))?;
                self.holes.fetch_add(holes, Ordering::Relaxed);
                count(self.counters, &piece, Origin::Seed(SeedPlace { seed: usize::MAX, offset: piece.start }));
            }
        }
        Ok(())
    }

    /// Fails if something could not be written.
    ///
    /// # Errors
    ///
    /// The first of them.
    pub fn check(&self) -> Result<(), Error> {
        self.failure.check()
    }

    /// Whether chunk `number` is in its place.
    pub fn has(&self, number: usize) -> bool {
        self.placed.get(number).is_some_and(|placed| placed.load(Ordering::Acquire))
    }

    /// Zero bytes that became holes.
    pub fn holes(&self) -> u64 {
        self.holes.load(Ordering::Relaxed)
    }
}
