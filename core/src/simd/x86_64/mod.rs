//! Kernels for x86-64: AVX-512 (Ice Lake, Zen 4 and later) and AVX2.

mod buzhash;
mod lanes;
mod rounds;
mod vector;

use super::Scanned;
use crate::chunk::Discriminator;
use crate::hash::sha512::{Block, Words};

cpufeatures::new!(avx512, "avx512f", "avx512bw", "avx512vl", "bmi1", "bmi2");
cpufeatures::new!(vbmi, "avx512f", "avx512bw", "avx512vl", "avx512vbmi");
cpufeatures::new!(avx2, "avx2", "bmi1", "bmi2");

/// Proof that AVX-512 F, BW, VL and BMI 1, 2 are there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Eight(());

/// Proof that AVX2 and BMI 1, 2 are there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Four(());

impl Eight {
    pub(crate) fn detect() -> Option<Self> {
        avx512::get().then_some(Self(()))
    }

    /// Hashes the same number of blocks of eight streams.
    pub(crate) fn sha512(self, state: &mut [Words; 8], blocks: &[&[Block]; 8]) {
        // SAFETY: `self` proves the features.
        unsafe { lanes::sha512_avx512(state, blocks) }
    }
}

impl Four {
    pub(crate) fn detect() -> Option<Self> {
        avx2::get().then_some(Self(()))
    }

    /// Hashes the same number of blocks of four streams.
    pub(crate) fn sha512(self, state: &mut [Words; 4], blocks: &[&[Block]; 4]) {
        // SAFETY: `self` proves the features.
        unsafe { lanes::sha512_avx2(state, blocks) }
    }
}

/// Hashes as many blocks of one stream as the kernel can; returns their number.
pub(crate) fn sha512_blocks(state: &mut Words, blocks: &[Block]) -> usize {
    if blocks.len() >= 8 && avx512::get() {
        // SAFETY: the features were just detected.
        unsafe { rounds::sha512_avx512(state, blocks) }
    } else {
        0
    }
}

/// See [`super::buzhash_scan`].
pub(crate) fn buzhash_scan(data: &[u8], discriminator: &Discriminator) -> Scanned {
    if vbmi::get() {
        // SAFETY: the features were just detected.
        unsafe { buzhash::scan_vbmi(data, discriminator) }
    } else {
        Scanned::Clear(0)
    }
}
