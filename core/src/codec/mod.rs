//! Decompression of stored chunks, with a hard cap on what comes out (spec: store-and-digests.md 2).
//!
//! A chunk file is one frame of one method, told by its first bytes. Decoders here are pure Rust, so that every target
//! reads every store; a shell may decompress with its own library and hand the result to
//! [`crate::chunk::PlainChunk::from_untrusted`]. That something decodes proves nothing: only the chunk id does.

#[cfg(feature = "gzip")]
mod gzip;
#[cfg(feature = "xz")]
mod xz;
#[cfg(feature = "zstd")]
mod zstd;

use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

#[cfg(any(feature = "gzip", feature = "xz", feature = "zstd"))]
use crate::error::Limited;
use crate::error::{Error, Malformed, Result, UsageError};

/// A compression method of stored chunks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Zstandard, the default.
    #[default]
    Zstd,
    /// xz (LZMA2).
    Xz,
    /// gzip (deflate).
    Gzip,
}

impl Compression {
    /// All methods.
    pub const ALL: [Self; 3] = [Self::Zstd, Self::Xz, Self::Gzip];

    /// Recognizes a frame by its first bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] for input too short to tell, [`Malformed::UnknownCompression`] for anything else.
    pub fn detect(frame: &[u8]) -> Result<Self> {
        if let Some(method) = Self::ALL.into_iter().find(|method| frame.starts_with(method.magic())) {
            return Ok(method);
        }
        // compat: upstream wants to see as much as the longest of them has before it judges.
        if Self::ALL.into_iter().all(|method| method.magic().len() <= frame.len()) {
            return Err(Malformed::UnknownCompression.into());
        }
        Err(Error::Truncated { length: frame.len() as u64 })
    }

    /// The bytes that every frame of this method starts with.
    pub const fn magic(self) -> &'static [u8] {
        match self {
            Self::Zstd => &[0x28, 0xb5, 0x2f, 0xfd],
            Self::Xz => &[0xfd, b'7', b'z', b'X', b'Z', 0],
            Self::Gzip => &[0x1f, 0x8b],
        }
    }

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Gzip => "gzip",
        }
    }
}

impl FromStr for Compression {
    type Err = Error;

    /// Parses `zstd`, `xz`, `gzip` or `default`.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "default" => Ok(Self::default()),
            _ => {
                let named = Self::ALL.into_iter().find(|method| method.name() == text);
                named.ok_or(Error::Usage(UsageError::Compression))
            }
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Decompresses frame after frame; what one took of memory serves the next, which saves a tenth and more of the time.
///
/// Of a frame's window it keeps no more than the largest `limit` so far, rounded up to a power of two.
#[derive(Default)]
pub struct Decoder {
    #[cfg(feature = "zstd")]
    zstd: zstd::Kept,
}

impl Decoder {
    /// A decoder that holds nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Decompresses one frame, as [`decode`] does.
    ///
    /// # Errors
    ///
    /// As [`decode`].
    #[cfg_attr(not(feature = "zstd"), allow(clippy::needless_pass_by_ref_mut, reason = "zstd alone keeps memory"))]
    pub fn decode(&mut self, frame: &[u8], limit: u64, out: &mut Vec<u8>) -> Result<()> {
        match Compression::detect(frame)? {
            #[cfg(feature = "zstd")]
            Compression::Zstd => zstd::decode(&mut self.zstd, frame, limit, out),
            #[cfg(feature = "xz")]
            Compression::Xz => xz::decode(frame, limit, out),
            #[cfg(feature = "gzip")]
            Compression::Gzip => gzip::decode(frame, limit, out),
            #[allow(unreachable_patterns, reason = "reachable when a codec is left out")]
            other => {
                let _ = (limit, out);
                Err(crate::error::Unsupported::Codec(other.name()).into())
            }
        }
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").finish_non_exhaustive()
    }
}

/// Decompresses one frame and appends the result to `out`.
///
/// ```
/// # if !cfg!(feature = "zstd") { return Ok(()); }
/// # let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 0x21, 0x00, 0x00, b'c', b'a', b'f', b'e'];
/// let mut plain = Vec::new();
/// casync_core::codec::decode(&frame, 1 << 20, &mut plain)?;
/// assert_eq!(plain, b"cafe");
/// # Ok::<(), casync_core::Error>(())
/// ```
///
/// # Errors
///
/// [`Malformed::Compressed`] for damaged frames and for bytes after the frame, [`Error::Truncated`] for frames that
/// stop early, [`Error::Limit`] as soon as more than `limit` bytes come out, [`Error::Unsupported`] for methods that are
/// not built in and for frames that need more than 128 MiB to decode. What was appended before an error is to be
/// discarded.
pub fn decode(frame: &[u8], limit: u64, out: &mut Vec<u8>) -> Result<()> {
    Decoder::new().decode(frame, limit, out)
}

/// Packs plain bytes into one zstd frame that every reader of stores takes.
///
/// The bytes differ from what the C program stores, which chunk ids do not depend on.
///
/// ```
/// # use casync_core::codec;
/// let plain = b"to be or not to be, to be or not to be".repeat(10);
/// let frame = codec::encode(&plain);
/// assert!(frame.len() < plain.len() / 4);
/// let mut again = Vec::new();
/// codec::decode(&frame, 1 << 20, &mut again)?;
/// assert_eq!(again, plain);
/// # Ok::<(), casync_core::Error>(())
/// ```
#[cfg(feature = "zstd")]
pub fn encode(plain: &[u8]) -> Vec<u8> {
    zstd::encode(plain)
}

/// Output of a decoder that grows step by step up to a limit.
#[cfg(any(feature = "gzip", feature = "xz", feature = "zstd"))]
#[cfg_attr(feature = "fast-zstd", allow(dead_code, reason = "that decoder alone does without"))]
struct Growing<'a> {
    out: &'a mut Vec<u8>,
    /// Where this frame's output starts in `out`.
    start: usize,
    /// Bytes of this frame's output that are valid; `out` may be longer.
    written: usize,
    limit: u64,
}

#[cfg(any(feature = "gzip", feature = "xz", feature = "zstd"))]
#[cfg_attr(feature = "fast-zstd", allow(dead_code, reason = "that decoder alone does without"))]
impl<'a> Growing<'a> {
    /// First size of the output buffer, in bytes; it doubles from there.
    const FIRST: usize = 64 << 10;
    /// Up to this limit all of it is taken at once: growing would cost more than it saves.
    const SMALL: usize = 1 << 20;

    fn new(out: &'a mut Vec<u8>, limit: u64) -> Self {
        let start = out.len();
        Self { out, start, written: 0, limit }
    }

    /// This frame's output so far and the room behind it, never without room.
    ///
    /// Fails when the limit is passed: one byte more than the limit can be written before that is noticed.
    fn room(&mut self) -> Result<(&mut [u8], usize)> {
        if self.written as u64 > self.limit {
            return Err(Error::Limit { what: Limited::Chunk, value: self.written as u64, max: self.limit });
        }
        if self.start + self.written == self.out.len() {
            let most = usize::try_from(self.limit).unwrap_or(usize::MAX).saturating_add(1);
            let first = if most <= Self::SMALL { most } else { Self::FIRST };
            let size = (2 * self.written).clamp(first, most.max(first)).min(most);
            self.out.resize(self.start + size.max(self.written + 1), 0);
        }
        Ok((&mut self.out[self.start..], self.written))
    }

    fn wrote(&mut self, count: usize) {
        self.written += count;
    }

    fn finish(self) -> Result<()> {
        if self.written as u64 > self.limit {
            return Err(Error::Limit { what: Limited::Chunk, value: self.written as u64, max: self.limit });
        }
        self.out.truncate(self.start + self.written);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn methods_are_told_by_their_first_bytes() {
        for method in Compression::ALL {
            let magic = method.magic();
            assert_eq!(Compression::detect(magic), Ok(method));
            assert_eq!(Compression::detect(&[magic, b"rest"].concat()), Ok(method));
            for length in 0..magic.len() {
                assert_eq!(Compression::detect(&magic[..length]), Err(Error::Truncated { length: length as u64 }));
            }
            assert_eq!(method.to_string().parse(), Ok(method));
        }
        assert_eq!(Compression::detect(b"(\xb5/\xfe.."), Err(Malformed::UnknownCompression.into()));
        // As long as the magic that it is not, but shorter than another's.
        assert_eq!(Compression::detect(b"(\xb5/\xfe."), Err(Error::Truncated { length: 5 }));
        assert_eq!("default".parse(), Ok(Compression::Zstd));
        assert_eq!("lz4".parse::<Compression>(), Err(Error::Usage(UsageError::Compression)));
    }

    #[test]
    fn methods_that_are_left_out_say_so() {
        for (method, built_in) in [
            (Compression::Zstd, cfg!(feature = "zstd")),
            (Compression::Xz, cfg!(feature = "xz")),
            (Compression::Gzip, cfg!(feature = "gzip")),
        ] {
            let refused = decode(method.magic(), 10, &mut Vec::new()).unwrap_err();
            let left_out = Error::Unsupported(crate::error::Unsupported::Codec(method.name()));
            assert_eq!(refused == left_out, !built_in, "{method}: {refused}");
        }
    }
}
