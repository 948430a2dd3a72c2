//! Chunk bytes by how far they can be trusted.
//!
//! A stored chunk came from somewhere; a plain chunk is what it unpacked to; only a verified chunk, whose bytes have been
//! found to belong to the id that was asked for, may reach a disk, a page or a peer.
//!
//! ```
//! use casync_core::Limits;
//! use casync_core::chunk::{ChunkId, StoredChunk};
//! use casync_core::hash::DigestAlgorithm;
//!
//! let algorithm = DigestAlgorithm::Sha512_256;
//! let id = ChunkId::of(b"cafe", algorithm);
//! let stored = StoredChunk::Plain(b"cafe".to_vec());
//! let plain = stored.decode(&Limits::default())?;
//! let verified = plain.clone().verify(&id, algorithm)?;
//! assert_eq!(verified.bytes(), b"cafe");
//! assert!(plain.verify(&ChunkId::of(b"tea", algorithm), algorithm).is_err());
//! # Ok::<(), casync_core::Error>(())
//! ```

use alloc::vec::Vec;

use super::ChunkId;
use crate::codec::{self, Compression};
use crate::error::{Error, Result};
use crate::hash::DigestAlgorithm;
use crate::limits::Limits;

/// A chunk as a store holds it: one compressed frame, or the plain bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredChunk {
    /// A frame of zstd, xz or gzip; the first bytes tell which.
    Compressed(Vec<u8>),
    /// The bytes themselves.
    Plain(Vec<u8>),
}

impl StoredChunk {
    /// Unpacks the chunk.
    ///
    /// Allocates step by step, never by what the frame announces, and stops at `limits.chunk`.
    ///
    /// # Errors
    ///
    /// [`Error::Format`] for damaged frames, [`Error::Truncated`] for cut ones and for empty input,
    /// [`Error::Limit`] for bombs, [`Error::Unsupported`] for codecs that are not built in.
    pub fn decode(self, limits: &Limits) -> Result<PlainChunk> {
        match self {
            Self::Plain(bytes) if bytes.len() as u64 > limits.chunk => {
                Err(Error::Limit { what: crate::error::Limited::Chunk, value: bytes.len() as u64, max: limits.chunk })
            }
            Self::Plain(bytes) if bytes.is_empty() => Err(Error::Truncated { length: 0 }),
            Self::Plain(bytes) => Ok(PlainChunk(bytes)),
            Self::Compressed(frame) => {
                let mut bytes = Vec::new();
                codec::decode(&frame, limits.chunk, &mut bytes)?;
                Ok(PlainChunk(bytes))
            }
        }
    }

    /// How the chunk is compressed; `None` for plain bytes.
    ///
    /// # Errors
    ///
    /// [`crate::error::Malformed::UnknownCompression`].
    pub fn compression(&self) -> Result<Option<Compression>> {
        match self {
            Self::Plain(_) => Ok(None),
            Self::Compressed(frame) => Compression::detect(frame).map(Some),
        }
    }
}

/// Plain bytes of a chunk, not yet known to be the right ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainChunk(Vec<u8>);

impl PlainChunk {
    /// Bytes from a shell's own decompressor, or from anywhere else that is not to be trusted.
    pub const fn from_untrusted(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Checks the bytes against the id.
    ///
    /// # Errors
    ///
    /// [`Error::Mismatch`].
    pub fn verify(self, id: &ChunkId, algorithm: DigestAlgorithm) -> Result<VerifiedChunk> {
        let actual = ChunkId::of(&self.0, algorithm);
        self.accept(id, actual)
    }

    fn accept(self, expected: &ChunkId, actual: ChunkId) -> Result<VerifiedChunk> {
        if actual == *expected {
            Ok(VerifiedChunk { id: actual, bytes: self.0 })
        } else {
            Err(Error::Mismatch { expected: *expected, actual })
        }
    }

    /// The bytes, for looking only.
    pub fn untrusted_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Verifies several chunks at once, which is faster than one by one.
///
/// # Panics
///
/// If there are not as many ids as chunks.
pub fn verify_all(
    chunks: Vec<PlainChunk>,
    ids: &[ChunkId],
    algorithm: DigestAlgorithm,
) -> impl Iterator<Item = Result<VerifiedChunk>> {
    assert_eq!(chunks.len(), ids.len(), "one id for each chunk");
    let inputs: Vec<&[u8]> = chunks.iter().map(|chunk| chunk.0.as_slice()).collect();
    let digests = algorithm.digest_all(&inputs);
    chunks.into_iter().zip(ids).zip(digests).map(|((chunk, id), digest)| chunk.accept(id, digest.into()))
}

/// Bytes that belong to their id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedChunk {
    id: ChunkId,
    bytes: Vec<u8>,
}

impl VerifiedChunk {
    /// Names bytes that the caller has just cut from its own input.
    pub fn from_source(bytes: Vec<u8>, algorithm: DigestAlgorithm) -> Self {
        Self { id: ChunkId::of(&bytes, algorithm), bytes }
    }

    /// The id.
    pub const fn id(&self) -> &ChunkId {
        &self.id
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives the bytes away.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Limited, Malformed};

    #[test]
    fn plain_chunks_are_limited_too() {
        let limits = Limits::default().with_chunk(4);
        let plain = |bytes: &[u8]| StoredChunk::Plain(bytes.to_vec()).decode(&limits).map(|chunk| chunk.0);
        assert_eq!(plain(b"cafe"), Ok(b"cafe".to_vec()));
        assert_eq!(plain(b"coffee"), Err(Error::Limit { what: Limited::Chunk, value: 6, max: 4 }));
        assert_eq!(plain(b""), Err(Error::Truncated { length: 0 }));
    }

    #[test]
    fn stored_chunks_tell_how_they_are_compressed() {
        let compression = |frame: &[u8]| StoredChunk::Compressed(frame.to_vec()).compression();
        for method in Compression::ALL {
            assert_eq!(compression(method.magic()), Ok(Some(method)));
        }
        assert_eq!(compression(b"garbage"), Err(Malformed::UnknownCompression.into()));
        assert_eq!(StoredChunk::Plain(Vec::new()).compression(), Ok(None));
    }

    #[test]
    fn own_chunks_need_no_verification() {
        let chunk = VerifiedChunk::from_source(b"cafe".to_vec(), DigestAlgorithm::Sha256);
        assert_eq!(*chunk.id(), ChunkId::of(b"cafe", DigestAlgorithm::Sha256));
        assert_eq!(chunk.into_bytes(), b"cafe");
    }
}
