//! Who could supply the chunks of an index: looks, but loads nothing.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use casync_core::Limits;
use casync_core::chunk::ChunkId;
use casync_core::plan::{Plan, Source};

use super::at_once::at_once;
use super::diff::in_place;
use super::input::Index;
use super::{Budget, Failure};
use crate::error::{Error, Result};
use crate::seed::Seed;
use crate::store::Store;

/// Something that can supply chunks. Another kind of seed is another variant.
pub enum Supplier {
    /// The output as it is now: what lies in its place already.
    Output {
        /// Open for reading.
        fd: OwnedFd,
        /// Its size.
        size: u64,
    },
    /// A seed that has an index: the chunks that this lists.
    Index(Box<Index>),
    /// A seed that was looked through.
    Seed(Box<Seed>),
    /// A store.
    Store(Arc<dyn Store>),
}

impl std::fmt::Debug for Supplier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind())
    }
}

impl Supplier {
    /// What kind of source it is, in one word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Output { .. } => "output",
            Self::Index(_) | Self::Seed(_) => "seed",
            Self::Store(_) => "store",
        }
    }

    /// Claims what it has of a plan for `target`; returns the bytes that these chunks take where they are, if that is
    /// known and other than what they hold.
    ///
    /// # Errors
    ///
    /// If it cannot be asked.
    pub fn claim(&mut self, target: &mut Index, plan: &mut Plan, source: Source) -> Result<Option<u64>> {
        match self {
            Self::Output { fd, size } => {
                in_place(target, (fd, *size), |piece, same| {
                    if same {
                        plan.claim(&piece.id, source);
                    }
                    Ok(())
                })?;
                Ok(None)
            }
            Self::Index(index) => {
                // Other digests are ids of other chunks.
                if index.algorithm() == target.algorithm() {
                    claim_index(index, plan, source)?;
                }
                Ok(None)
            }
            Self::Seed(seed) => {
                for number in 0..target.len() {
                    if let Some(piece) = target.get(number)?.filter(|piece| seed.has(&piece.id)) {
                        plan.claim(&piece.id, source);
                    }
                }
                Ok(None)
            }
            Self::Store(store) => ask_store(&**store, plan, source),
        }
    }
}

/// The plan of an index, without any source.
///
/// # Errors
///
/// If the index cannot be read, or is too large to be held.
pub fn of_index(index: &mut Index) -> Result<Plan> {
    let mut builder = Plan::builder(index.algorithm(), index.sizes(), &Limits::default());
    for number in 0..index.len() {
        if let Some(piece) = index.get(number)? {
            builder.push(piece.id, piece.size).map_err(Error::in_index)?;
        }
    }
    Ok(builder.finish())
}

/// Claims all chunks of an index.
///
/// # Errors
///
/// If it cannot be read.
pub fn claim_index(index: &mut Index, plan: &mut Plan, source: Source) -> Result<()> {
    for number in 0..index.len() {
        if let Some(piece) = index.get(number)? {
            plan.claim(&piece.id, source);
        }
    }
    Ok(())
}

/// Claims what a store has of all that nobody has claimed; returns how much that is as it is stored, if the store tells.
///
/// # Errors
///
/// If it cannot be asked.
pub fn ask_store(store: &dyn Store, plan: &mut Plan, source: Source) -> Result<Option<u64>> {
    /// Chunks that are asked for in one go, by all threads together.
    const TOGETHER: usize = 4096;
    let (mut stored, mut from) = (None, 0);
    loop {
        let mut wanted = Vec::new();
        while wanted.len() < TOGETHER
            && let Some((place, id, _)) = plan.next_unclaimed(from)
        {
            from = place + 1;
            wanted.push((place, id));
        }
        if wanted.is_empty() {
            return Ok(stored);
        }
        for (place, size) in ask_for(store, &wanted)? {
            if let Some(size) = size {
                *stored.get_or_insert(0) += size;
            }
            plan.claim_at(place, source);
        }
    }
}

/// Which of some chunks a store has, and their sizes as far as it tells. As many are asked for at once as make sense.
fn ask_for(store: &dyn Store, wanted: &[(usize, ChunkId)]) -> Result<Vec<(usize, Option<u64>)>> {
    let width = Budget { jobs: 1, memory: 0 }.for_waiting(store.width()).jobs;
    let asked = at_once(width, wanted, &Failure::default(), |(place, id)| {
        let size = store.stored_size(id)?;
        Ok((size.is_some() || store.has(id)?).then_some((*place, size)))
    });
    Ok(asked?.into_iter().flatten().collect())
}
