//! How much an update from one index to another fetches.

use std::fmt;

use casync_core::plan::Sum;

use crate::error::Result;
use crate::flow::input::Index;
use crate::flow::plan;
use crate::store::Chain;
use crate::ui::json;

/// What a client that has the left stream needs for the right one; zeros and repeats need nothing.
pub(super) struct Update {
    fetch: Sum,
    shared: Sum,
    /// Bytes of what is to be fetched, as it lies in the stores.
    stored_bytes: u64,
    /// Chunks that no store has.
    unavailable: u64,
}

impl Update {
    pub(super) fn between(left: &mut Index, right: &mut Index, chain: &Chain) -> Result<Self> {
        let mut plan = plan::of_index(right)?;
        let source = plan.add_source();
        // Other digests are ids of other chunks; those who call have made sure of it.
        plan::claim_index(left, &mut plan, source)?;
        let mut stored_bytes = 0;
        let (fetch, shared) = (plan.missing(), plan.supplied(source));
        for store in chain.stores() {
            let source = plan.add_source();
            stored_bytes += plan::ask_store(&**store, &mut plan, source)?.unwrap_or(0);
        }
        Ok(Self { fetch, shared, stored_bytes, unavailable: plan.missing().chunks })
    }

    pub(super) fn fields(&self) -> json::Update {
        json::Update {
            fetch: self.fetch.into(),
            stored_bytes: Some(self.stored_bytes),
            unavailable: Some(self.unavailable).filter(|count| *count > 0),
            shared_chunks: self.shared.chunks,
            shared_bytes: self.shared.bytes,
        }
    }
}

impl fmt::Display for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fetch, shared, stored_bytes, unavailable } = self;
        write!(f, "update: fetch {} chunks, {} bytes", fetch.chunks, fetch.bytes)?;
        write!(f, " ({stored_bytes} as stored")?;
        if *unavailable > 0 {
            write!(f, "; {unavailable} chunks are in no store")?;
        }
        write!(f, "); share {} chunks, {} bytes", shared.chunks, shared.bytes)
    }
}
