//! Reads a cache file.

use alloc::vec::Vec;

use super::{CacheEntry, CacheSettings, ENTRY_SIZE, HEADER_SIZE, Mark, TAIL_MARK, TAIL_SIZE};
use crate::error::{Error, Limited, Malformed, Result};
use crate::hash::{Digest, DigestAlgorithm};
use crate::limits::Limits;
use crate::record::read;

/// What an earlier run has recorded: 84 bytes of memory a chunk.
#[derive(Debug)]
pub struct CacheTable {
    bytes: Vec<u8>,
    /// Numbers of the entries in the order of their places.
    order: Vec<u32>,
    started: i64,
}

impl CacheTable {
    /// Bytes of the largest file that [`Self::parse`] takes.
    pub const fn size_max(limits: &Limits) -> u64 {
        (HEADER_SIZE + TAIL_SIZE) as u64 + limits.index_chunks.saturating_mul(ENTRY_SIZE as u64)
    }

    /// Takes a whole file, which must be of a run with these settings.
    ///
    /// # Errors
    ///
    /// [`Malformed::Cache`] if anything is wrong with it, [`Error::Limit`] if it has too many entries.
    pub fn parse(bytes: Vec<u8>, settings: &CacheSettings, limits: &Limits) -> Result<Self> {
        let damaged = Error::from(Malformed::Cache);
        let Some(entries) = bytes.len().checked_sub(HEADER_SIZE + TAIL_SIZE) else { return Err(damaged) };
        let count = (entries / ENTRY_SIZE) as u64;
        let max = limits.index_chunks.min(u32::MAX.into());
        if count > max {
            return Err(Error::Limit { what: Limited::IndexChunks, value: count, max });
        }
        let started = read(&bytes, HEADER_SIZE - 8).cast_signed();
        let (signed, digest) = bytes.split_at(bytes.len() - Digest::LEN);
        let tail = HEADER_SIZE + entries;
        let is_whole = entries % ENTRY_SIZE == 0
            && bytes.starts_with(&settings.header(started))
            && (read(&bytes, tail), read(&bytes, tail + 8)) == (TAIL_MARK, count)
            && DigestAlgorithm::Sha256.digest(signed).as_bytes() == digest;
        let mut table = Self { bytes, order: Vec::new(), started };
        if !is_whole || (0..count as u32).any(|n| !(1..=settings.sizes.max()).contains(&table.entry(n).length)) {
            return Err(damaged);
        }
        let mut order: Vec<u32> = (0..count as u32).collect();
        order.sort_unstable_by_key(|&number| table.place(number));
        table.order = order;
        Ok(table)
    }

    /// When the run began that has written it, in nanoseconds since 1970.
    pub const fn started(&self) -> i64 {
        self.started
    }

    /// Number of entries.
    pub const fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The entry for a chunk that starts at this place.
    pub(super) fn find(&self, place: u64) -> Option<u32> {
        let found = self.order.binary_search_by_key(&place, |&number| self.place(number)).ok()?;
        Some(self.order[found])
    }

    pub(super) fn entry(&self, number: u32) -> CacheEntry {
        let at = HEADER_SIZE + number as usize * ENTRY_SIZE;
        let digest = |at| {
            let mut digest = Digest::default();
            digest.0.copy_from_slice(&self.bytes[at..at + Digest::LEN]);
            digest
        };
        CacheEntry {
            mark: Mark { place: self.place(number), fingerprint: digest(at + 16) },
            length: read(&self.bytes, at + 8),
            id: digest(at + 16 + Digest::LEN).into(),
        }
    }

    fn place(&self, number: u32) -> u64 {
        read(&self.bytes, HEADER_SIZE + number as usize * ENTRY_SIZE)
    }
}
