//! Many independent digests at once: SHA-512/256 in SIMD lanes where the CPU has them.
//!
//! A lane works through one input; when it ends, the lane takes the next. Inputs are taken longest first, so that lanes
//! seldom run idle at the end of a call: 32 or more inputs a call give the full speed.

use alloc::vec::Vec;

use super::sha512::{Block, INITIAL, Words, output, padding};
use super::{Digest, DigestAlgorithm};
use crate::simd::{self, Lanes};

impl DigestAlgorithm {
    /// Digests each of `inputs`, in order. Faster than one after the other for SHA-512/256; equal results.
    ///
    /// ```
    /// use casync_core::hash::DigestAlgorithm;
    ///
    /// let algorithm = DigestAlgorithm::Sha512_256;
    /// let digests = algorithm.digest_all(&[b"one", b"two", b""]);
    /// assert_eq!(digests[1], algorithm.digest(b"two"));
    /// ```
    pub fn digest_all(self, inputs: &[&[u8]]) -> Vec<Digest> {
        match self {
            // SHA-256 has CPU instructions of its own; lanes would gain nothing.
            Self::Sha256 => inputs.iter().map(|input| self.digest(input)).collect(),
            Self::Sha512_256 => match simd::sha512_lanes() {
                Lanes::Eight(kernel) => in_lanes(inputs, |state, blocks| kernel.sha512(state, blocks)),
                Lanes::Four(kernel) => in_lanes(inputs, |state, blocks| kernel.sha512(state, blocks)),
                Lanes::One => inputs.iter().map(|input| self.digest(input)).collect(),
            },
        }
    }
}

/// What one lane still has to do for its input.
struct Lane<'a> {
    input: usize,
    blocks: &'a [Block],
    tail: [Block; 2],
    tail_blocks: usize,
    /// Blocks of the padded tail that are done; the tail comes after `blocks`.
    tail_done: usize,
}

impl<'a> Lane<'a> {
    fn new(input: usize, bytes: &'a [u8]) -> Self {
        let (blocks, rest) = bytes.as_chunks();
        let (tail, tail_blocks) = padding(rest, bytes.len() as u64);
        Self { input, blocks, tail, tail_blocks, tail_done: 0 }
    }

    /// The blocks that can be hashed in one go: the input's own, then the padding.
    fn run(&self) -> &[Block] {
        if self.blocks.is_empty() { &self.tail[self.tail_done..self.tail_blocks] } else { self.blocks }
    }

    fn advance(&mut self, blocks: usize) {
        if self.blocks.is_empty() {
            self.tail_done += blocks;
        } else {
            self.blocks = &self.blocks[blocks..];
        }
    }

    fn is_done(&self) -> bool {
        self.blocks.is_empty() && self.tail_done == self.tail_blocks
    }
}

fn in_lanes<const N: usize>(inputs: &[&[u8]], compress: impl Fn(&mut [Words; N], &[&[Block]; N])) -> Vec<Digest> {
    let mut digests = alloc::vec![Digest::default(); inputs.len()];
    let mut waiting: Vec<usize> = (0..inputs.len()).collect();
    waiting.sort_unstable_by_key(|&input| inputs[input].len());
    let mut lanes: [Option<Lane<'_>>; N] = core::array::from_fn(|_| None);
    let mut states = [INITIAL; N];
    loop {
        for (lane, state) in lanes.iter_mut().zip(&mut states) {
            if lane.as_ref().is_some_and(Lane::is_done) {
                let done = lane.take().expect("because it was just seen");
                digests[done.input] = Digest(output(state));
            }
            if lane.is_none()
                && let Some(input) = waiting.pop()
            {
                *lane = Some(Lane::new(input, inputs[input]));
                *state = INITIAL;
            }
        }
        let active = lanes.iter().flatten().count();
        if active == 0 {
            return digests;
        }
        // A lane is about 0.5 (of 4) or 0.6 (of 8) of the single stream's speed per busy lane pair; below that the
        // single stream wins.
        if active * 3 < N {
            for (lane, state) in lanes.iter_mut().zip(&mut states) {
                if let Some(lane) = lane {
                    simd::sha512_blocks(state, lane.run());
                    lane.advance(lane.run().len());
                }
            }
            continue;
        }
        let length = lanes.iter().flatten().map(|lane| lane.run().len()).min().unwrap_or(0);
        let idle = lanes.iter().flatten().next().map_or(&[] as &[Block], |lane| &lane.run()[..length]);
        let blocks: [&[Block]; N] =
            core::array::from_fn(|i| lanes[i].as_ref().map_or(idle, |lane| &lane.run()[..length]));
        compress(&mut states, &blocks);
        for lane in lanes.iter_mut().flatten() {
            lane.advance(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_one_by_one_for_any_number_and_length() {
        let data: Vec<u8> = (0..40_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for algorithm in [DigestAlgorithm::Sha512_256, DigestAlgorithm::Sha256] {
            for count in (0..20).chain([31, 64]) {
                let inputs: Vec<&[u8]> =
                    (0..count).map(|i| &data[i..i + (i * 7919 + count * 104_729) % 39_000]).collect();
                let expected: Vec<Digest> = inputs.iter().map(|input| algorithm.digest(input)).collect();
                assert_eq!(algorithm.digest_all(&inputs), expected, "{algorithm}, {count} inputs");
            }
        }
    }

    #[test]
    fn every_kernel_of_this_machine_equals_the_portable_code() {
        let data: Vec<u8> = (0..100_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 23) as u8).collect();
        let inputs: Vec<&[u8]> = (0..50).map(|i| &data[i * 3..i * 3 + i * i * 39]).collect();
        let expected: Vec<Digest> =
            inputs.iter().map(|input| Digest(<sha2::Sha512_256 as sha2::Digest>::digest(input).into())).collect();
        for lanes in simd::all_sha512_lanes() {
            let digests = match lanes {
                Lanes::Eight(kernel) => in_lanes(&inputs, |state, blocks| kernel.sha512(state, blocks)),
                Lanes::Four(kernel) => in_lanes(&inputs, |state, blocks| kernel.sha512(state, blocks)),
                Lanes::One => continue,
            };
            assert_eq!(digests, expected);
        }
    }
}
