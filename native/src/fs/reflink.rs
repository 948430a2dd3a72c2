//! Sharing data between files, where the file system can (spec: filesystem.md 9).

use std::ops::Range;
use std::os::fd::{AsFd as _, BorrowedFd};

use rustix::fs as os;
use rustix::io::Errno;

use crate::sys;

/// What shared ranges are aligned to: the block size of nearly every file system. Where blocks are larger, the kernel
/// refuses.
const BLOCK: u64 = 4096;
/// The largest range that every file system compares at once.
const DEDUPE_MAX: u64 = 16 << 20;

/// A range of one file and the place in another that it belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair<'a> {
    pub(crate) source: BorrowedFd<'a>,
    pub(crate) source_offset: u64,
    pub(crate) target: BorrowedFd<'a>,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

impl Pair<'_> {
    /// Makes the target share the source's data, unverified; returns the range of the target that does now.
    pub(crate) fn clone_data(&self) -> Result<Range<u64>, Errno> {
        let range = self.aligned()?;
        if !range.is_empty() {
            let source_offset = self.source_offset + (range.start - self.offset);
            sys::clone_range(self.source, source_offset, range.end - range.start, self.target, range.start)?;
        }
        Ok(range)
    }

    /// Makes the target share the source's data where both are equal; returns how many bytes it shares.
    pub(crate) fn dedupe(&self) -> Result<u64, Errno> {
        let Range { mut start, end } = self.aligned()?;
        let mut shared = 0;
        while start < end {
            let source_offset = self.source_offset + (start - self.offset);
            let length = (end - start).min(DEDUPE_MAX);
            match sys::dedupe_range(self.source, source_offset, length, self.target, start)? {
                0 => break,
                count => {
                    shared += count;
                    start += count;
                }
            }
        }
        Ok(shared)
    }

    /// The part of the target that consists of whole blocks of both files; the last block of both counts as a whole one.
    fn aligned(&self) -> Result<Range<u64>, Errno> {
        if self.source_offset % BLOCK != self.offset % BLOCK {
            return Ok(0..0);
        }
        let start = self.offset.next_multiple_of(BLOCK);
        let mut end = self.offset + self.length;
        let is_end = |file: BorrowedFd<'_>, end| os::fstat(file.as_fd()).map(|stat| stat.st_size as u64 == end);
        let both_end = is_end(self.source, self.source_offset + self.length)? && is_end(self.target, end)?;
        if !both_end {
            end -= end % BLOCK;
        }
        Ok(if start < end { start..end } else { 0..0 })
    }
}

/// Whether the target could share data of the source: both are on one file system, and it knows how to.
pub(crate) fn can_clone(source: BorrowedFd<'_>, target: BorrowedFd<'_>) -> bool {
    /// Where no file has data: what else is wrong with the request comes to light before that.
    const NOWHERE: u64 = 1 << 62;
    match sys::clone_range(source, NOWHERE, BLOCK, target, 0) {
        Ok(()) | Err(Errno::INVAL) => true,
        Err(errno) => !is_hopeless(errno),
    }
}

/// Whether another attempt with the same two files is useless.
pub(crate) const fn is_hopeless(errno: Errno) -> bool {
    matches!(errno, Errno::XDEV | Errno::OPNOTSUPP | Errno::NOTTY | Errno::INVAL | Errno::NOSYS | Errno::PERM)
}
