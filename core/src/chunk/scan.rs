//! The search for candidate cuts, a pure function of the bytes: any range, in any order, on any core.
//!
//! Which candidates become cuts is a small sequential rule over the results ([`super::Chunker`], [`super::Cutter`]).

use super::Discriminator;
use crate::hash::{Buzhash, WINDOW};
use crate::simd::{self, Scanned};

/// Finds the first candidate cut in `data`.
///
/// Returns the smallest `end` such that the window `data[end - 48..end]` is a candidate, so the smallest possible result
/// is 48. To test the window ends from `a` to `b` of a longer buffer, pass `buffer[a - 48..b]`.
///
/// ```
/// use casync_core::chunk::{ChunkSizes, Discriminator, find_candidate};
///
/// let discriminator = Discriminator::of(&ChunkSizes::default());
/// let data: Vec<u8> = (0..200_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
/// let end = find_candidate(&data, &discriminator).unwrap();
/// // The same window is found wherever the search starts before it.
/// assert_eq!(find_candidate(&data[end - 48..], &discriminator), Some(48));
/// ```
pub fn find_candidate(data: &[u8], discriminator: &Discriminator) -> Option<usize> {
    match simd::buzhash_scan(data, discriminator) {
        Scanned::Hit(end) => Some(end),
        Scanned::Clear(end) => {
            let start = (end + 1).saturating_sub(WINDOW);
            find_scalar(&data[start.min(data.len())..], discriminator).map(|found| start + found)
        }
    }
}

/// [`find_candidate`] for any CPU.
fn find_scalar(data: &[u8], discriminator: &Discriminator) -> Option<usize> {
    let (window, rest) = data.split_first_chunk()?;
    let mut hash = Buzhash::new(window);
    if discriminator.hits(hash.value()) {
        return Some(WINDOW);
    }
    let mut slides = data.iter().zip(rest);
    slides
        .position(|(&leaving, &entering)| {
            hash.slide(leaving, entering);
            discriminator.hits(hash.value())
        })
        .map(|index| index + WINDOW + 1)
}

/// Whether all of `data` is zero; runs of zeros are cut and stored without being hashed again and again.
pub fn is_zero(data: &[u8]) -> bool {
    // Folding whole blocks lets the compiler use wide registers; leaving early keeps ordinary data cheap.
    let first = data.len().min(64);
    data[..first].iter().fold(0, |or, byte| or | byte) == 0
        && data[first..].chunks(4096).all(|block| block.iter().fold(0, |or, byte| or | byte) == 0)
}

#[cfg(test)]
mod tests {
    use super::super::ChunkSizes;
    use super::*;
    use alloc::vec::Vec;

    fn noise(length: usize, mut seed: u64) -> Vec<u8> {
        let step = |seed: &mut u64| {
            *seed ^= *seed << 13;
            *seed ^= *seed >> 7;
            *seed ^= *seed << 17;
            (*seed >> 32) as u8
        };
        (0..length).map(|_| step(&mut seed)).collect()
    }

    fn naive(data: &[u8], discriminator: &Discriminator) -> Option<usize> {
        let hit = |window: &[u8]| {
            let hash = Buzhash::new(window.try_into().unwrap()).value();
            hash % discriminator.value() == discriminator.value() - 1
        };
        data.windows(WINDOW).position(hit).map(|start| start + WINDOW)
    }

    #[test]
    fn kernels_and_scalar_code_equal_the_definition() {
        let data = noise(20_000, 0x9e37_79b9);
        // Odd, even and power-of-two discriminators.
        for average in [1, 2, 16, 64, 100, 192, 193, 1024, 1025, 4096, 65_536] {
            let discriminator = Discriminator::of(&ChunkSizes::with_average(average).unwrap());
            for length in (0..260).chain([1000, 1023, 1024, 1025, 5000]) {
                for start in [0, 1, 63, 64, 777, 9000] {
                    let piece = &data[start..start + length];
                    let expected = naive(piece, &discriminator);
                    assert_eq!(find_candidate(piece, &discriminator), expected, "{average} {start} {length}");
                    assert_eq!(find_scalar(piece, &discriminator), expected, "{average} {start} {length}");
                }
            }
        }
    }

    #[test]
    fn zero_test() {
        for length in [0, 1, 63, 64, 65, 4096, 4160, 10_000] {
            let mut data = alloc::vec![0; length];
            assert!(is_zero(&data));
            if let Some(last) = data.last_mut() {
                *last = 1;
                assert!(!is_zero(&data));
            }
        }
    }
}
