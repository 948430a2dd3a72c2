//! An image as a disk that cannot be written to.

use std::ops::Range;

use super::{Disk, SECTOR};
use crate::error::Result;
use crate::mount::{Extent, Image};

/// An image, with zeros behind its end up to the next full sector.
#[derive(Debug)]
pub struct ImageDisk(Image);

impl ImageDisk {
    /// The disk of an image.
    pub const fn new(image: Image) -> Self {
        Self(image)
    }

    /// The image.
    pub const fn image(&self) -> &Image {
        &self.0
    }
}

impl Disk for ImageDisk {
    fn size(&self) -> u64 {
        self.0.size().next_multiple_of(SECTOR)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let filled = if offset < self.0.size() { self.0.read_at(offset, buffer)? } else { 0 };
        buffer[filled..].fill(0);
        Ok(())
    }

    fn extents(&self, range: Range<u64>) -> Vec<Extent> {
        let end = self.0.size();
        let mut extents: Vec<Extent> = self.0.extents(range.start.min(end)..range.end.min(end)).collect();
        if range.end > end {
            // Less than a sector: not worth an extent of its own.
            extents.push(Extent { range: range.start.max(end)..range.end, is_hole: false });
        }
        extents
    }

    fn prefetch(&self, range: Range<u64>) {
        self.0.prefetch(&self.0.pieces_of(std::iter::once(range)));
    }
}
