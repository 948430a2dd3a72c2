//! In the place of a store on another host, when none is to be asked.

use casync_core::chunk::ChunkId;
use rustix::io::Errno;

use super::{Form, Put, Store};
use crate::error::{Error, Result};

/// A store that is not asked.
#[derive(Clone, Debug)]
pub struct OfflineStore {
    name: String,
}

impl OfflineStore {
    /// In the place of the store of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    fn refusal(&self, id: &ChunkId) -> Error {
        let text = format!("chunk {id} is not on this host, and {:?} is not asked", self.name);
        Error::new(Errno::NETDOWN, text)
            .hint("leave out --offline, or fill the cache with fetch while there is a network")
    }
}

impl Store for OfflineStore {
    fn get(&self, id: &ChunkId, _: Form, _: &mut Vec<u8>) -> Result<bool> {
        Err(self.refusal(id))
    }

    fn has(&self, _: &ChunkId) -> Result<bool> {
        Ok(false)
    }

    fn put(&self, id: &ChunkId, _: Form, _: &[u8]) -> Result<Put> {
        Err(self.refusal(id))
    }

    fn name(&self) -> &str {
        &self.name
    }
}
