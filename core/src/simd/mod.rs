//! The measured hot loops in vector registers, fenced off: the only module of this crate with `unsafe` code.
//!
//! Every function has a safe twin that runs on any CPU: `sha2`'s compression function for [`sha512_blocks`] and the
//! lanes, the scalar loop of [`crate::chunk::find_candidate`] for [`buzhash_scan`]. The choice is made at run time; tests run each
//! kernel that the machine has against its twin. Without the cargo feature `simd`, or on other CPUs, only the twins
//! are compiled.
//!
//! Measured on one Sapphire Rapids core, against the twin: SHA-512/256 of one stream 1.15, of eight streams 4.2 with
//! AVX-512; candidate scan 3.1.

use crate::chunk::Discriminator;
use crate::hash::sha512::{Block, Words};

#[cfg(all(feature = "simd", target_arch = "x86_64"))]
#[allow(unsafe_code, reason = "vector intrinsics behind run-time detection; see the module's documentation")]
mod x86_64;

#[cfg(all(feature = "simd", target_arch = "x86_64"))]
use x86_64 as machine;

#[cfg(not(all(feature = "simd", target_arch = "x86_64")))]
mod portable;

#[cfg(not(all(feature = "simd", target_arch = "x86_64")))]
use portable as machine;

/// The widest SHA-512 lane code of this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lanes {
    /// Eight streams at once.
    Eight(machine::Eight),
    /// Four streams at once.
    Four(machine::Four),
    /// No lane code: hash one stream after the other.
    One,
}

/// Feeds whole blocks of one stream to the SHA-512 compression function.
pub(crate) fn sha512_blocks(state: &mut Words, blocks: &[Block]) {
    let done = machine::sha512_blocks(state, blocks);
    if done < blocks.len() {
        sha2::block_api::compress512(state, &blocks[done..]);
    }
}

/// The lane code to use on this machine.
pub(crate) fn sha512_lanes() -> Lanes {
    if let Some(kernel) = machine::Eight::detect() {
        Lanes::Eight(kernel)
    } else if let Some(kernel) = machine::Four::detect() {
        Lanes::Four(kernel)
    } else {
        Lanes::One
    }
}

/// Every lane code that this machine can run.
#[cfg(test)]
pub(crate) fn all_sha512_lanes() -> impl Iterator<Item = Lanes> {
    let eight = machine::Eight::detect().map(Lanes::Eight);
    let four = machine::Four::detect().map(Lanes::Four);
    eight.into_iter().chain(four).chain([Lanes::One])
}

/// Tests the window ends of `data` for a candidate cut, from the first whole window on.
///
/// Returns the end of the first hit, or how far the scan came: window ends below that are known to be none. A machine
/// without a kernel comes nowhere.
pub(crate) fn buzhash_scan(data: &[u8], discriminator: &Discriminator) -> Scanned {
    machine::buzhash_scan(data, discriminator)
}

/// What [`buzhash_scan`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(all(feature = "simd", target_arch = "x86_64")),
    expect(dead_code, reason = "without kernels nothing is ever found")
)]
pub(crate) enum Scanned {
    /// The window that ends here is the first hit.
    Hit(usize),
    /// No hit among the window ends up to and including this one.
    Clear(usize),
}
