//! Where wanted chunks are in a stream, in little memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use casync_core::chunk::ChunkId;

use crate::error::Result;

/// A set of chunk ids, by their first 8 bytes: ids are digests, so others hardly ever share them, and whatever is found by a
/// key is verified.
#[derive(Clone, Debug, Default)]
pub struct Keys(Arc<[u64]>);

impl Keys {
    /// The keys of an index's chunks, and of those that it has more than once. No more than `max` ids are looked at.
    ///
    /// # Errors
    ///
    /// The first error of `ids`.
    pub fn collect(ids: impl Iterator<Item = Result<ChunkId>>, max: usize) -> Result<(Self, Self)> {
        let keys: Result<Vec<u64>> = ids.take(max).map(|id| Ok(key(&id?))).collect();
        let mut keys = keys?;
        keys.sort_unstable();
        let mut repeated: Vec<u64> = keys.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        repeated.dedup();
        keys.dedup();
        Ok((Self(keys.into()), Self(repeated.into())))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the chunk is one of them, as far as keys tell.
    pub fn contains(&self, id: &ChunkId) -> bool {
        self.slot(id).is_some()
    }

    fn slot(&self, id: &ChunkId) -> Option<usize> {
        self.0.binary_search(&key(id)).ok()
    }
}

/// A chunk's first 8 bytes, as a number.
pub fn key(id: &ChunkId) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *id.as_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// The offsets of chunks in a stream; of chunks that occur several times, the first. 8 bytes for each key, shared ones not
/// counted.
#[derive(Debug)]
pub struct Places {
    keys: Keys,
    offsets: Box<[AtomicU64]>,
}

impl Places {
    const NONE: u64 = u64::MAX;

    /// No chunk has a place yet; only those of `keys` can get one.
    pub fn new(keys: &Keys) -> Self {
        let offsets = keys.0.iter().map(|_| AtomicU64::new(Self::NONE)).collect();
        Self { keys: keys.clone(), offsets }
    }

    /// A chunk is at this offset.
    pub fn note(&self, id: &ChunkId, offset: u64) {
        if let Some(slot) = self.keys.slot(id) {
            self.offsets[slot].fetch_min(offset, Ordering::AcqRel);
        }
    }

    /// Where a chunk starts.
    pub fn get(&self, id: &ChunkId) -> Option<u64> {
        let offset = self.offsets[self.keys.slot(id)?].load(Ordering::Acquire);
        (offset != Self::NONE).then_some(offset)
    }
}

#[cfg(test)]
mod tests {
    use casync_core::hash::DigestAlgorithm;

    use super::*;

    fn id(text: &str) -> ChunkId {
        ChunkId::of(text.as_bytes(), DigestAlgorithm::default())
    }

    #[test]
    fn only_wanted_chunks_get_a_place_and_the_first_one_counts() {
        let ids = ["a", "b", "a", "c", "b", "a"];
        let (wanted, repeated) = Keys::collect(ids.iter().map(|text| Ok(id(text))), usize::MAX).unwrap();
        assert_eq!((wanted.0.len(), repeated.0.len()), (3, 2));
        for (keys, c) in [(&wanted, Some(70)), (&repeated, None)] {
            let places = Places::new(keys);
            assert_eq!(places.get(&id("a")), None);
            for (text, offset) in [("a", 90), ("a", 10), ("a", 20), ("c", 70), ("d", 5)] {
                places.note(&id(text), offset);
            }
            assert_eq!(places.get(&id("a")), Some(10));
            assert_eq!(places.get(&id("b")), None);
            assert_eq!(places.get(&id("c")), c);
            assert_eq!(places.get(&id("d")), None);
        }
    }

    #[test]
    fn the_number_of_ids_is_bounded() {
        let endless = std::iter::repeat_with(|| Ok(id("x")));
        let (wanted, repeated) = Keys::collect(endless, 5).unwrap();
        assert_eq!((wanted.0.len(), repeated.0.len()), (1, 1));
    }
}
