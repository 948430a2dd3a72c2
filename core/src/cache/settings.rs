//! What has to be equal for one run to use what another has recorded.

use alloc::vec::Vec;

use super::{HEADER_SIZE, MAGIC, VERSION};
use crate::archive::IdShift;
use crate::chunk::ChunkSizes;
use crate::hash::{Digest, DigestAlgorithm};
use crate::record::{FeatureFlags, put};

/// The settings of a run. Runs with other settings use another cache file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// Feature flags of the archive, with the digest and what is excluded.
    pub features: FeatureFlags,
    /// How the stream is cut.
    pub sizes: ChunkSizes,
    /// How owners are changed.
    pub shift: IdShift,
    /// Which tree it is; the shell's own name for it.
    pub tree: Digest,
}

impl CacheSettings {
    /// A name for these settings and this version of the format, the same on every host.
    pub fn digest(&self) -> Digest {
        DigestAlgorithm::Sha256.digest(&self.header(0)[..HEADER_SIZE - 8])
    }

    /// The header of a file that a run has written that began at `started`.
    pub(super) fn header(&self, started: i64) -> Vec<u8> {
        let mut header = Vec::with_capacity(HEADER_SIZE);
        let (sizes, shift) = (&self.sizes, self.shift);
        put(&[MAGIC, VERSION, self.features.bits(), sizes.min(), sizes.avg(), sizes.max()], &mut header);
        put(&[shift.shift().into(), shift.range().into()], &mut header);
        header.extend_from_slice(self.tree.as_bytes());
        put(&[started.cast_unsigned()], &mut header);
        header
    }
}
