//! Blobs: regular files, block devices and pipes as streams of bytes (spec: chunking-and-index.md 5).

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{self as os, FileType};
use rustix::io::Errno;

use crate::error::{Context as _, Error, Result};
use crate::flow::stop;
use crate::sys;

/// What kind of thing a blob is read from or written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A block device.
    BlockDevice,
    /// A directory: no blob at all.
    Directory,
    /// A pipe or socket: no offsets.
    Pipe,
    /// Anything else, such as a terminal.
    Other,
}

impl Kind {
    /// The kind of an open descriptor.
    ///
    /// # Errors
    ///
    /// If the system does not tell.
    pub fn of(fd: impl AsFd) -> Result<Self> {
        Ok(match FileType::from_raw_mode(os::fstat(fd)?.st_mode) {
            FileType::RegularFile => Self::File,
            FileType::BlockDevice => Self::BlockDevice,
            FileType::Directory => Self::Directory,
            FileType::Fifo | FileType::Socket => Self::Pipe,
            _ => Self::Other,
        })
    }
}

/// Bytes of a blob that are stored, if that is known before it is read.
///
/// compat: of a block device only as much as the file system at its start claims to have.
///
/// # Errors
///
/// If the device cannot be asked or read.
pub fn stored_size(fd: &OwnedFd, kind: Kind) -> Result<Option<u64>> {
    match kind {
        Kind::File => Ok(Some(os::fstat(fd)?.st_size as u64)),
        Kind::BlockDevice => {
            let device = device_size(fd)?;
            let mut start = [0; SUPERBLOCKS];
            let read = read_at(fd, &mut start, 0)?;
            let claimed = file_system_size(&start[..read]);
            Ok(Some(claimed.map_or(device, |size| size.min(device))))
        }
        Kind::Pipe => Ok(None),
        Kind::Directory => Err(Errno::ISDIR.into()),
        Kind::Other => Err(Errno::NOTTY.into()),
    }
}

/// Bytes in a block device.
///
/// # Errors
///
/// If it cannot be asked.
pub fn device_size(fd: &OwnedFd) -> Result<u64> {
    sys::block_device_size(fd).context(|| "ask for the size of the device")
}

/// Reads until `buffer` is full or the input ends; returns how much.
///
/// # Errors
///
/// If reading fails.
pub fn read_at(fd: impl AsFd, buffer: &mut [u8], offset: u64) -> Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match rustix::io::pread(fd.as_fd(), &mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(filled)
}

/// Writes all of `bytes`.
///
/// # Errors
///
/// If writing fails.
pub fn write_all(fd: impl AsFd, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(fd.as_fd(), bytes) {
            Ok(0) => return Err(Errno::IO.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => stop::wait_writable(fd.as_fd())?,
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// Writes all of `bytes` at an offset.
///
/// # Errors
///
/// If writing fails.
pub fn write_all_at(fd: impl AsFd, mut bytes: &[u8], mut offset: u64) -> Result<()> {
    while !bytes.is_empty() {
        match rustix::io::pwrite(fd.as_fd(), bytes, offset) {
            Ok(0) => return Err(Errno::IO.into()),
            Ok(count) => {
                bytes = &bytes[count..];
                offset += count as u64;
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// How much of a device's start tells its file system.
const SUPERBLOCKS: usize = 1082;

/// Size that the file system at the start of a device claims; `None` if none is recognized.
fn file_system_size(start: &[u8]) -> Option<u64> {
    if start.len() < SUPERBLOCKS {
        return None;
    }
    let u16_at = |at: usize| u64::from(u16::from_le_bytes([start[at], start[at + 1]]));
    let u32_at = |at: usize| u16_at(at) | u16_at(at + 2) << 16;
    let u64_at = |at: usize| u32_at(at) | u32_at(at + 4) << 32;
    const SQUASHFS: u64 = 0x7371_7368;
    const EXT: u64 = 0xef53;
    const FAT: u64 = 0xaa55;
    if u32_at(0) == SQUASHFS {
        return u64_at(40).checked_next_multiple_of(4096);
    }
    let page = u32_at(36);
    if start.starts_with(b"ANDROID!") && page.is_power_of_two() {
        let parts = [608, u32_at(8), u32_at(16), u32_at(24), u32_at(40)];
        return Some(parts.into_iter().map(|part| part.next_multiple_of(page)).sum());
    }
    let sector = u16_at(11);
    if u16_at(510) == FAT && sector.is_power_of_two() {
        let short = u16_at(19) * sector;
        let size = if short != 0 { short } else { u32_at(32) * sector };
        if size > 0 {
            return Some(size);
        }
    }
    if u16_at(1080) == EXT {
        let shift = u32_at(1048).checked_add(10).filter(|shift| *shift < 64)?;
        return u32_at(1028).checked_shl(shift as u32);
    }
    None
}

/// An error for input that is shorter than it was when it was opened.
pub(crate) fn shrunk(expected: u64, found: u64) -> Error {
    Error::new(Errno::IO, format!("the file shrank while it was read: {found} of {expected} bytes were there"))
        .hint("make the archive from a snapshot, or again when nothing writes to the file")
}
