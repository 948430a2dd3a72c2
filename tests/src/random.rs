//! Seeded randomness: the same cases on every run, and the seed of a failed one.

use std::ops::RangeInclusive;

/// Environment variable with one seed: [`for_each_seed`] then runs that one alone.
const SEED_VARIABLE: &str = "CASYNC_TEST_SEED";

/// A small generator of random numbers (SplitMix64).
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The generator of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// A number of a range.
    pub fn number(&mut self, range: RangeInclusive<usize>) -> usize {
        range.start() + self.below((range.end() - range.start()) as u64 + 1) as usize
    }

    /// True once in `count` times.
    pub fn once_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    /// One of `values`.
    pub fn pick<'a, T>(&mut self, values: &'a [T]) -> &'a T {
        &values[self.below(values.len() as u64) as usize]
    }

    /// A number that is small, large or near a power of two.
    pub fn extreme(&mut self) -> u64 {
        let power = 1_u64 << self.below(64);
        match self.below(4) {
            0 => self.below(300),
            1 => power.wrapping_add(self.below(5)).wrapping_sub(2),
            2 => u64::MAX - self.below(3),
            _ => self.bits(),
        }
    }

    /// Random bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.bits() as u8).collect()
    }
}

/// Runs `check` with the generators of `count` seeds, and names the seed of the first that fails.
pub fn for_each_seed(count: u64, mut check: impl FnMut(&mut Rng)) {
    let seeds = match std::env::var(SEED_VARIABLE) {
        Ok(seed) => {
            let seed = seed.parse().unwrap_or_else(|_| panic!("{SEED_VARIABLE} is no number: {seed}"));
            seed..=seed
        }
        Err(_) => 0..=count - 1,
    };
    for seed in seeds {
        let named = Named(seed);
        check(&mut Rng::new(seed));
        drop(named);
    }
}

/// Prints its seed if a panic passes by.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed with {SEED_VARIABLE}={}", self.0);
        }
    }
}
