//! Which chunks this run has taken care of already, so that equal chunks are stored once.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use casync_core::chunk::ChunkId;

/// Ids that are being stored, and a bounded memory of those that are.
#[derive(Debug)]
pub(crate) struct Claims<K = ChunkId>(Mutex<Sets<K>>);

#[derive(Debug)]
struct Sets<K> {
    /// In the hands of a worker.
    under_way: HashSet<K>,
    /// Known to be in the store, most recent ones.
    young: HashSet<K>,
    /// Those before; dropped when `young` takes their place.
    old: HashSet<K>,
}

impl<K> Default for Claims<K> {
    fn default() -> Self {
        Self(Mutex::new(Sets { under_way: HashSet::new(), young: HashSet::new(), old: HashSet::new() }))
    }
}

impl<K: Copy + Eq + Hash> Claims<K> {
    /// Ids in each half of the memory: about 2 MiB each.
    const HALF: usize = 1 << 15;

    /// Whether the caller is to store the chunk. If so, it must call [`Self::settle`] afterwards.
    pub(crate) fn claim(&self, id: &K) -> bool {
        let mut sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sets.young.contains(id) || sets.old.contains(id) {
            return false;
        }
        sets.under_way.insert(*id)
    }

    /// The chunk is in the store.
    pub(crate) fn settle(&self, id: &K) {
        let mut sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sets.under_way.remove(id);
        if sets.young.len() >= Self::HALF {
            sets.old = std::mem::take(&mut sets.young);
        }
        sets.young.insert(*id);
    }
}
