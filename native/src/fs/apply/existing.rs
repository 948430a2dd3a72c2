//! Directories that were there before: made accessible, and rid of what the archive does not have.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd as _, BorrowedFd};

use rustix::fs::{self as os, Mode, OFlags, RawDir};
use rustix::io::Errno;

use super::ApplyOptions;
use crate::error::{Context as _, Result};
use crate::fs::beneath::{self, Mounts};
use crate::fs::{Place, meta, remove};

/// What the owner needs to change a directory. Its archived mode comes at the end.
const OWNER: u32 = 0o700;

/// Lets the owner change a directory that forbids it. Root needs no permission.
pub(super) fn unlock(directory: BorrowedFd<'_>, options: &ApplyOptions) -> Result<()> {
    if options.undo_immutable {
        meta::undo_immutable(directory).context(|| "make it changeable")?;
    }
    let user = rustix::process::geteuid();
    if user.is_root() {
        return Ok(());
    }
    let stat = os::fstat(directory)?;
    if stat.st_uid == user.as_raw() && stat.st_mode & OWNER != OWNER {
        os::fchmod(directory, Mode::from_raw_mode(stat.st_mode & 0o7777 | OWNER))?;
    }
    Ok(())
}

/// The same for a directory that its owner cannot even open.
pub(super) fn make_readable(parent: BorrowedFd<'_>, name: &CStr) -> Result<(), Errno> {
    let node = beneath::open(parent, name, OFlags::PATH | OFlags::DIRECTORY, Mode::empty(), Mounts::Refuse)?;
    let mode = os::fstat(&node)?.st_mode & 0o7777 | OWNER;
    // By its descriptor: the name may mean something else by now.
    os::chmod(Place::Open(node.as_fd()).proc_path(), Mode::from_raw_mode(mode))
}

/// Entries of a directory that the archive does not have.
pub(super) fn strangers(directory: BorrowedFd<'_>, known: &HashSet<Box<[u8]>>) -> Result<Vec<CString>> {
    // A descriptor of its own: listing moves the offset.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let listed = os::openat(directory, c".", flags, Mode::empty())?;
    let mut strangers = Vec::new();
    let mut space = Vec::with_capacity(32 << 10);
    let mut entries = RawDir::new(&listed, space.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name();
        if !matches!(name.to_bytes(), b"." | b"..") && !known.contains(name.to_bytes()) {
            strangers.push(name.to_owned());
        }
    }
    Ok(strangers)
}

/// Removes entries and all below them.
pub(super) fn remove(directory: BorrowedFd<'_>, names: &[CString], options: &ApplyOptions) -> Result<()> {
    for name in names {
        remove::entry(directory, name, options.undo_immutable)
            .context(|| format!("remove {:?}, which is not in the archive", name.to_string_lossy()))?;
    }
    Ok(())
}
