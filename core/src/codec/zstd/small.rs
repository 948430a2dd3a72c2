//! Decoding by `ruzstd`, in steps.

use alloc::vec::Vec;

use ruzstd::decoding::BlockDecodingStrategy;
pub(super) use ruzstd::decoding::FrameDecoder;
use ruzstd::io::Read as _;

use super::frame::Frame;
use super::{WINDOW_MAX, check_announced, too_long};
use crate::codec::Growing;
use crate::error::{Error, Malformed, Result};

/// Bytes to decode before the output is taken from the decoder, which holds back the window anyway.
const STEP: usize = 1 << 20;

pub(super) fn run(decoder: &mut FrameDecoder, frame: &Frame<'_>, limit: u64, out: &mut Vec<u8>) -> Result<()> {
    let damaged = |_| Error::from(Malformed::Compressed);
    decoder.set_max_window_size(WINDOW_MAX);
    let (header, mut source) = frame.bytes.split_at(frame.header.length);
    decoder.init(&frame.with_window_for(limit)[..header.len()]).map_err(damaged)?;
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
            check_announced(frame, output.written)?;
            return output.finish();
        }
        // The decoder only stops early once it has decoded as much as it was told to. With a window larger than the
        // limit none of that may have come out yet.
        decoded += step as u64;
        if decoded > limit {
            return Err(too_long(decoded, limit));
        }
    }
}
