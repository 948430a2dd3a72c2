//! Compression with the C libraries, for speed and for the same bytes as upstream (spec: store-and-digests.md 2).

use casync_core::Limits;
use casync_core::chunk::{PlainChunk, StoredChunk};
use casync_core::codec::{self, Compression};
use casync_core::error::{Error as CoreError, Limited};
use liblzma::stream::{Action, Check, Status, Stream};
use rustix::io::Errno;
use zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd_safe::{CCtx, CParameter, DCtx, InBuffer, OutBuffer, ResetDirective};

use super::Form;
use crate::error::{Error, Result};

/// Compression level of zstd and preset of xz, upstream's.
const ZSTD_LEVEL: i32 = 3;
const XZ_PRESET: u32 = 6;

/// Room that chunks of default sizes need.
const FIRST_GUESS: usize = 256 << 10;

/// Compresses chunks, one after the other, with one context.
pub struct Compressor {
    method: Method,
    out: Vec<u8>,
}

enum Method {
    Zstd(CCtx<'static>),
    Xz,
    Gzip(flate2::Compress),
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compressor").finish_non_exhaustive()
    }
}

impl Compressor {
    /// A compressor at upstream's level.
    ///
    /// # Errors
    ///
    /// If the library has no memory.
    pub fn new(compression: Compression) -> Result<Self> {
        let method = match compression {
            Compression::Zstd => {
                let mut context = CCtx::try_create().ok_or(Errno::NOMEM)?;
                context.set_parameter(CParameter::CompressionLevel(ZSTD_LEVEL)).map_err(zstd_error)?;
                Method::Zstd(context)
            }
            Compression::Xz => Method::Xz,
            Compression::Gzip => Method::Gzip(flate2::Compress::new(flate2::Compression::default(), false)),
        };
        Ok(Self { method, out: Vec::new() })
    }

    /// One frame that holds `plain`. It is valid until the next call.
    ///
    /// # Errors
    ///
    /// If the library fails, which it does only for lack of memory.
    pub fn compress(&mut self, plain: &[u8]) -> Result<&[u8]> {
        self.out.clear();
        match &mut self.method {
            Method::Zstd(context) => zstd(context, plain, &mut self.out)?,
            Method::Xz => xz(plain, &mut self.out)?,
            Method::Gzip(state) => gzip(state, plain, &mut self.out)?,
        }
        Ok(&self.out)
    }
}

/// compat: upstream streams without announcing the size, so frames carry none and the window is always 2 MiB.
fn zstd(context: &mut CCtx<'_>, plain: &[u8], out: &mut Vec<u8>) -> Result<()> {
    context.reset(ResetDirective::SessionOnly).map_err(zstd_error)?;
    out.reserve(zstd_safe::compress_bound(plain.len()) + 64);
    let mut input = InBuffer::around(plain);
    let mut output = OutBuffer::around(out);
    while input.pos() < plain.len() {
        let directive = ZSTD_EndDirective::ZSTD_e_continue;
        context.compress_stream2(&mut output, &mut input, directive).map_err(zstd_error)?;
    }
    // The output has room for everything, so once is enough.
    match context.compress_stream2(&mut output, &mut input, ZSTD_EndDirective::ZSTD_e_end).map_err(zstd_error)? {
        0 => Ok(()),
        _ => Err(Error::new(Errno::NOBUFS, "zstd needs more room than it promised")),
    }
}

fn xz(plain: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let failed = |error: liblzma::stream::Error| {
        let errno = if matches!(error, liblzma::stream::Error::Mem) { Errno::NOMEM } else { Errno::IO };
        Error::new(errno, format!("xz: {error}"))
    };
    let mut stream = Stream::new_easy_encoder(XZ_PRESET, Check::Crc64).map_err(failed)?;
    out.reserve(plain.len() + plain.len() / 2 + 1024);
    loop {
        let rest = &plain[stream.total_in() as usize..];
        match stream.process_vec(rest, out, Action::Finish).map_err(failed)? {
            Status::StreamEnd => return Ok(()),
            _ => out.reserve(plain.len() / 2 + 1024),
        }
    }
}

fn gzip(state: &mut flate2::Compress, plain: &[u8], out: &mut Vec<u8>) -> Result<()> {
    // No flags, no time, no extra flags, made on Unix: what zlib writes.
    out.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
    out.reserve(plain.len() + plain.len() / 1000 + 1024);
    state.reset();
    loop {
        let rest = &plain[state.total_in() as usize..];
        let status = state.compress_vec(rest, out, flate2::FlushCompress::Finish);
        match status.map_err(|error| Error::new(Errno::IO, format!("zlib: {error}")))? {
            flate2::Status::StreamEnd => break,
            _ => out.reserve(plain.len() / 2 + 1024),
        }
    }
    let mut crc = flate2::Crc::new();
    crc.update(plain);
    out.extend_from_slice(&crc.sum().to_le_bytes());
    out.extend_from_slice(&(plain.len() as u32).to_le_bytes());
    Ok(())
}

/// Decompresses chunks, one after the other, with one context.
pub struct Decompressor {
    zstd: DCtx<'static>,
    /// Room for chunks of unknown size: twice the largest so far.
    guess: usize,
}

impl std::fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decompressor").finish_non_exhaustive()
    }
}

impl Decompressor {
    /// A decompressor for all methods.
    ///
    /// # Errors
    ///
    /// If the library has no memory.
    pub fn new() -> Result<Self> {
        Ok(Self { zstd: DCtx::try_create().ok_or(Errno::NOMEM)?, guess: FIRST_GUESS })
    }

    /// Unpacks a chunk of which the index says that it has `size` bytes, into `out`, whose contents are replaced.
    ///
    /// # Errors
    ///
    /// [`CoreError`] for damaged and truncated frames, and for chunks of another size.
    pub fn unpack(&mut self, form: Form, stored: &[u8], size: u64, mut out: Vec<u8>) -> Result<PlainChunk> {
        out.clear();
        match form {
            Form::Plain => {
                out.extend_from_slice(stored);
            }
            Form::Compressed => match Compression::detect(stored)? {
                Compression::Zstd => self.zstd(stored, size, &mut out)?,
                Compression::Xz | Compression::Gzip => {
                    codec::decode(stored, size, &mut out).map_err(|error| match error {
                        CoreError::Limit { what: Limited::Chunk, value, .. } => wrong_length(size, value),
                        other => other,
                    })?;
                }
            },
        }
        if out.len() as u64 != size {
            return Err(wrong_length(size, out.len() as u64).into());
        }
        Ok(PlainChunk::from_untrusted(out))
    }

    /// The same for a chunk of which only the largest size is known.
    ///
    /// # Errors
    ///
    /// As [`Self::unpack`].
    pub fn unpack_any(&mut self, form: Form, stored: &[u8], max: u64, mut out: Vec<u8>) -> Result<PlainChunk> {
        out.clear();
        if form == Form::Plain {
            let limits = Limits::default().with_chunk(max);
            return Ok(StoredChunk::Plain(stored.to_vec()).decode(&limits)?);
        }
        let room = usize::try_from(max).unwrap_or(usize::MAX).min(self.guess);
        let is_zstd = Compression::detect(stored)? == Compression::Zstd;
        if is_zstd {
            out.reserve_exact(room);
        }
        let frame_size = || zstd_safe::find_frame_compressed_size(stored);
        let unpacked = is_zstd
            && frame_size().is_ok_and(|found| found == stored.len())
            && self.zstd.decompress(&mut out, stored).is_ok_and(|size| size > 0 && size as u64 <= max);
        if !unpacked {
            // Larger than expected, or damaged, or of another method: this one grows its output and tells what is wrong.
            out.clear();
            codec::decode(stored, max, &mut out)?;
        }
        self.guess = self.guess.max(2 * out.len());
        Ok(PlainChunk::from_untrusted(out))
    }

    fn zstd(&mut self, frame: &[u8], size: u64, out: &mut Vec<u8>) -> Result<()> {
        let room = usize::try_from(size).map_err(|_| Errno::FBIG)?;
        out.reserve_exact(room);
        // The capacity may be larger; the slice keeps the library to the size.
        let frame_size = zstd_safe::find_frame_compressed_size(frame);
        if !frame_size.is_ok_and(|found| found == frame.len()) || self.zstd.decompress(out, frame).is_err() {
            // The slower decoder tells what is wrong.
            out.clear();
            codec::decode(frame, size, out).map_err(|error| match error {
                CoreError::Limit { what: Limited::Chunk, value, .. } => wrong_length(size, value),
                other => other,
            })?;
        }
        Ok(())
    }
}

fn wrong_length(expected: u64, actual: u64) -> CoreError {
    casync_core::error::Malformed::ChunkLength { expected, actual }.into()
}

fn zstd_error(code: usize) -> Error {
    let text = zstd_safe::get_error_name(code);
    let errno = if text.contains("not enough memory") { Errno::NOMEM } else { Errno::IO };
    Error::new(errno, format!("zstd: {text}"))
}
