//! Reads pieces of seeds.

use std::ffi::{CStr, CString};
use std::ops::Range;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use casync_core::chunk::PlainChunk;
use rustix::fs::{self as os, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::{Content, Part, SeedPlace, Seeds};
use crate::fs::blob;

/// Smaller pieces of files cannot be shared.
const MIN_EXTENT: u64 = 4096;

/// Reads pieces of seeds; each worker has its own. Keeps the file that was read last open.
#[derive(Debug, Default)]
pub struct SeedReader {
    last: Option<(usize, CString, OwnedFd)>,
}

impl SeedReader {
    /// Reads `size` bytes of a seed's stream into `out`, whose contents are replaced. `None` if they are not there.
    pub fn read(&mut self, seeds: &Seeds, place: SeedPlace, size: u64, mut out: Vec<u8>) -> Option<PlainChunk> {
        out.clear();
        let size = usize::try_from(size).ok()?;
        match &seeds.get(place.seed)?.content {
            Content::Blob(fd) => fill(fd.as_fd(), place.offset, size, &mut out)?,
            Content::Tree(root, layout) => {
                for part in layout.parts(place.offset..place.offset.checked_add(size as u64)?) {
                    match part {
                        Part::Records(bytes) => out.extend_from_slice(bytes),
                        Part::Gap(_) => return None,
                        Part::File { path, range } => {
                            let file = self.open(place.seed, root, path).ok()?;
                            let length = usize::try_from(range.end - range.start).ok()?;
                            fill(file, range.start, length, &mut out)?;
                        }
                    }
                }
            }
        }
        (out.len() == size).then(|| PlainChunk::from_untrusted(out))
    }

    /// Shows the files that a range of a seed's stream is in: each with the offset there and the part of the range. Records
    /// of an archive are in none.
    pub fn extents(
        &mut self,
        seeds: &Seeds,
        seed: usize,
        range: Range<u64>,
        mut show: impl FnMut(BorrowedFd<'_>, u64, Range<u64>) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        match &seeds.get(seed).ok_or(Errno::INVAL)?.content {
            Content::Blob(fd) => show(fd.as_fd(), range.start, range),
            Content::Tree(root, layout) => {
                let mut at = range.start;
                for part in layout.parts(range) {
                    match part {
                        Part::Records(bytes) => at += bytes.len() as u64,
                        Part::Gap(size) => at += size,
                        Part::File { path, range } => {
                            let end = at + (range.end - range.start);
                            // A file that is gone or smaller than a block has nothing to share.
                            if end - at >= MIN_EXTENT
                                && let Ok(file) = self.open(seed, root, path)
                            {
                                show(file, range.start, at..end)?;
                            }
                            at = end;
                        }
                    }
                }
                Ok(())
            }
        }
    }

    fn open(&mut self, seed: usize, root: &OwnedFd, path: &CStr) -> Result<BorrowedFd<'_>, Errno> {
        if !matches!(&self.last, Some((last, open, _)) if *last == seed && open.as_c_str() == path) {
            self.last = None;
            let fd = open_file(root, path)?;
            self.last = Some((seed, path.to_owned(), fd));
        }
        self.last.as_ref().map(|(.., fd)| fd.as_fd()).ok_or(Errno::NOENT)
    }
}

/// Opens a regular file of a tree, which may have become anything since it was seen: no link is followed, nothing else is
/// read.
///
/// # Errors
///
/// If there is no such file.
pub fn open_file(root: &OwnedFd, path: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let fd = match os::openat2(root, path, flags, Mode::empty(), ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS) {
        // Kernels before 5.6. What comes of a seed is verified in any case.
        Err(Errno::NOSYS) => os::openat(root, path, flags, Mode::empty()),
        opened => opened,
    }?;
    let file_type = FileType::from_raw_mode(os::fstat(&fd)?.st_mode);
    if file_type == FileType::RegularFile { Ok(fd) } else { Err(Errno::NOENT) }
}

fn fill(fd: BorrowedFd<'_>, offset: u64, length: usize, out: &mut Vec<u8>) -> Option<()> {
    let start = out.len();
    out.resize(start + length, 0);
    let filled = blob::read_at(fd, &mut out[start..], offset).ok()?;
    (filled == length).then_some(())
}
