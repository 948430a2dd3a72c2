//! Removes what stands in an extraction's way: never through a link, never onto another file system.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{self as os, AtFlags, Mode, OFlags, RawDir};
use rustix::io::Errno;

use super::beneath::{self, Mounts};
use super::meta;
use crate::error::{Error, Result};

/// Removes a directory entry and all below it. A mount point is an error, and what is mounted there stays untouched.
///
/// # Errors
///
/// If something cannot be removed, or is mounted there.
pub(crate) fn entry(directory: impl AsFd, name: &CStr, undo_immutable: bool) -> Result<()> {
    // A stack instead of recursion: trees may be deeper than a thread's stack.
    let mut open: Vec<(OwnedFd, Vec<CString>, CString)> = Vec::new();
    let mut next = name.to_owned();
    loop {
        let parent = open.last().map_or_else(|| directory.as_fd(), |(fd, ..)| fd.as_fd());
        if let Some(below) = unlink_or_open(parent, &next, undo_immutable)? {
            let names = list(&below)?;
            open.push((below, names, next));
        }
        loop {
            let Some((_, names, _)) = open.last_mut() else { return Ok(()) };
            if let Some(name) = names.pop() {
                next = name;
                break;
            }
            let Some((_, _, emptied)) = open.pop() else { return Ok(()) };
            let parent = open.last().map_or_else(|| directory.as_fd(), |(fd, ..)| fd.as_fd());
            unlink(parent, &emptied, AtFlags::REMOVEDIR, undo_immutable)?;
        }
    }
}

/// Removes an entry that is no directory; opens one that is.
fn unlink_or_open(parent: BorrowedFd<'_>, name: &CStr, undo_immutable: bool) -> Result<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK;
    let below = match beneath::open(parent, name, flags, Mode::empty(), Mounts::Refuse) {
        Ok(below) => below,
        Err(Errno::XDEV) => {
            return Err(Error::new(Errno::BUSY, "another file system is mounted there; nothing on it was touched")
                .hint("unmount it, or extract with --delete=no"));
        }
        Err(Errno::NOTDIR | Errno::LOOP | Errno::NXIO) => {
            unlink(parent, name, AtFlags::empty(), undo_immutable)?;
            return Ok(None);
        }
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    };
    if undo_immutable {
        meta::undo_immutable(below.as_fd())?;
    }
    Ok(Some(below))
}

fn unlink(parent: BorrowedFd<'_>, name: &CStr, flags: AtFlags, undo_immutable: bool) -> Result<()> {
    match os::unlinkat(parent, name, flags) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(Errno::PERM) if undo_immutable => {
            meta::undo_immutable_entry(parent, name)?;
            Ok(os::unlinkat(parent, name, flags)?)
        }
        Err(errno) => Err(errno.into()),
    }
}

fn list(directory: &OwnedFd) -> Result<Vec<CString>> {
    let mut names = Vec::new();
    let mut space = Vec::with_capacity(32 << 10);
    let mut entries = RawDir::new(directory, space.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    Ok(names)
}
