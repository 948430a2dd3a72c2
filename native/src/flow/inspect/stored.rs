//! How much of an index is in a store, and how well it is compressed there.

use casync_core::chunk::ChunkId;

use super::Amount;
use crate::error::Result;
use crate::flow::stop;
use crate::store::Chain;

/// What stores have of some chunks.
#[derive(Debug, serde::Serialize)]
pub struct StoreFacts {
    /// What is there, each chunk counted once.
    #[serde(flatten)]
    pub found: Amount,
    /// Bytes that it takes there.
    pub stored_bytes: u64,
    /// What is not there, each chunk counted once.
    pub missing: Amount,
}

impl StoreFacts {
    /// Asks stores for chunks, each of which is named once.
    ///
    /// # Errors
    ///
    /// If a store cannot be asked.
    pub fn of(chain: &Chain, chunks: impl Iterator<Item = (ChunkId, u64)>) -> Result<Self> {
        let mut facts = Self { found: Amount::default(), stored_bytes: 0, missing: Amount::default() };
        for (id, size) in chunks {
            stop::check()?;
            match stored_size(chain, &id)? {
                Some(stored) => {
                    facts.found.add(size);
                    facts.stored_bytes += stored;
                }
                None => facts.missing.add(size),
            }
        }
        Ok(facts)
    }

    /// Plain bytes for each byte stored; `None` if nothing is.
    pub fn ratio(&self) -> Option<f64> {
        (self.stored_bytes > 0).then(|| self.found.bytes as f64 / self.stored_bytes as f64)
    }
}

/// The bytes that a chunk takes in the first store that has it.
fn stored_size(chain: &Chain, id: &ChunkId) -> Result<Option<u64>> {
    for store in chain.stores() {
        if let Some(size) = store.stored_size(id)? {
            return Ok(Some(size));
        }
    }
    Ok(None)
}
