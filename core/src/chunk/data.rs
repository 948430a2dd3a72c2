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
use crate::codec::{Compression, Decoder};
use crate::error::{Error, Malformed, Result};
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
        self.decode_with(&mut Decoder::new(), limits)
    }

    fn decode_with(self, decoder: &mut Decoder, limits: &Limits) -> Result<PlainChunk> {
        match self {
            Self::Plain(bytes) if bytes.len() as u64 > limits.chunk => {
                Err(Error::Limit { what: crate::error::Limited::Chunk, value: bytes.len() as u64, max: limits.chunk })
            }
            Self::Plain(bytes) if bytes.is_empty() => Err(Error::Truncated { length: 0 }),
            Self::Plain(bytes) => Ok(PlainChunk(bytes)),
            Self::Compressed(frame) => {
                let mut bytes = Vec::new();
                decoder.decode(&frame, limits.chunk, &mut bytes)?;
                Ok(PlainChunk(bytes))
            }
        }
    }

    /// Goes the whole way from a store to bytes that can be used: unpacks the chunk, compares its length with the
    /// index, verifies it.
    ///
    /// ```
    /// # use casync_core::chunk::{ChunkId, StoredChunk};
    /// # use casync_core::hash::DigestAlgorithm;
    /// let frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 0x21, 0x00, 0x00, b'c', b'a', b'f', b'e'];
    /// let algorithm = DigestAlgorithm::Sha512_256;
    /// let id = ChunkId::of(b"cafe", algorithm);
    /// let chunk = StoredChunk::Compressed(frame).unpack(&id, 4, algorithm)?;
    /// assert_eq!(chunk.bytes(), b"cafe");
    /// # Ok::<(), casync_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::decode`] with `size` for the limit, [`Malformed::ChunkLength`] for a chunk that is too short,
    /// [`Error::Mismatch`].
    pub fn unpack(self, id: &ChunkId, size: u64, algorithm: DigestAlgorithm) -> Result<VerifiedChunk> {
        self.unpack_with(&mut Decoder::new(), id, size, algorithm)
    }

    fn unpack_with(
        self,
        decoder: &mut Decoder,
        id: &ChunkId,
        size: u64,
        algorithm: DigestAlgorithm,
    ) -> Result<VerifiedChunk> {
        self.decode_with(decoder, &Limits::default().with_chunk(size))?.with_length(size)?.verify(id, algorithm)
    }

    /// How the chunk is compressed; `None` for plain bytes.
    ///
    /// # Errors
    ///
    /// [`Malformed::UnknownCompression`].
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

    /// Checks the length against the index.
    ///
    /// # Errors
    ///
    /// [`Malformed::ChunkLength`].
    pub fn with_length(self, expected: u64) -> Result<Self> {
        let actual = self.0.len() as u64;
        if actual == expected { Ok(self) } else { Err(Malformed::ChunkLength { expected, actual }.into()) }
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

    /// Takes a chunk of which it is not known whether it is still compressed: an HTTP client may have undone a frame
    /// that the server declared to be a content coding.
    ///
    /// # Errors
    ///
    /// As [`StoredChunk::unpack`].
    pub fn recognize(bytes: Vec<u8>, id: &ChunkId, size: u64, algorithm: DigestAlgorithm) -> Result<Self> {
        Self::recognize_with(&mut Decoder::new(), bytes, id, size, algorithm)
    }

    /// The same with a decoder that is used for chunk after chunk.
    ///
    /// # Errors
    ///
    /// As [`Self::recognize`].
    pub fn recognize_with(
        decoder: &mut Decoder,
        bytes: Vec<u8>,
        id: &ChunkId,
        size: u64,
        algorithm: DigestAlgorithm,
    ) -> Result<Self> {
        if Compression::detect(&bytes).is_err() {
            return StoredChunk::Plain(bytes).unpack(id, size, algorithm);
        }
        // Plain bytes may begin like a frame: an image of a file system that holds compressed files has such chunks.
        let plain = (bytes.len() as u64 == size).then(|| bytes.clone());
        StoredChunk::Compressed(bytes).unpack_with(decoder, id, size, algorithm).or_else(|error| {
            let plain = plain.ok_or_else(|| error.clone())?;
            PlainChunk(plain).verify(id, algorithm).map_err(|_| error)
        })
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
    use crate::error::Limited;

    const ALGORITHM: DigestAlgorithm = DigestAlgorithm::Sha512_256;
    const FRAME: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 0x21, 0x00, 0x00, b'c', b'a', b'f', b'e'];

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

    #[test]
    #[cfg_attr(not(feature = "zstd"), ignore = "the frame is one of zstd")]
    fn a_chunk_has_the_length_and_the_id_that_the_index_says() {
        let id = ChunkId::of(b"cafe", ALGORITHM);
        let unpack = |id, size| StoredChunk::Compressed(FRAME.to_vec()).unpack(id, size, ALGORITHM);
        assert_eq!(unpack(&id, 4).map(VerifiedChunk::into_bytes), Ok(b"cafe".to_vec()));
        assert_eq!(unpack(&id, 5), Err(Malformed::ChunkLength { expected: 5, actual: 4 }.into()));
        assert_eq!(unpack(&id, 3), Err(Error::Limit { what: Limited::Chunk, value: 4, max: 3 }));
        let expected = ChunkId::of(b"face", ALGORITHM);
        assert_eq!(unpack(&expected, 4), Err(Error::Mismatch { expected, actual: id }));
    }

    #[test]
    #[cfg_attr(not(feature = "zstd"), ignore = "the frame is one of zstd")]
    fn a_chunk_is_recognized_packed_or_not() {
        let recognize = |bytes: &[u8], plain: &[u8]| {
            let id = ChunkId::of(plain, ALGORITHM);
            VerifiedChunk::recognize(bytes.to_vec(), &id, plain.len() as u64, ALGORITHM).map(VerifiedChunk::into_bytes)
        };
        assert_eq!(recognize(FRAME, b"cafe"), Ok(b"cafe".to_vec()));
        assert_eq!(recognize(b"cafe", b"cafe"), Ok(b"cafe".to_vec()));
        // Plain bytes that are a frame, that begin like one, and too few to tell.
        for plain in [FRAME, &FRAME[..8], &FRAME[..2]] {
            assert_eq!(recognize(plain, plain), Ok(plain.to_vec()));
        }
        assert!(matches!(recognize(FRAME, b"face"), Err(Error::Mismatch { .. })));
        assert!(matches!(recognize(b"cafe", b"face"), Err(Error::Mismatch { .. })));
        assert!(matches!(recognize(&FRAME[..12], b"cafe"), Err(Error::Truncated { .. })));
    }
}
