//! Stores that can be looked through, and whose chunks can be removed and replaced: what cleaning and repairing takes.

use std::time::SystemTime;

use casync_core::chunk::ChunkId;

use super::{Form, Store};
use crate::error::Result;

/// A chunk as a store lists it.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its id.
    pub id: ChunkId,
    /// How it is packed.
    pub form: Form,
    /// Bytes as stored, if the store says so in its list.
    pub size: Option<u64>,
    /// When it was written, if the store says so in its list.
    pub modified: Option<SystemTime>,
    /// Where it lies below the store.
    pub path: String,
}

/// What a store has.
#[derive(Clone, Debug)]
pub enum Listed {
    /// A chunk.
    Chunk(Item),
    /// Something that is none, by its path below the store.
    Stranger(String),
}

/// A store that can be looked through and cleaned.
pub trait Inventory: Store {
    /// Lists what is in the store, in any order. What is written or removed meanwhile may be listed or not.
    ///
    /// # Errors
    ///
    /// If the store cannot be listed to its end, and those of `take`.
    fn list(&self, take: &mut dyn FnMut(Listed) -> Result<()>) -> Result<()>;

    /// Removes chunks; `done` gets to know for each what came of it. What is gone already is no error.
    fn remove(&self, items: Vec<Item>, done: &mut dyn FnMut(&Item, Result<()>));

    /// Puts bytes in the place of whatever is at this path below the store, which belongs to a chunk. Readers see the old
    /// bytes or the new ones.
    ///
    /// # Errors
    ///
    /// If that is not possible; then the old ones are still there.
    fn replace(&self, id: &ChunkId, path: &str, bytes: &[u8]) -> Result<()>;
}
