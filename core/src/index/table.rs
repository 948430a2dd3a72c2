//! A whole index in memory.

use alloc::vec::Vec;
use core::ops::Range;

use super::{IndexEvent, IndexReader, IndexStep};
use crate::chunk::{ChunkId, ChunkSizes};
use crate::error::{Error, Limited, Result};
use crate::hash::DigestAlgorithm;
use crate::limits::Limits;
use crate::record::FeatureFlags;

/// All chunks of a stream, 40 bytes of memory each, for random access.
///
/// ```
/// # use casync_core::chunk::{ChunkId, ChunkSizes};
/// # use casync_core::index::{IndexTable, IndexWriter};
/// # use casync_core::record::FeatureFlags;
/// # let mut file = Vec::new();
/// # let mut writer = IndexWriter::new(FeatureFlags::SHA512_256, ChunkSizes::default(), &mut file);
/// # for _ in 0..3 {
/// #     writer.push(ChunkId::default(), 100, &mut file)?;
/// # }
/// # writer.finish(&mut file)?;
/// let table = IndexTable::parse(&file, &Default::default())?;
/// assert_eq!(table.stream_size(), 300);
/// let touched: Vec<u64> = table.covering(150..220).map(|piece| piece.start).collect();
/// assert_eq!(touched, [100, 200]);
/// # Ok::<(), casync_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexTable {
    features: FeatureFlags,
    sizes: ChunkSizes,
    ends: Vec<u64>,
    ids: Vec<ChunkId>,
}

/// One chunk's place in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Number of the chunk in the index, from 0.
    pub number: usize,
    /// Its id.
    pub id: ChunkId,
    /// Where it starts.
    pub start: u64,
    /// Its length.
    pub size: u64,
}

impl Piece {
    /// Where the chunk lies in the stream.
    pub const fn range(&self) -> Range<u64> {
        self.start..self.start + self.size
    }
}

impl IndexTable {
    /// Reads a whole index from memory.
    ///
    /// # Errors
    ///
    /// As [`IndexReader`], and [`Error::Limit`] for more chunks than `limits.index_chunks`.
    pub fn parse(file: &[u8], limits: &Limits) -> Result<Self> {
        let mut builder = IndexTableBuilder::new(limits);
        builder.push(file)?;
        builder.finish()
    }

    /// Starts reading an index that arrives in pieces.
    pub fn builder(limits: &Limits) -> IndexTableBuilder {
        IndexTableBuilder::new(limits)
    }

    /// The archive's feature flags.
    pub const fn features(&self) -> FeatureFlags {
        self.features
    }

    /// The digest of the chunk ids.
    pub const fn algorithm(&self) -> DigestAlgorithm {
        DigestAlgorithm::of(self.features)
    }

    /// The sizes the stream was cut with.
    pub const fn sizes(&self) -> ChunkSizes {
        self.sizes
    }

    /// Bytes in the stream.
    pub fn stream_size(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Number of chunks.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether the stream is empty.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Chunk `number`; `None` past the end.
    pub fn get(&self, number: usize) -> Option<Piece> {
        let end = *self.ends.get(number)?;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(Piece { number, id: self.ids[number], start, size: end - start })
    }

    /// The chunk that holds byte `offset`; `None` past the end.
    pub fn at(&self, offset: u64) -> Option<Piece> {
        self.get(self.ends.partition_point(|&end| end <= offset))
    }

    /// All chunks that overlap `range`, in order; an empty range overlaps none.
    pub fn covering(&self, range: Range<u64>) -> impl Iterator<Item = Piece> + '_ {
        let first = self.ends.partition_point(|&end| end <= range.start);
        self.iter_from(first).take_while(move |piece| !range.is_empty() && piece.start < range.end)
    }

    /// All chunks, in order.
    pub fn iter(&self) -> impl Iterator<Item = Piece> + '_ {
        self.iter_from(0)
    }

    fn iter_from(&self, first: usize) -> impl Iterator<Item = Piece> + '_ {
        (first..self.len()).filter_map(|number| self.get(number))
    }
}

/// An index table that is being read.
#[derive(Clone, Debug)]
pub struct IndexTableBuilder {
    reader: IndexReader,
    limit: u64,
    header: Option<(FeatureFlags, ChunkSizes)>,
    ends: Vec<u64>,
    ids: Vec<ChunkId>,
}

impl IndexTableBuilder {
    fn new(limits: &Limits) -> Self {
        Self {
            reader: IndexReader::new(limits),
            limit: limits.index_chunks,
            header: None,
            ends: Vec::new(),
            ids: Vec::new(),
        }
    }

    /// Takes the next piece of the file.
    ///
    /// # Errors
    ///
    /// As [`IndexTable::parse`]. After an error every call fails.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<()> {
        loop {
            match self.reader.step(bytes)? {
                IndexStep::More => return Ok(()),
                IndexStep::Did { used, event } => {
                    bytes = &bytes[used..];
                    match event {
                        IndexEvent::Header { features, sizes } => self.header = Some((features, sizes)),
                        IndexEvent::Chunk { id, start, size } => {
                            let chunks = self.ends.len() as u64 + 1;
                            if chunks > self.limit {
                                self.reader.fail();
                                return Err(Error::Limit {
                                    what: Limited::IndexChunks,
                                    value: chunks,
                                    max: self.limit,
                                });
                            }
                            self.ends.push(start + size);
                            self.ids.push(id);
                        }
                    }
                }
            }
        }
    }

    /// Ends the file.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] if it is not complete.
    pub fn finish(self) -> Result<IndexTable> {
        self.reader.finish()?;
        let (features, sizes) = self.header.expect("because a finished reader has seen the header");
        Ok(IndexTable { features, sizes, ends: self.ends, ids: self.ids })
    }
}
