//! A store that goes wrong as it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use casync::error::{Error, Result};
use casync::store::{Form, Inventory, Put, Store};
use casync_core::chunk::ChunkId;
use rustix::io::Errno;

/// What goes wrong when chunks are read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Nothing is there.
    Missing,
    /// One bit is wrong.
    Damaged,
    /// The end is missing.
    Cut,
    /// The nth call fails.
    Failing { nth: usize },
    /// Everything takes that long.
    Slow(Duration),
}

/// The wrapper.
pub(crate) struct Faulty {
    inner: Arc<dyn Store>,
    fault: Fault,
    calls: AtomicUsize,
}

impl Faulty {
    pub(crate) fn new(inner: Arc<dyn Store>, fault: Fault) -> Self {
        Self { inner, fault, calls: AtomicUsize::new(0) }
    }
}

impl Store for Faulty {
    fn get(&self, id: &ChunkId, form: Form, buffer: &mut Vec<u8>) -> Result<bool> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        match self.fault {
            Fault::Missing => return Ok(false),
            Fault::Failing { nth } if call == nth => {
                return Err(Error::new(Errno::IO, format!("call {call} was to fail")));
            }
            Fault::Slow(pause) => std::thread::sleep(pause),
            _ => {}
        }
        let there = self.inner.get(id, form, buffer)?;
        let middle = buffer.len() / 2;
        match self.fault {
            Fault::Damaged if there => buffer[middle] ^= 1,
            Fault::Cut if there => buffer.truncate(middle),
            _ => {}
        }
        Ok(there)
    }

    fn has(&self, id: &ChunkId) -> Result<bool> {
        self.inner.has(id)
    }

    fn stored_size(&self, id: &ChunkId) -> Result<Option<u64>> {
        self.inner.stored_size(id)
    }

    fn hold(&self, id: &ChunkId) -> Result<bool> {
        self.inner.hold(id)
    }

    fn finish(&self) -> Result<()> {
        self.inner.finish()
    }

    fn path(&self, id: &ChunkId, form: Form) -> String {
        self.inner.path(id, form)
    }

    fn inventory(&self) -> Option<&dyn Inventory> {
        self.inner.inventory()
    }

    fn put(&self, id: &ChunkId, form: Form, bytes: &[u8]) -> Result<Put> {
        self.inner.put(id, form, bytes)
    }

    fn name(&self) -> &str {
        "faulty"
    }
}
