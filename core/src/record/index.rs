//! The records of index files (spec: chunking-and-index.md 4.1).

use alloc::vec::Vec;

use super::flags::FeatureFlags;
use super::header::{Header, RecordKind, put, read};
use crate::chunk::{ChunkId, ChunkSizes};
use crate::error::{Malformed, Result};
use crate::hash::Digest;

/// Bytes before the first item: the INDEX record and the header of the TABLE record.
pub const INDEX_HEADER_SIZE: usize = 64;
/// Bytes in one item.
pub const INDEX_ITEM_SIZE: usize = 40;
/// Bytes in the tail, the same as in an item.
pub const INDEX_TAIL_SIZE: usize = INDEX_ITEM_SIZE;

/// Marks the tail.
const TAIL_MARKER: u64 = 0x4b4f_050e_5549_ecd1;
/// Bytes in the INDEX record.
const INDEX_SIZE: u64 = 48;
/// Stands for the size of the TABLE record, which is unknown when writing starts.
const UNKNOWN_SIZE: u64 = u64::MAX;

/// What an index says of the whole stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexHeader {
    /// Feature flags of the archive; for blobs only the digest matters.
    pub features: FeatureFlags,
    /// The sizes the stream was cut with.
    pub sizes: ChunkSizes,
}

impl IndexHeader {
    /// Parses the first [`INDEX_HEADER_SIZE`] bytes of an index.
    ///
    /// # Errors
    ///
    /// [`Malformed`] for anything but an index; [`crate::error::Unsupported`] for feature flags of the future.
    ///
    /// # Panics
    ///
    /// If `bytes` is shorter.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let index = Header::parse(bytes)?;
        if index.kind != RecordKind::Index {
            return Err(Malformed::MisplacedRecord(index.kind).into());
        }
        let features = FeatureFlags::from_wire(read(bytes, 16))?;
        let sizes = ChunkSizes::from_wire(read(bytes, 24), read(bytes, 32), read(bytes, 40))?;
        let table = Header::parse(&bytes[48..])?;
        if table.kind != RecordKind::Table {
            return Err(Malformed::MisplacedRecord(table.kind).into());
        }
        if table.size != UNKNOWN_SIZE {
            return Err(Malformed::RecordSize { kind: table.kind, size: table.size }.into());
        }
        Ok(Self { features, sizes })
    }

    /// Appends the [`INDEX_HEADER_SIZE`] bytes.
    pub fn emit(&self, out: &mut Vec<u8>) {
        Header { size: INDEX_SIZE, kind: RecordKind::Index }.emit(out);
        put(&[self.features.bits(), self.sizes.min(), self.sizes.avg(), self.sizes.max()], out);
        Header { size: UNKNOWN_SIZE, kind: RecordKind::Table }.emit(out);
    }
}

/// One chunk of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexItem {
    /// Where the chunk ends in the stream.
    pub end: u64,
    /// Its id.
    pub id: ChunkId,
}

impl IndexItem {
    /// Parses the [`INDEX_ITEM_SIZE`] bytes of an item.
    ///
    /// # Panics
    ///
    /// If `bytes` is shorter.
    pub fn parse(bytes: &[u8]) -> Self {
        let id = bytes[8..40].try_into().expect("because the range has 32 bytes");
        Self { end: read(bytes, 0), id: ChunkId::from(Digest(id)) }
    }

    /// Appends the bytes.
    pub fn emit(&self, out: &mut Vec<u8>) {
        put(&[self.end], out);
        out.extend_from_slice(self.id.as_bytes());
    }
}

/// What follows the last item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexTail {
    /// Number of items in the table.
    pub items: u64,
}

impl IndexTail {
    /// Parses the [`INDEX_TAIL_SIZE`] bytes after `items` items; `None` if they are anything but the right tail.
    ///
    /// An item is never taken for a tail, since it would have to end at 0.
    ///
    /// # Panics
    ///
    /// If `bytes` is shorter.
    pub fn parse(bytes: &[u8], items: u64) -> Option<Self> {
        let tail = Self { items };
        let fields: [u64; 5] = core::array::from_fn(|index| read(bytes, 8 * index));
        (fields == tail.fields()).then_some(tail)
    }

    /// Whether these bytes carry a tail's marker and distance, right or wrong in the rest.
    pub fn is_like(bytes: &[u8]) -> bool {
        read(bytes, 32) == TAIL_MARKER && read(bytes, 16) == INDEX_SIZE
    }

    /// Appends the bytes.
    pub fn emit(&self, out: &mut Vec<u8>) {
        put(&self.fields(), out);
    }

    fn fields(&self) -> [u64; 5] {
        let table = 16 + INDEX_ITEM_SIZE as u64 * (self.items + 1);
        [0, 0, INDEX_SIZE, table, TAIL_MARKER]
    }
}
