//! How many chunks there are of which size.

use super::Amount;

/// Sizes of chunks, counted in ranges of one width.
#[derive(Debug, serde::Serialize)]
#[serde(transparent)]
pub struct Histogram(Vec<Bucket>);

/// A range of sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Bucket {
    /// The smallest size in it.
    pub from: u64,
    /// The smallest size behind it.
    pub to: u64,
    /// What is in it.
    #[serde(flatten)]
    pub sum: Amount,
}

impl Histogram {
    /// Ranges below the largest size, at most.
    const RANGES: u64 = 16;

    /// Counts sizes, none of which is above `max`.
    ///
    /// The width is a power of two. Chunks of the largest size that is allowed, where nothing in their content said to cut,
    /// are a range of their own if that size is a power of two, as by default.
    pub fn of(sizes: &[u32], max: u64) -> Self {
        let Some(&largest) = sizes.iter().max() else { return Self(Vec::new()) };
        let width = u64::from(largest).div_ceil(Self::RANGES).next_power_of_two();
        let range = |number: u64| (number * width, ((number + 1) * width).min(max + 1));
        let numbers = 0..=u64::from(largest) / width;
        let mut buckets: Vec<Bucket> =
            numbers.map(range).map(|(from, to)| Bucket { from, to, sum: Amount::default() }).collect();
        for &size in sizes {
            // No size is above the largest.
            buckets[(u64::from(size) / width) as usize].sum.add(size.into());
        }
        Self(buckets)
    }

    /// The ranges, from small to large, without the empty ones below the first that is not.
    pub fn buckets(&self) -> &[Bucket] {
        let empty = self.0.iter().take_while(|bucket| bucket.sum.chunks == 0).count();
        &self.0[empty..]
    }

    /// Chunks in the fullest range.
    pub fn highest(&self) -> u64 {
        self.0.iter().map(|bucket| bucket.sum.chunks).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_is_in_its_range() {
        for (sizes, max, expected) in [
            (&[][..], 100, &[][..]),
            (&[1], 1, &[(1, 2, 1)]),
            (
                &[16_384, 16_385, 262_144, 262_143],
                262_144,
                &[(16_384, 32_768, 2), (245_760, 262_144, 1), (262_144, 262_145, 1)],
            ),
            (&[100, 100, 100], 100, &[(96, 101, 3)]),
        ] {
            let histogram = Histogram::of(sizes, max);
            let filled = histogram.buckets().iter().filter(|bucket| bucket.sum.chunks > 0);
            let found: Vec<_> = filled.map(|bucket| (bucket.from, bucket.to, bucket.sum.chunks)).collect();
            assert_eq!(found, expected);
            assert!(histogram.0.len() <= 17 && histogram.0.windows(2).all(|pair| pair[0].to == pair[1].from));
        }
    }
}
