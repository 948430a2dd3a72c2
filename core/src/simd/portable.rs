//! No kernels: everything is left to the safe twins.

use super::Scanned;
use crate::chunk::Discriminator;
use crate::hash::sha512::{Block, Words};

/// Never made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Eight {}

/// Never made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Four {}

impl Eight {
    pub(crate) const fn detect() -> Option<Self> {
        None
    }

    pub(crate) fn sha512(self, _: &mut [Words; 8], _: &[&[Block]; 8]) {
        match self {}
    }
}

impl Four {
    pub(crate) const fn detect() -> Option<Self> {
        None
    }

    pub(crate) fn sha512(self, _: &mut [Words; 4], _: &[&[Block]; 4]) {
        match self {}
    }
}

/// Hashes none of the blocks.
pub(crate) fn sha512_blocks(_: &mut Words, _: &[Block]) -> usize {
    0
}

/// Scans nothing.
pub(crate) fn buzhash_scan(_: &[u8], _: &Discriminator) -> Scanned {
    Scanned::Clear(0)
}
