//! Minimum, average and maximum chunk size (spec: chunking-and-index.md 1).

use core::str::FromStr;

use crate::error::{ChunkSizesError, Error, Malformed, Result, UsageError};
use crate::limits::CHUNK_MAX;
use crate::quantity::parse_size;

/// The three chunk sizes, each from 1 to 2^27 bytes and in ascending order.
///
/// ```
/// use casync_core::chunk::ChunkSizes;
///
/// let sizes: ChunkSizes = "4K".parse().unwrap();
/// assert_eq!((sizes.min(), sizes.avg(), sizes.max()), (1024, 4096, 16384));
/// assert!("1M:1M:1M".parse::<ChunkSizes>().unwrap().is_fixed());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkSizes {
    min: u64,
    avg: u64,
    max: u64,
}

impl ChunkSizes {
    /// Sizes around an average: a quarter of it and four times it.
    ///
    /// # Errors
    ///
    /// [`ChunkSizesError`] outside of 1 to 2^27.
    pub fn with_average(avg: u64) -> Result<Self> {
        if avg < 1 {
            return Err(refused(ChunkSizesError::AvgTooSmall));
        }
        if avg > CHUNK_MAX {
            return Err(refused(ChunkSizesError::AvgTooLarge));
        }
        Ok(Self { min: (avg / 4).max(1), avg, max: (avg * 4).min(CHUNK_MAX) })
    }

    /// Three given sizes.
    ///
    /// # Errors
    ///
    /// [`ChunkSizesError`] in upstream's order of checks.
    pub fn new(min: u64, avg: u64, max: u64) -> Result<Self> {
        if min < 1 {
            return Err(refused(ChunkSizesError::MinTooSmall));
        }
        if avg < min {
            return Err(refused(ChunkSizesError::AvgBelowMin));
        }
        if max < avg {
            return Err(refused(ChunkSizesError::AvgAboveMax));
        }
        if max > CHUNK_MAX {
            return Err(refused(ChunkSizesError::MaxTooLarge));
        }
        Ok(Self { min, avg, max })
    }

    /// Sizes as found in an index header.
    pub(crate) fn from_wire(min: u64, avg: u64, max: u64) -> Result<Self> {
        Self::new(min, avg, max).map_err(|_| Malformed::ChunkSizes.into())
    }

    /// Smallest size of a chunk that is not the last, in bytes.
    pub const fn min(&self) -> u64 {
        self.min
    }

    /// The size aimed at, in bytes.
    pub const fn avg(&self) -> u64 {
        self.avg
    }

    /// Largest size of a chunk, in bytes.
    pub const fn max(&self) -> u64 {
        self.max
    }

    /// Whether every chunk but the last has the same size and no hash is needed.
    pub const fn is_fixed(&self) -> bool {
        self.min == self.avg && self.avg == self.max
    }
}

impl Default for ChunkSizes {
    /// 16 KiB, 64 KiB, 256 KiB.
    fn default() -> Self {
        Self { min: 16_384, avg: 65_536, max: 262_144 }
    }
}

impl FromStr for ChunkSizes {
    type Err = Error;

    /// Parses the argument of `--chunk-size=`: `auto`, `AVG` or `MIN:AVG:MAX`.
    fn from_str(text: &str) -> Result<Self> {
        if text == "auto" {
            return Ok(Self::default());
        }
        // compat: a fourth number is taken for part of the third.
        let mut parts = text.splitn(3, ':');
        let number =
            |part: Option<&str>, error| part.and_then(|part| parse_size(part).ok()).ok_or_else(|| refused(error));
        match (parts.next(), parts.next(), parts.next()) {
            (avg, None, _) => Self::with_average(number(avg, ChunkSizesError::ParseAvg)?),
            (_, Some(_), None) => Err(refused(ChunkSizesError::Count)),
            (min, avg, max) => Self::new(
                number(min, ChunkSizesError::ParseMin)?,
                number(avg, ChunkSizesError::ParseAvg)?,
                number(max, ChunkSizesError::ParseMax)?,
            ),
        }
    }
}

fn refused(error: ChunkSizesError) -> Error {
    UsageError::ChunkSizes(error).into()
}
