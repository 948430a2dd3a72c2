//! What is written to a disk, kept in a sparse file beside it.
//!
//! # File
//!
//! ```text
//! 0       header, one block of 4096 bytes, see `header`
//! 4096    bitmap: bit n of byte n/8 is set if block n of the disk is in this file; to the next full block
//! data    block n of the disk at data + n * 4096, where its bit is set; elsewhere a hole
//! ```
//!
//! # Durability
//!
//! A bit is set in memory once the block's data is written, and in the file only by [`Disk::flush`], after the data is on
//! stable storage. So whatever a bit in the file promises is there, and what was written since the last flush may be lost
//! when the machine stops, as with any disk. A block that is written again may be torn by that, as on any disk.
//!
//! The file belongs to one image: opening it over another one is refused. One process at a time has it, by a lock.

mod bitmap;
mod header;

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{self as os, FallocateFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use self::bitmap::Bitmap;
use self::header::{BLOCK, Header};
use super::{Disk, ImageDisk};
use crate::error::{Context as _, Error, Result};
use crate::mount::Extent;

/// An image with a file for what is written.
#[derive(Debug)]
pub struct Overlay {
    base: ImageDisk,
    file: File,
    /// For messages.
    name: String,
    /// Offset of the data in the file.
    data: u64,
    bitmap: Bitmap,
    /// Whoever changes a part of a block has one of these meanwhile, by the block's number.
    parts: Vec<Mutex<()>>,
    /// Whoever writes the bitmap to the file.
    flushing: Mutex<()>,
}

impl Overlay {
    const LOCKS: usize = 64;

    /// Opens the overlay of an image, or makes one.
    ///
    /// # Errors
    ///
    /// If it belongs to another image, somebody else has it, or it cannot be read or written.
    pub fn open(path: &Path, base: ImageDisk) -> Result<Self> {
        let name = path.to_string_lossy().into_owned();
        Self::open_over(path, base, &name).map_err(|error| error.context(format!("open the overlay {name:?}")))
    }

    fn open_over(path: &Path, base: ImageDisk, name: &str) -> Result<Self> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOCTTY;
        let file = File::from(os::open(path, flags, Mode::from_raw_mode(0o600))?);
        if !file.metadata()?.is_file() {
            return Err(Error::new(Errno::INVAL, "it is no regular file"));
        }
        match os::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => return Err(Error::new(Errno::BUSY, "somebody else has it open")),
            locked => locked?,
        }
        let header = Header { size: base.size(), image: base.image().identity() };
        let is_new = file.metadata()?.len() == 0;
        let blocks = base.size().div_ceil(BLOCK);
        let bitmap = Bitmap::new(blocks)?;
        let data = BLOCK + bitmap.file_size();
        if is_new {
            file.write_all_at(&header.emit(), 0)?;
        } else {
            header.check(&file)?;
        }
        // Also after a crash that left the header alone.
        if file.metadata()?.len() < data + blocks * BLOCK {
            file.set_len(data + blocks * BLOCK)?;
            file.sync_all()?;
        }
        bitmap.read(&file, BLOCK)?;
        let parts = (0..Self::LOCKS).map(|_| Mutex::default()).collect();
        Ok(Self { base, file, name: name.to_owned(), data, bitmap, parts, flushing: Mutex::default() })
    }

    fn what(&self, verb: &str) -> String {
        format!("{verb} the overlay {:?}", self.name)
    }

    fn lock_part(&self, block: u64) -> MutexGuard<'_, ()> {
        self.parts[(block % Self::LOCKS as u64) as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes of a block as they are now.
    fn block(&self, block: u64) -> Result<Vec<u8>> {
        let start = block * BLOCK;
        let mut bytes = vec![0; (BLOCK.min(self.size() - start)) as usize];
        self.read_at(start, &mut bytes)?;
        bytes.resize(BLOCK as usize, 0);
        Ok(bytes)
    }

    /// Writes a part of one block.
    fn write_part(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let block = offset / BLOCK;
        let _alone = self.lock_part(block);
        if self.bitmap.has(block) {
            return self.store(offset, bytes);
        }
        let mut whole = self.block(block)?;
        let at = (offset % BLOCK) as usize;
        whole[at..at + bytes.len()].copy_from_slice(bytes);
        self.store(block * BLOCK, &whole)?;
        self.bitmap.set(block..block + 1);
        Ok(())
    }

    /// Writes to the file what belongs at an offset of the disk.
    fn store(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.file.write_all_at(bytes, self.data + offset).context(|| self.what("write"))
    }

    /// A range in the parts of blocks at its ends, and the whole blocks between.
    fn split(range: &Range<u64>) -> (Range<u64>, Range<u64>, Range<u64>) {
        let whole = range.start.next_multiple_of(BLOCK)..range.end / BLOCK * BLOCK;
        if whole.start >= whole.end {
            // Within one block, or the ends of two.
            let middle = whole.start.clamp(range.start, range.end);
            return (range.start..middle, middle..middle, middle..range.end);
        }
        (range.start..whole.start, whole.clone(), whole.end..range.end)
    }

    /// Calls `each` for runs of blocks that are all here or all in the image.
    fn runs(&self, range: Range<u64>, mut each: impl FnMut(Range<u64>, bool) -> Result<()>) -> Result<()> {
        let mut start = range.start;
        while start < range.end {
            let here = self.bitmap.has(start / BLOCK);
            let last = (range.end - 1) / BLOCK + 1;
            let end = (self.bitmap.run(start / BLOCK..last, here) * BLOCK).min(range.end);
            each(start..end, here)?;
            start = end;
        }
        Ok(())
    }
}

impl Disk for Overlay {
    fn size(&self) -> u64 {
        self.base.size()
    }

    fn is_writable(&self) -> bool {
        true
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.runs(offset..offset + buffer.len() as u64, |run, here| {
            let part = &mut buffer[(run.start - offset) as usize..(run.end - offset) as usize];
            if here {
                self.file.read_exact_at(part, self.data + run.start).context(|| self.what("read"))
            } else {
                self.base.read_at(run.start, part)
            }
        })
    }

    fn extents(&self, range: Range<u64>) -> Vec<Extent> {
        let mut extents = Vec::new();
        let _: Result<()> = self.runs(range, |run, here| {
            if here {
                extents.push(Extent { range: run, is_hole: false });
            } else {
                extents.extend(self.base.extents(run));
            }
            Ok(())
        });
        extents
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let (head, whole, tail) = Self::split(&(offset..offset + bytes.len() as u64));
        let of = |range: &Range<u64>| &bytes[(range.start - offset) as usize..(range.end - offset) as usize];
        if !head.is_empty() {
            self.write_part(head.start, of(&head))?;
        }
        if !whole.is_empty() {
            self.store(whole.start, of(&whole))?;
            self.bitmap.set(whole.start / BLOCK..whole.end / BLOCK);
        }
        if !tail.is_empty() {
            self.write_part(tail.start, of(&tail))?;
        }
        Ok(())
    }

    fn write_zeros(&self, range: Range<u64>) -> Result<()> {
        let (head, whole, tail) = Self::split(&range);
        for part in [head, tail].into_iter().filter(|part| !part.is_empty()) {
            self.write_part(part.start, &vec![0; (part.end - part.start) as usize])?;
        }
        if whole.is_empty() {
            return Ok(());
        }
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match os::fallocate(&self.file, hole, self.data + whole.start, whole.end - whole.start) {
            Ok(()) => {}
            // File systems without holes.
            Err(Errno::OPNOTSUPP) => {
                let zeros = vec![0; (1 << 20).min(whole.end - whole.start) as usize];
                for start in (whole.start..whole.end).step_by(zeros.len()) {
                    self.store(start, &zeros[..zeros.len().min((whole.end - start) as usize)])?;
                }
            }
            Err(errno) => return Err(Error::from(errno).context(self.what("punch a hole into"))),
        }
        self.bitmap.set(whole.start / BLOCK..whole.end / BLOCK);
        Ok(())
    }

    fn flush(&self) -> Result<()> {
        let _alone = self.flushing.lock().unwrap_or_else(PoisonError::into_inner);
        // What the bits say now is written already, and is on stable storage after the next line.
        let pages = self.bitmap.take_changed();
        let flushed = self.file.sync_data().and_then(|()| {
            for (number, page) in &pages {
                self.file.write_all_at(page, BLOCK + number * BLOCK)?;
            }
            if pages.is_empty() { Ok(()) } else { self.file.sync_data() }
        });
        if flushed.is_err() {
            self.bitmap.mark_changed(pages.iter().map(|(number, _)| *number));
        }
        flushed.context(|| self.what("flush"))
    }

    fn prefetch(&self, range: Range<u64>) {
        let _: Result<()> = self.runs(range, |run, here| {
            if !here {
                self.base.prefetch(run);
            }
            Ok(())
        });
    }
}
