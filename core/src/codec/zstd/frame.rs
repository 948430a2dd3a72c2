//! What a frame says of itself, without decoding it (RFC 8878, 3.1.1).

use crate::error::{Error, Malformed, Result};

/// Bytes in the longest frame header: magic, descriptor, window, dictionary id, content size.
const HEADER_MAX: usize = 18;

/// Most bytes that a block can become.
pub(super) const BLOCK_MAX: u64 = 128 << 10;

/// A frame, alone and whole.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) header: Header,
    /// More bytes than this cannot come out.
    pub(super) most: u64,
}

impl<'a> Frame<'a> {
    /// Reads the header, and the headers of the blocks; fails if the frame is cut, or something follows it.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self> {
        let truncated = || Error::Truncated { length: bytes.len() as u64 };
        let header = Header::parse(bytes).ok_or_else(truncated)?;
        let (length, most) = header.walk(bytes)?;
        if length < bytes.len() {
            return Err(Malformed::Compressed.into());
        }
        Ok(Self { bytes, header, most })
    }

    /// The header, padded, with a window that is no larger than it takes for `limit` bytes of content.
    ///
    /// Encoders that do not know how much will come announce large windows, and a decoder that is used again takes memory
    /// for all of it beforehand.
    pub(super) fn with_window_for(&self, limit: u64) -> [u8; HEADER_MAX] {
        let length = self.header.length;
        let mut bytes = [0; HEADER_MAX];
        bytes[..length].copy_from_slice(&self.bytes[..length]);
        // Blocks may be as long as the window, up to this.
        let enough = limit.clamp(BLOCK_MAX, super::WINDOW_MAX).next_power_of_two();
        if self.header.window.is_some_and(|window| window > enough) {
            // The exponent from 2^10 on; nothing is added to it.
            bytes[5] = (enough.ilog2() as u8 - 10) << 3;
        }
        bytes
    }
}

/// What the header says of layout and memory.
#[derive(Debug)]
pub(super) struct Header {
    /// Bytes of it.
    pub(super) length: usize,
    checksum: bool,
    /// `None` if the whole content is the window.
    pub(super) window: Option<u64>,
    /// Bytes of the whole content, if it is announced.
    pub(super) content_size: Option<u64>,
}

impl Header {
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

    /// Bytes of the frame, by the headers of its blocks, and the most that can come out of them.
    fn walk(&self, frame: &[u8]) -> Result<(usize, u64)> {
        let truncated = || Error::Truncated { length: frame.len() as u64 };
        let (mut at, mut most) = (self.length, 0_u64);
        loop {
            let block: [u8; 3] = frame.get(at..at + 3).and_then(|bytes| bytes.try_into().ok()).ok_or_else(truncated)?;
            let block = u32::from_le_bytes([block[0], block[1], block[2], 0]);
            let size = (block >> 3) as usize;
            let (length, content) = match block >> 1 & 3 {
                0 => (size, size as u64),
                1 => (1, size as u64),
                2 => (size, BLOCK_MAX),
                _ => return Err(Malformed::Compressed.into()),
            };
            at += 3 + length;
            most = most.saturating_add(content);
            if block & 1 == 1 {
                at += if self.checksum { 4 } else { 0 };
                return if at > frame.len() { Err(truncated()) } else { Ok((at, most)) };
            }
        }
    }
}
