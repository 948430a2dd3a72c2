//! zstd frames: by `ruzstd`, or with the feature `fast-zstd` by a larger decoder that is twice as fast.

#[cfg(feature = "fast-zstd")]
mod fast;
#[allow(dead_code, reason = "each decoder takes a part of it")]
mod frame;
#[cfg(any(test, not(feature = "fast-zstd")))]
mod small;

use alloc::boxed::Box;
use alloc::vec::Vec;

use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use self::frame::Frame;
use crate::error::{Error, Limited, Malformed, Result, Unsupported};

#[cfg(feature = "fast-zstd")]
use self::fast as chosen;
#[cfg(not(feature = "fast-zstd"))]
use self::small as chosen;

/// What the last frame took of memory, for the next one.
pub(super) type Kept = Option<Box<chosen::FrameDecoder>>;

/// Packs a chunk into one frame, for targets without the C library: about half the gain at the speed of pure Rust.
pub(super) fn encode(plain: &[u8]) -> Vec<u8> {
    compress_to_vec(plain, CompressionLevel::Fastest)
}

/// Largest window of any encoder that chunks may come from (spec: store-and-digests.md 2).
const WINDOW_MAX: u64 = 128 << 20;

pub(super) fn decode(kept: &mut Kept, bytes: &[u8], limit: u64, out: &mut Vec<u8>) -> Result<()> {
    let frame = whole_frame(bytes, limit)?;
    // What has failed is not used again.
    let mut decoder = kept.take().unwrap_or_default();
    chosen::run(&mut decoder, &frame, limit, out)?;
    *kept = Some(decoder);
    Ok(())
}

/// Checks what a frame says of itself.
fn whole_frame(bytes: &[u8], limit: u64) -> Result<Frame<'_>> {
    let frame = Frame::parse(bytes)?;
    if let Some(size) = frame.header.content_size.filter(|size| *size > limit) {
        return Err(too_long(size, limit));
    }
    if frame.header.window.is_some_and(|size| size > WINDOW_MAX) {
        return Err(Unsupported::CodecMemory.into());
    }
    Ok(frame)
}

fn too_long(value: u64, limit: u64) -> Error {
    Error::Limit { what: Limited::Chunk, value, max: limit }
}

/// Fails unless as much came out as the frame announced.
fn check_announced(frame: &Frame<'_>, size: usize) -> Result<()> {
    match frame.header.content_size {
        Some(announced) if announced != size as u64 => Err(Malformed::Compressed.into()),
        _ => Ok(()),
    }
}

#[cfg(all(test, feature = "fast-zstd"))]
mod tests {
    use super::*;

    /// Numbers that look like chance.
    fn noise(seed: &mut u64) -> u64 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *seed >> 33
    }

    /// Words that come again, which is what compression lives on.
    fn text(seed: u64, length: usize) -> Vec<u8> {
        let (mut state, mut out) = (seed, Vec::new());
        while out.len() < length {
            let mut word = noise(&mut state) % 500;
            while word > 0 {
                out.push(b'a' + (word % 11) as u8);
                word /= 11;
            }
            out.push(b' ');
        }
        out.truncate(length);
        out
    }

    fn by_both(frame: &[u8], limit: u64) -> [Result<Vec<u8>>; 2] {
        let (mut small, mut fast) = (Vec::new(), Vec::new());
        let parsed = || whole_frame(frame, limit);
        [
            parsed().and_then(|frame| small::run(&mut Default::default(), &frame, limit, &mut small)).map(|()| small),
            parsed().and_then(|frame| fast::run(&mut Default::default(), &frame, limit, &mut fast)).map(|()| fast),
        ]
    }

    #[test]
    fn both_decoders_agree() {
        for length in [0, 1, 100, 4000, 70_000, 300_000] {
            let plain = text(length as u64, length);
            let frame = encode(&plain);
            for limit in [length as u64, length as u64 + 1, 1 << 20] {
                assert_eq!(by_both(&frame, limit), [Ok(plain.clone()), Ok(plain.clone())]);
            }
            if let Some(limit) = (length as u64).checked_sub(1) {
                for result in by_both(&frame, limit) {
                    assert!(matches!(result, Err(Error::Limit { .. })), "{length} {result:?}");
                }
            }
        }
    }

    #[test]
    fn damage_is_never_taken_for_more_than_the_limit() {
        let plain = text(7, 60_000);
        let frame = encode(&plain);
        let mut state = 3;
        for _ in 0..2000 {
            let mut damaged = frame.clone();
            let at = noise(&mut state) as usize % damaged.len();
            damaged[at] ^= 1 << (noise(&mut state) % 8);
            for result in by_both(&damaged, plain.len() as u64) {
                assert!(result.is_err() || result.is_ok_and(|bytes| bytes.len() <= plain.len()));
            }
        }
    }
}
