//! Decoding by `structured-zstd`, straight into the output.

use alloc::vec::Vec;

pub(super) use structured_zstd::decoding::FrameDecoder;
use structured_zstd::decoding::errors::FrameDecoderError;

use super::frame::Frame;
use super::{check_announced, too_long};
use crate::error::{Malformed, Result};

/// Takes memory for what the blocks of the frame can become, up to one byte more than the limit, at once.
pub(super) fn run(decoder: &mut FrameDecoder, frame: &Frame<'_>, limit: u64, out: &mut Vec<u8>) -> Result<()> {
    let start = out.len();
    let room = frame.header.content_size.unwrap_or(frame.most).min(frame.most).min(limit.saturating_add(1));
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    out.resize(start.saturating_add(room), 0);
    let decoded = decoder.decode_all(frame.bytes, &mut out[start..]);
    match decoded {
        Ok(size) if size as u64 <= limit => {
            out.truncate(start + size);
            check_announced(frame, size)
        }
        Ok(size) => Err(too_long(size as u64, limit)),
        Err(FrameDecoderError::TargetTooSmall) if room as u64 > limit => Err(too_long(room as u64, limit)),
        Err(_) => Err(Malformed::Compressed.into()),
    }
}
