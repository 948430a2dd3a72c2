//! Archives as input: from a file, a pipe, or put together from chunks.

mod batches;
mod feed;
mod file;
mod index;
mod loaders;
mod pump;
mod random;
mod remote;
mod scout;
mod seek;
mod sparse;

pub use batches::Batches;
pub use feed::{Feed, with_feed};
pub use file::FileSource;
pub use index::Index;
pub use pump::{Flow, pump};
pub use random::{RandomSource, find, find_below, list_directory};
pub use remote::{Pages, with_remote};
pub use seek::Seeker;
pub use sparse::{Sparse, with_sparse};

pub(crate) use feed::count;
pub(crate) use random::places;

use crate::error::Result;

/// Bytes in order, of which some can be passed over.
pub trait ByteSource {
    /// The bytes at the current place, as many as there are at hand; empty at the end.
    ///
    /// # Errors
    ///
    /// If they cannot be had.
    fn fill(&mut self) -> Result<&[u8]>;

    /// Moves on by `count` bytes of those that [`Self::fill`] returned.
    fn consume(&mut self, count: usize);

    /// Moves on without reading, also past what is at hand.
    ///
    /// # Errors
    ///
    /// If the input has to be read for it, and cannot.
    fn skip(&mut self, count: u64) -> Result<()>;

    /// Offset of the current place.
    fn position(&self) -> u64;
}
