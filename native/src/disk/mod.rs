//! Disks: images that are read, and perhaps written to, block by block.
//!
//! Network block devices, loop devices and mounted blobs all serve a [`Disk`]. An image is one that cannot be written to;
//! an [`Overlay`] keeps what is written in a file of its own.

mod image;
mod overlay;

use std::fmt::Debug;
use std::ops::Range;

pub use image::ImageDisk;
pub use overlay::Overlay;

use crate::error::{Error, Result};
use crate::mount::Extent;

/// Bytes in a sector: sizes of disks are multiples of it.
pub const SECTOR: u64 = 512;

/// A disk, for any number of threads. Ranges lie within its size; whoever serves it checks that.
pub trait Disk: Send + Sync + Debug {
    /// Bytes in it, a multiple of [`SECTOR`].
    fn size(&self) -> u64;

    /// Whether it can be written to.
    fn is_writable(&self) -> bool {
        false
    }

    /// Fills a buffer from an offset.
    ///
    /// # Errors
    ///
    /// If some of the bytes cannot be had.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()>;

    /// A range in parts that may hold data and parts that are known to be zeros, in order.
    fn extents(&self, range: Range<u64>) -> Vec<Extent>;

    /// Writes bytes at an offset. They are lost if the machine stops before the next [`Self::flush`].
    ///
    /// # Errors
    ///
    /// If the disk cannot be written to.
    fn write_at(&self, _offset: u64, _bytes: &[u8]) -> Result<()> {
        Err(read_only())
    }

    /// Makes a range zeros.
    ///
    /// # Errors
    ///
    /// As [`Self::write_at`].
    fn write_zeros(&self, _range: Range<u64>) -> Result<()> {
        Err(read_only())
    }

    /// Waits until everything that was written is on stable storage.
    ///
    /// # Errors
    ///
    /// If that cannot be done.
    fn flush(&self) -> Result<()> {
        Ok(())
    }

    /// Lets a range be loaded that will be read soon.
    fn prefetch(&self, _range: Range<u64>) {}
}

fn read_only() -> Error {
    Error::new(rustix::io::Errno::ROFS, "the disk is read-only").hint("--overlay=FILE keeps what is written")
}
