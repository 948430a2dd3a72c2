//! Chunk ids.

use core::fmt;
use core::str::FromStr;

use crate::error::{Error, Result};
use crate::hash::{Digest, DigestAlgorithm};

/// The digest of a chunk's plain bytes, which is its name in every store (spec: chunking-and-index.md 3).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkId(Digest);

impl ChunkId {
    /// The id of some plain bytes.
    pub fn of(bytes: &[u8], algorithm: DigestAlgorithm) -> Self {
        Self(algorithm.digest(bytes))
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; Digest::LEN] {
        self.0.as_bytes()
    }

    /// The first two bytes as a number: the prefix directory in a store.
    pub const fn prefix(&self) -> u16 {
        let bytes = self.as_bytes();
        u16::from_be_bytes([bytes[0], bytes[1]])
    }
}

impl From<Digest> for ChunkId {
    fn from(digest: Digest) -> Self {
        Self(digest)
    }
}

impl From<ChunkId> for Digest {
    fn from(id: ChunkId) -> Self {
        id.0
    }
}

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ChunkId {
    type Err = Error;

    /// Parses 64 lower-case hexadecimal digits.
    fn from_str(text: &str) -> Result<Self> {
        text.parse().map(Self)
    }
}
