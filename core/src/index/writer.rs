//! The index writer.

use alloc::vec::Vec;

use crate::chunk::{ChunkId, ChunkSizes};
use crate::error::{Error, Limited, Malformed, Result};
use crate::record::{FeatureFlags, IndexHeader, IndexItem, IndexTail};

/// Writes an index, chunk by chunk. Everything is appended to a buffer of the caller.
///
/// ```
/// use casync_core::chunk::{ChunkId, ChunkSizes};
/// use casync_core::hash::DigestAlgorithm;
/// use casync_core::index::IndexWriter;
///
/// let algorithm = DigestAlgorithm::Sha512_256;
/// let mut file = Vec::new();
/// let mut writer = IndexWriter::new(algorithm.flag(), ChunkSizes::default(), &mut file);
/// writer.push(ChunkId::of(b"only chunk", algorithm), 10, &mut file)?;
/// writer.finish(&mut file)?;
/// assert_eq!(file.len(), 64 + 40 + 40);
/// # Ok::<(), casync_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct IndexWriter {
    max: u64,
    items: u64,
    end: u64,
}

impl IndexWriter {
    /// Starts an index by appending its header to `out`. `features` must be normalized.
    pub fn new(features: FeatureFlags, sizes: ChunkSizes, out: &mut Vec<u8>) -> Self {
        IndexHeader { features, sizes }.emit(out);
        Self { max: sizes.max(), items: 0, end: 0 }
    }

    /// Appends the next chunk.
    ///
    /// # Errors
    ///
    /// [`Malformed::ItemSize`] for a chunk that is empty or larger than the maximum, [`Error::Limit`] for a stream of
    /// 2^63 bytes or more.
    pub fn push(&mut self, id: ChunkId, size: u64, out: &mut Vec<u8>) -> Result<()> {
        if size == 0 || size > self.max {
            return Err(Malformed::ItemSize(size).into());
        }
        let max = i64::MAX as u64;
        let end = self.end.saturating_add(size);
        if end > max {
            return Err(Error::Limit { what: Limited::Stream, value: end, max });
        }
        self.end = end;
        self.items += 1;
        IndexItem { end, id }.emit(out);
        Ok(())
    }

    /// Ends the index; returns the size of the stream.
    ///
    /// # Errors
    ///
    /// None at present.
    pub fn finish(self, out: &mut Vec<u8>) -> Result<u64> {
        IndexTail { items: self.items }.emit(out);
        Ok(self.end)
    }

    /// Chunks written so far.
    pub const fn chunks(&self) -> u64 {
        self.items
    }

    /// Bytes of stream that the chunks so far cover.
    pub const fn stream_size(&self) -> u64 {
        self.end
    }
}
