//! Cutting a stream into chunks, naming them, and telling verified bytes from unverified ones.
//!
//! ```text
//! bytes -> Chunker (push, any split)      -> cut positions
//! bytes -> Cutter  (owns the buffer)      -> whole chunks in one piece of memory
//!             both: candidates from find_candidate, minimum and maximum by a sequential rule
//! StoredChunk -decode-> PlainChunk -verify(id)-> VerifiedChunk
//! ```

mod chunker;
mod cutter;
mod data;
mod discriminator;
mod id;
mod scan;
mod sizes;

pub use chunker::Chunker;
pub use cutter::{Cutter, Segment};
pub use data::{PlainChunk, StoredChunk, VerifiedChunk, verify_all};
pub use discriminator::Discriminator;
pub use id::ChunkId;
pub use scan::{find_candidate, is_zero};
pub use sizes::ChunkSizes;
