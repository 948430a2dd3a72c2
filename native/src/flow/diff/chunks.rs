//! What two indexes tell about two streams.

use casync_core::diff::{Lockstep, Span};

use super::side::Chunks;
use crate::error::Result;
use crate::flow::input::Index;

/// Whether equal bytes are likely to have equal ids in both: they were cut and named alike.
pub fn comparable(left: &Index, right: &Index) -> bool {
    left.algorithm() == right.algorithm() && left.sizes() == right.sizes()
}

/// Whether two indexes list the same chunks: then the streams are equal, and so is all that is in them.
///
/// # Errors
///
/// If one of them cannot be read.
pub fn same_stream(left: &mut Index, right: &mut Index) -> Result<bool> {
    if left.len() != right.len() || left.features() != right.features() || left.stream_size() != right.stream_size() {
        return Ok(false);
    }
    for number in 0..left.len() {
        if left.get(number)? != right.get(number)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether ranges of two streams hold the same bytes; loads only chunks that ids say nothing about.
pub(super) fn same_bytes(left: &mut dyn Chunks, right: &mut dyn Chunks, range: Lockstep) -> Result<bool> {
    let mut lockstep = range;
    while let Some(span) = step(left, right, &mut lockstep)? {
        if span.equal {
            continue;
        }
        let length = usize::try_from(span.length).unwrap_or(usize::MAX);
        let (left, right) = (left.bytes_at(span.left)?, right.bytes_at(span.right)?);
        match (left.get(..length), right.get(..length)) {
            (Some(left), Some(right)) if left == right && length > 0 => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// The same for a range that may be large and different: where much would have to be loaded, it is taken to be so.
pub(super) fn surely_same_bytes(left: &mut dyn Chunks, right: &mut dyn Chunks, range: Lockstep) -> Result<bool> {
    /// Those at the two ends hold bytes of neighbours as well, and have other ids if these have changed.
    const DIFFERENT_MAX: usize = 4;
    let (mut lockstep, mut different) = (range, 0);
    while let Some(span) = step(left, right, &mut lockstep)? {
        different += usize::from(!span.equal);
        if different > DIFFERENT_MAX || span.length == 0 {
            return Ok(false);
        }
    }
    same_bytes(left, right, range)
}

fn step(left: &mut dyn Chunks, right: &mut dyn Chunks, lockstep: &mut Lockstep) -> Result<Option<Span>> {
    let Some((at_left, at_right)) = lockstep.places() else { return Ok(None) };
    Ok(match (left.piece_at(at_left)?, right.piece_at(at_right)?) {
        (Some(left), Some(right)) => Some(lockstep.step(&left, &right)),
        // Behind the end of a stream there is nothing to be equal.
        _ => Some(Span { left: at_left, right: at_right, length: 0, equal: false }),
    })
}
