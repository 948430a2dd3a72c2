//! The bytes that answers and uploads hold in memory, all together.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A budget of bytes. Who takes some waits until there are that many.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    units: Arc<Semaphore>,
    total: u32,
}

/// Bytes of a unit: semaphores count 32 bits.
const UNIT: u64 = 1 << 10;

impl Memory {
    /// A budget of so many bytes, at least one unit.
    pub(super) fn new(bytes: u64) -> Self {
        let total = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX / 8).clamp(1, u32::MAX / 8);
        Self { units: Arc::new(Semaphore::new(total as usize)), total }
    }

    /// Waits for room. What is larger than the whole budget gets all of it, and so is alone.
    pub(super) async fn take(&self, bytes: u64) -> Room {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).clamp(1, self.total);
        // Nobody closes the semaphore.
        Room(Arc::clone(&self.units).acquire_many_owned(units).await.ok())
    }
}

/// Room in the budget; given back when this is dropped.
#[derive(Debug)]
pub(super) struct Room(Option<OwnedSemaphorePermit>);

impl Room {
    /// Bytes that keep the room as long as anybody has them.
    pub(super) fn hold(self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Held { bytes, _room: self })
    }

    /// Gives back what the bytes have not needed.
    pub(super) fn shrink(&mut self, bytes: u64) {
        if let Some(permit) = &mut self.0 {
            let needed = usize::try_from(bytes.div_ceil(UNIT)).unwrap_or(usize::MAX).max(1);
            let spare = permit.num_permits().saturating_sub(needed);
            drop(permit.split(spare));
        }
    }
}

struct Held {
    bytes: Vec<u8>,
    _room: Room,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
