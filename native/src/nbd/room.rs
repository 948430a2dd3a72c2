//! Bounds the bytes that are in flight.

use std::sync::{Condvar, Mutex, PoisonError};

/// Room for a number of bytes.
#[derive(Debug)]
pub(super) struct Room {
    free: Mutex<u64>,
    freed: Condvar,
    total: u64,
}

impl Room {
    pub(super) fn new(total: u64) -> Self {
        Self { free: Mutex::new(total), freed: Condvar::new(), total }
    }

    /// Waits for room; what is larger than all of it takes all of it.
    pub(super) fn take(&self, bytes: u64) -> Taken<'_> {
        let bytes = bytes.min(self.total);
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free < bytes {
            free = self.freed.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= bytes;
        Taken { room: self, bytes }
    }
}

/// Room that is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Taken<'a> {
    room: &'a Room,
    bytes: u64,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        *self.room.free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        self.room.freed.notify_all();
    }
}
