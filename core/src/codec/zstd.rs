//! zstd frames, by `ruzstd`.

use alloc::boxed::Box;
use alloc::vec::Vec;

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use ruzstd::io::Read as _;

use super::Growing;
use crate::error::{Error, Limited, Malformed, Result, Unsupported};

/// Packs a chunk into one frame, for targets without the C library: about half the gain at the speed of pure Rust.
pub(super) fn encode(plain: &[u8]) -> Vec<u8> {
    compress_to_vec(plain, CompressionLevel::Fastest)
}

/// Largest window of any encoder that chunks may come from (spec: store-and-digests.md 2).
const WINDOW_MAX: u64 = 128 << 20;

/// Bytes to decode before the output is taken from the decoder, which holds back the window anyway.
const STEP: usize = 1 << 20;

/// The tables and the window of the last frame, for the next one.
pub(super) type Kept = Option<Box<FrameDecoder>>;

pub(super) fn decode(kept: &mut Kept, frame: &[u8], limit: u64, out: &mut Vec<u8>) -> Result<()> {
    // What has failed is not used again.
    let mut decoder = kept.take().unwrap_or_default();
    run(&mut decoder, frame, limit, out)?;
    *kept = Some(decoder);
    Ok(())
}

fn run(decoder: &mut FrameDecoder, frame: &[u8], limit: u64, out: &mut Vec<u8>) -> Result<()> {
    let truncated = || Error::Truncated { length: frame.len() as u64 };
    let header = FrameHeader::parse(frame).ok_or_else(truncated)?;
    if frame_length(frame, &header)? < frame.len() {
        return Err(Malformed::Compressed.into());
    }
    let too_long = |value| Error::Limit { what: Limited::Chunk, value, max: limit };
    if let Some(size) = header.content_size.filter(|size| *size > limit) {
        return Err(too_long(size));
    }
    if header.window.is_some_and(|size| size > WINDOW_MAX) {
        return Err(Unsupported::CodecMemory.into());
    }
    let damaged = |_| Error::from(Malformed::Compressed);
    decoder.set_max_window_size(WINDOW_MAX);
    let (head, mut source) = frame.split_at(header.length);
    decoder.init(&header.with_window_for(head, limit)[..head.len()]).map_err(damaged)?;
    let mut output = Growing::new(out, limit);
    let step = usize::try_from(limit.saturating_add(1)).unwrap_or(usize::MAX).min(STEP);
    let mut decoded: u64 = 0;
    loop {
        let finished = decoder.decode_blocks(&mut source, BlockDecodingStrategy::UptoBytes(step)).map_err(damaged)?;
        loop {
            let (buffer, written) = output.room()?;
            let count = decoder.read(&mut buffer[written..]).map_err(|_| Error::from(Malformed::Compressed))?;
            if count == 0 {
                break;
            }
            output.wrote(count);
        }
        if finished {
            let announced = header.content_size.is_none_or(|size| size == output.written as u64);
            return if announced { output.finish() } else { Err(Malformed::Compressed.into()) };
        }
        // The decoder only stops early once it has decoded as much as it was told to. With a window larger than the
        // limit none of that may have come out yet.
        decoded += step as u64;
        if decoded > limit {
            return Err(too_long(decoded));
        }
    }
}

/// Bytes in the frame at the start of `frame`, by its block headers (RFC 8878, 3.1.1).
fn frame_length(frame: &[u8], header: &FrameHeader) -> Result<usize> {
    let truncated = || Error::Truncated { length: frame.len() as u64 };
    let mut at = header.length;
    loop {
        let block: [u8; 3] = frame.get(at..at + 3).and_then(|bytes| bytes.try_into().ok()).ok_or_else(truncated)?;
        let block = u32::from_le_bytes([block[0], block[1], block[2], 0]);
        let size = (block >> 3) as usize;
        at += 3 + match block >> 1 & 3 {
            0 | 2 => size,
            1 => 1,
            _ => return Err(Malformed::Compressed.into()),
        };
        if block & 1 == 1 {
            at += if header.checksum { 4 } else { 0 };
            return if at > frame.len() { Err(truncated()) } else { Ok(at) };
        }
    }
}

/// Bytes in the longest frame header: magic, descriptor, window, dictionary id, content size.
const HEADER_MAX: usize = 18;

/// What the frame header says of layout and memory.
struct FrameHeader {
    length: usize,
    checksum: bool,
    /// `None` if the whole content is the window.
    window: Option<u64>,
    /// Bytes of the whole content, if it is announced.
    content_size: Option<u64>,
}

impl FrameHeader {
    fn parse(frame: &[u8]) -> Option<Self> {
        let descriptor = *frame.get(4)?;
        let single_segment = descriptor & 0x20 != 0;
        let dictionary_id = [0, 1, 2, 4][usize::from(descriptor & 3)];
        let content_size_length = match descriptor >> 6 {
            0 => usize::from(single_segment),
            shift => 1 << shift,
        };
        let window = if single_segment {
            None
        } else {
            let byte = *frame.get(5)?;
            let base = 1 << (10 + u64::from(byte >> 3));
            Some(base + base / 8 * u64::from(byte & 7))
        };
        let content_size_at = 5 + usize::from(!single_segment) + dictionary_id;
        let length = content_size_at + content_size_length;
        let field = frame.get(content_size_at..length)?;
        let number = field.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte));
        let content_size = match field.len() {
            0 => None,
            // Sizes of two bytes start where those of one end.
            2 => Some(number + 256),
            _ => Some(number),
        };
        Some(Self { length, checksum: descriptor & 4 != 0, window, content_size })
    }

    /// The header with a window that is no larger than it takes for `limit` bytes of content.
    ///
    /// Encoders that do not know how much will come announce large windows, and a decoder that is used again takes memory
    /// for all of it beforehand.
    fn with_window_for(&self, head: &[u8], limit: u64) -> [u8; HEADER_MAX] {
        // Blocks may be as long as the window, up to this.
        const BLOCK_MAX: u64 = 128 << 10;
        let mut bytes = [0; HEADER_MAX];
        bytes[..head.len()].copy_from_slice(head);
        let enough = limit.clamp(BLOCK_MAX, WINDOW_MAX).next_power_of_two();
        if self.window.is_some_and(|window| window > enough) {
            // The exponent from 2^10 on; nothing is added to it.
            bytes[5] = (enough.ilog2() as u8 - 10) << 3;
        }
        bytes
    }
}
