//! btrfs subvolumes.

use std::os::fd::BorrowedFd;

use casync_core::record::FeatureFlags;
use rustix::fs::{Stat, fstat, fstatfs};
use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::fs::magic;
use crate::sys;

/// Inode number of every subvolume's root (`BTRFS_FIRST_FREE_OBJECTID`).
const ROOT_INODE: u64 = 256;

/// Whether a directory is a subvolume, and a read-only one.
pub(super) fn read(directory: BorrowedFd<'_>, stat: &Stat, magic: u64, features: FeatureFlags) -> Result<FeatureFlags> {
    if magic != magic::BTRFS || stat.st_ino != ROOT_INODE {
        return Ok(FeatureFlags::EMPTY);
    }
    let read_only = features.contains(FeatureFlags::SUBVOLUME_RO)
        && sys::subvolume_is_read_only(directory)
            .map_err(|errno| Error::from(errno).context("read subvolume flags"))?;
    let flag = FeatureFlags::SUBVOLUME;
    Ok(if read_only { flag | FeatureFlags::SUBVOLUME_RO } else { flag })
}

/// Makes a read-only subvolume writable; any other directory is passed over.
pub(super) fn make_writable(directory: BorrowedFd<'_>) -> Result<()> {
    let is_one = fstat(directory)?.st_ino == ROOT_INODE && fstatfs(directory)?.f_type as u64 == magic::BTRFS;
    if is_one { Ok(sys::set_subvolume_read_only(directory, false)?) } else { Ok(()) }
}

/// Checks that a directory is a subvolume exactly if it is to be one, and makes it read-only or writable.
pub(super) fn apply(directory: BorrowedFd<'_>, wanted: FeatureFlags, restored: FeatureFlags) -> Result<()> {
    let is_wanted = wanted.contains(FeatureFlags::SUBVOLUME);
    let stat = fstat(directory)?;
    let is_one = stat.st_ino == ROOT_INODE && fstatfs(directory)?.f_type as u64 == magic::BTRFS;
    if is_wanted != is_one {
        let message = if is_one { "it is a subvolume and should be none" } else { "it should be a subvolume" };
        return Err(Error::new(Errno::EXIST, message));
    }
    if is_one && restored.contains(FeatureFlags::SUBVOLUME_RO) {
        sys::set_subvolume_read_only(directory, wanted.contains(FeatureFlags::SUBVOLUME_RO))?;
    }
    Ok(())
}
