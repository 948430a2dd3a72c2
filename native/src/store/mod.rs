//! Chunk stores.

mod ahead;
mod cache;
mod chain;
mod codec;
mod examine;
mod files;
mod group;
mod inventory;
mod layout;
mod local;
pub(crate) mod lock;
mod offline;

use casync_core::chunk::ChunkId;

pub(crate) use ahead::Lease;
pub use cache::{CachedStore, ChunkCache};
pub use chain::{Chain, Loaded, Loader, Tools};
pub use codec::{Compressor, Decompressor};
pub use examine::Examiner;
pub use files::{ChunkDirectory, Directories};
pub use group::{GroupStore, Pauses};
pub use inventory::{Inventory, Item, Listed};
pub(crate) use layout::Layout;
pub use local::LocalStore;
pub(crate) use local::{FRAME_OVERHEAD, MARK_AFTER, STORED_MAX, read_whole as read_chunk_file};
pub use offline::OfflineStore;

use crate::error::Result;

/// A place that holds chunks by id.
pub trait Store: Send + Sync {
    /// Reads a chunk in one form into `buffer`, replacing what is there. Nothing is verified.
    ///
    /// False: the chunk is not here in this form; it may be in the other, or in another store.
    ///
    /// # Errors
    ///
    /// Anything that says more than "not here".
    fn get(&self, id: &ChunkId, form: Form, buffer: &mut Vec<u8>) -> Result<bool>;

    /// Whether the store has a chunk, without reading it.
    ///
    /// # Errors
    ///
    /// If the store cannot tell.
    fn has(&self, id: &ChunkId) -> Result<bool>;

    /// How many bytes a chunk takes in the store, if it is here and the store can tell without reading it.
    ///
    /// # Errors
    ///
    /// If the store cannot be asked.
    fn stored_size(&self, _id: &ChunkId) -> Result<Option<u64>> {
        Ok(None)
    }

    /// The same for who is going to rely on it: a garbage collection that runs meanwhile spares the chunk.
    ///
    /// # Errors
    ///
    /// As [`Self::has`].
    fn hold(&self, id: &ChunkId) -> Result<bool> {
        self.has(id)
    }

    /// What [`Self::get`] gave for a chunk was no good: stores that have it from several places look elsewhere next time.
    fn reject(&self, _id: &ChunkId) {}

    /// Stores a chunk; never replaces a good one. Readers see all of it or nothing.
    ///
    /// # Errors
    ///
    /// If it could not be stored.
    fn put(&self, id: &ChunkId, form: Form, bytes: &[u8]) -> Result<Put>;

    /// Waits until all that was put is there. Called once, after the last [`Self::put`], and before an index that needs the
    /// chunks is made visible.
    ///
    /// # Errors
    ///
    /// If something that was put could not be stored.
    fn finish(&self) -> Result<()> {
        Ok(())
    }

    /// How many calls of [`Self::get`] at the same time make sense, since each mostly waits; 0 for stores that do not wait.
    fn width(&self) -> usize {
        0
    }

    /// Where in the store a chunk lies, for messages.
    fn path(&self, id: &ChunkId, form: Form) -> String {
        Layout::from_environment().path(id, form)
    }

    /// The store as one that can be looked through and cleaned, if it can.
    fn inventory(&self) -> Option<&dyn Inventory> {
        None
    }

    /// What people call the store: its path or URL without secrets.
    fn name(&self) -> &str;
}

/// Puts what was read into the buffer of [`Store::get`], and answers for it.
pub(crate) fn hand_over(read: Option<Vec<u8>>, buffer: &mut Vec<u8>) -> bool {
    let found = read.is_some();
    if let Some(bytes) = read {
        *buffer = bytes;
    }
    found
}

/// How the bytes of a chunk are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One frame of zstd, xz or gzip.
    Compressed,
    /// Not at all.
    Plain,
}

impl Form {
    /// Both, in the order in which they are tried.
    pub const ALL: [Self; 2] = [Self::Compressed, Self::Plain];

    /// The one that this is not.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Compressed => Self::Plain,
            Self::Plain => Self::Compressed,
        }
    }
}

/// What came of storing a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is new.
    Stored,
    /// It was there already.
    Existed,
}
