//! The records of seed tables.

use alloc::vec::Vec;

use crate::chunk::ChunkSizes;
use crate::error::{Error, Limited, Malformed, Result, Unsupported};
use crate::hash::{Digest, DigestAlgorithm};
use crate::limits::Limits;
use crate::name::Name;
use crate::record::{FeatureFlags, put, read};

/// Starts every table. Drawn at random.
const MAGIC: u64 = 0x91e4_d70b_3c58_a26f;
/// Changes with the format.
const VERSION: u64 = 1;
/// Bytes of the header without its path.
pub(super) const HEADER_SIZE: usize = 8 * 8;
/// Bytes of a FILE record without its path.
pub(super) const FILE_SIZE: usize = 10 * 8;
/// Bytes of the other records, without those that RECORDS announce, and of the tail.
pub(super) const PART_SIZE: usize = 2 * 8;
pub(super) const CHUNK_SIZE: usize = 2 * 8 + Digest::LEN;
pub(super) const TAIL_SIZE: usize = 2 * 8 + Digest::LEN;

/// What a record is: its first number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Records = 1,
    File = 2,
    Gap = 3,
    Chunk = 4,
    Tail = 5,
}

impl Tag {
    pub(super) const fn of(number: u64) -> Option<Self> {
        Some(match number {
            1 => Self::Records,
            2 => Self::File,
            3 => Self::Gap,
            4 => Self::Chunk,
            5 => Self::Tail,
            _ => return None,
        })
    }
}

/// What a table is about, and how it was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatabHeader {
    /// Feature flags of the archive, with the digest; for a file only the digest matters.
    pub features: FeatureFlags,
    /// The sizes the stream was cut with.
    pub sizes: ChunkSizes,
    /// Where the files are.
    pub root: SeedRoot,
}

/// What the parts of a table belong to: an absolute path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeedRoot {
    /// The root of a tree.
    Tree(Vec<u8>),
    /// A file.
    File(Vec<u8>),
}

impl SeedRoot {
    /// The path.
    pub fn path(&self) -> &[u8] {
        match self {
            Self::Tree(path) | Self::File(path) => path,
        }
    }
}

impl CatabHeader {
    /// The digest of the chunk ids.
    pub const fn algorithm(&self) -> DigestAlgorithm {
        DigestAlgorithm::of(self.features)
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        let (sizes, path) = (&self.sizes, self.root.path());
        put(&[MAGIC, VERSION, self.features.bits(), sizes.min(), sizes.avg(), sizes.max()], out);
        put(&[u64::from(matches!(self.root, SeedRoot::File(_))), path.len() as u64], out);
        out.extend_from_slice(path);
    }

    /// Bytes of a header that starts with these [`HEADER_SIZE`].
    pub(super) fn size(bytes: &[u8], limits: &Limits) -> Result<usize> {
        if read(bytes, 0) != MAGIC {
            return Err(Malformed::SeedTable.into());
        }
        match read(bytes, 8) {
            VERSION => path_size(HEADER_SIZE, read(bytes, 56), limits),
            version => Err(Unsupported::SeedTable(version).into()),
        }
    }

    pub(super) fn parse(bytes: &[u8], limits: &Limits) -> Result<Self> {
        let features = FeatureFlags::from_wire(read(bytes, 16))?;
        let sizes = ChunkSizes::from_wire(read(bytes, 24), read(bytes, 32), read(bytes, 40))?;
        limits.check_chunk(sizes.max())?;
        let path = &bytes[HEADER_SIZE..];
        if !is_root(path) {
            return Err(Malformed::SeedTable.into());
        }
        let root = match read(bytes, 48) {
            0 => SeedRoot::Tree(path.into()),
            1 => SeedRoot::File(path.into()),
            _ => return Err(Malformed::SeedTable.into()),
        };
        Ok(Self { features, sizes, root })
    }
}

/// Bytes of a record with a path of this length behind `fixed` others.
pub(super) fn path_size(fixed: usize, length: u64, limits: &Limits) -> Result<usize> {
    let max = (limits.depth as u64).saturating_mul(Name::MAX as u64 + 1);
    match usize::try_from(length) {
        Ok(length) if length as u64 <= max => Ok(fixed + length),
        _ => Err(Error::Limit { what: Limited::Path, value: length, max }),
    }
}

/// Whether this is an absolute path without links to the current or upper directory.
pub(super) fn is_root(path: &[u8]) -> bool {
    path.strip_prefix(b"/").is_some_and(|rest| rest.is_empty() || is_below(rest))
}

/// Whether this path leads from a directory to what is below it.
pub(super) fn is_below(path: &[u8]) -> bool {
    path.split(|&byte| byte == b'/').all(|name| Name::check(name).is_ok())
}
