//! The encoder cache: what an earlier run learnt about a tree, so that the next need not read what has not changed.
//!
//! An archive stream is records and payload. Records are made anew in every run, which takes no more than the metadata of
//! the tree; payload has to be read. The cache has one entry for each chunk of the earlier run:
//!
//! ```text
//! place, length, fingerprint -> chunk id
//! ```
//!
//! *Place* says where the chunk starts: which node, records or payload, offset in it. The *fingerprint* stands for all that
//! the chunk is made of: the bytes of records literally, and for payload what identifies a file in the state in which it
//! was read ([`FileIdentity`]). If the stream of this run reaches a recorded place, and what follows has the recorded
//! fingerprint, then the same bytes follow; cuts depend on nothing before the start of a chunk, so the same chunk follows,
//! and its id is known without reading. In all other cases the chunk is encoded, and looked for again where it ends.
//!
//! [`Tracker`] decides that; [`CacheTable`] and [`CacheWriter`] read and write the file:
//!
//! ```text
//! file   = header entry* tail              all numbers u64, little-endian
//! header = MAGIC version features min avg max shift range tree[32] started
//! entry  = place length fingerprint[32] id[32]
//! tail   = MARK count SHA-256 of all before[32]
//! ```
//!
//! *Started* is when the run that wrote it began. The file is no interchange format: another version is another file, and
//! what does not match its digest is of no use.

mod fingerprint;
mod part;
mod settings;
mod table;
mod tracker;
mod writer;

pub use fingerprint::FileIdentity;
pub use part::RecordsOf;
pub use settings::CacheSettings;
pub use table::CacheTable;
pub use tracker::{CacheCounts, Piece, Tracker};
pub use writer::CacheWriter;

use crate::chunk::ChunkId;
use crate::hash::Digest;

/// What is recorded of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheEntry {
    /// Where it starts and what it is made of.
    pub mark: Mark,
    /// Its length in bytes.
    pub length: u64,
    /// Its id.
    pub id: ChunkId,
}

/// Where a chunk starts and what it is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Hash of the place. Two places may have the same: the fingerprint decides.
    place: u64,
    /// Digest of what the chunk is made of.
    fingerprint: Digest,
}

/// Starts every cache file. Drawn at random.
const MAGIC: u64 = 0x5d0f_2c1e_91b7_43a6;
/// Starts the tail.
const TAIL_MARK: u64 = 0xa7c3_08e4_6b92_f51d;
/// Changes with the format, with what goes into fingerprints, and with whatever else decides where chunks end.
const VERSION: u64 = 1;
const HEADER_SIZE: usize = 13 * 8;
const ENTRY_SIZE: usize = 2 * 8 + 2 * Digest::LEN;
const TAIL_SIZE: usize = 2 * 8 + Digest::LEN;
