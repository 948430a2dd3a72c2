//! The number that decides which window hashes are candidate cuts.

use super::ChunkSizes;

/// A candidate cut is a window whose hash is one less than a multiple of this number.
///
/// The test needs no division: with d = 2^k · o and o odd, d divides n exactly when `n · o⁻¹` (modulo 2^32), rotated
/// right by k, is at most (2^32 − 1) / d. Here n is the hash plus one, which wraps to 0 for the largest hash; that is a
/// true multiple only of powers of two, hence the bias for all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Discriminator {
    value: u32,
    pub(crate) inverse: u32,
    pub(crate) rotate: u32,
    pub(crate) bias: u32,
    pub(crate) bound: u32,
}

impl Discriminator {
    /// The discriminator of a set of chunk sizes (spec: chunking-and-index.md 2.2).
    pub fn of(sizes: &ChunkSizes) -> Self {
        let average = sizes.avg() as f64;
        let quotient = average / (-1.428_888_52e-7 * average + 1.332_375_15);
        // compat: for large averages the quotient is negative; upstream's conversion to an unsigned integer then yields
        // a huge number on x86-64, which the maximum cuts down. A saturating conversion would give the minimum.
        let truncated = if quotient < 0.0 { u64::MAX } else { quotient as u64 };
        let value = truncated.max(sizes.min()).min(sizes.max());
        Self::new(u32::try_from(value).expect("because chunk sizes are at most 2^27"))
    }

    /// A discriminator of at least 1.
    fn new(value: u32) -> Self {
        let rotate = value.trailing_zeros();
        let odd = value >> rotate;
        // Newton's iteration doubles the number of right low bits each time, from three on.
        let inverse = (0..5).fold(odd, |x, _| x.wrapping_mul(2_u32.wrapping_sub(odd.wrapping_mul(x))));
        let bias = u32::from(odd != 1);
        Self { value, inverse, rotate, bias, bound: u32::MAX / value - bias }
    }

    /// The number itself.
    pub const fn value(&self) -> u32 {
        self.value
    }

    /// Whether `hash` modulo the number is the number less one.
    #[inline(always)]
    pub const fn hits(&self, hash: u32) -> bool {
        let multiplied = hash.wrapping_mul(self.inverse).wrapping_add(self.inverse);
        multiplied.rotate_right(self.rotate).wrapping_sub(self.bias) <= self.bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_equals_the_remainder() {
        let samples = (0..2000u32).flat_map(|i| {
            let middle = i.wrapping_mul(2_654_435_761);
            [i, u32::MAX - i, middle, middle >> 7]
        });
        let samples: alloc::vec::Vec<u32> = samples.collect();
        for value in (1..200).chain([767, 768, 3075, 49_535, 65_536, 886_711, 5_721_670, 1 << 27, (1 << 27) - 1]) {
            let discriminator = Discriminator::new(value);
            let near = (1..50).map(|i| (value.wrapping_mul(i)).wrapping_sub(1));
            for hash in samples.iter().copied().chain(near) {
                assert_eq!(discriminator.hits(hash), hash % value == value - 1, "{hash} mod {value}");
            }
        }
    }
}
