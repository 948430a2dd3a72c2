//! zstd frames, by `ruzstd`.

use alloc::vec::Vec;

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::io::Read as _;

use super::Growing;
use crate::error::{Error, Malformed, Result, Unsupported};

/// Largest window of any encoder that chunks may come from (spec: store-and-digests.md 2).
const WINDOW_MAX: u64 = 128 << 20;

pub(super) fn decode(frame: &[u8], limit: u64, out: &mut Vec<u8>) -> Result<()> {
    let length = frame_length(frame)?;
    if length < frame.len() {
        return Err(Malformed::Compressed.into());
    }
    let mut source = frame;
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(WINDOW_MAX);
    if decoder.init(&mut source).is_err() {
        let too_large = window_size(frame).is_some_and(|size| size > WINDOW_MAX);
        return Err(if too_large { Unsupported::CodecMemory.into() } else { Malformed::Compressed.into() });
    }
    let mut output = Growing::new(out, limit);
    loop {
        let finished = decoder
            .decode_blocks(&mut source, BlockDecodingStrategy::UptoBlocks(1))
            .map_err(|_| Error::from(Malformed::Compressed))?;
        loop {
            let (buffer, written) = output.room()?;
            let count = decoder.read(&mut buffer[written..]).map_err(|_| Error::from(Malformed::Compressed))?;
            if count == 0 {
                break;
            }
            output.wrote(count);
        }
        // What the decoder still holds is at most a window; more than the limit must not pile up in it.
        if finished {
            return output.finish();
        }
        if output.written as u64 + decoder.can_collect() as u64 > limit {
            output.room()?;
        }
    }
}

/// Bytes in the frame at the start of `frame`, by its block headers (RFC 8878, 3.1.1).
fn frame_length(frame: &[u8]) -> Result<usize> {
    let truncated = || Error::Truncated { length: frame.len() as u64 };
    let header = FrameHeader::parse(frame).ok_or_else(truncated)?;
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

fn window_size(frame: &[u8]) -> Option<u64> {
    FrameHeader::parse(frame)?.window
}

/// What the frame header says of layout and memory.
struct FrameHeader {
    length: usize,
    checksum: bool,
    /// `None` if the whole content is the window.
    window: Option<u64>,
}

impl FrameHeader {
    fn parse(frame: &[u8]) -> Option<Self> {
        let descriptor = *frame.get(4)?;
        let single_segment = descriptor & 0x20 != 0;
        let dictionary_id = [0, 1, 2, 4][usize::from(descriptor & 3)];
        let content_size = match descriptor >> 6 {
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
        let length = 5 + usize::from(!single_segment) + dictionary_id + content_size;
        (length <= frame.len()).then_some(Self { length, checksum: descriptor & 4 != 0, window })
    }
}
