//! FAT attributes.

use std::os::fd::BorrowedFd;

use casync_core::record::FeatureFlags;
use rustix::fs::fstatfs;
use rustix::io::Errno;

use super::is_unsupported;
use crate::error::{Error, Result};
use crate::fs::magic;
use crate::sys;

/// The attributes that archives store.
const TABLE: [(FeatureFlags, u32); 3] =
    [(FeatureFlags::FLAG_HIDDEN, 0x02), (FeatureFlags::FLAG_SYSTEM, 0x04), (FeatureFlags::FLAG_ARCHIVE, 0x20)];

/// Stored attributes as `FAT_IOCTL_GET_ATTRIBUTES` tells them.
pub(crate) fn bits(flags: FeatureFlags) -> u32 {
    TABLE.iter().filter(|(feature, _)| flags.contains(*feature)).fold(0, |sum, (_, bit)| sum | bit)
}

/// The attributes of a regular file or directory; none on file systems that cannot have any.
pub(super) fn read(file: BorrowedFd<'_>, magic: u64) -> Result<FeatureFlags> {
    if !matches!(magic, magic::FAT | magic::FUSE) {
        return Ok(FeatureFlags::EMPTY);
    }
    match sys::fat_attributes(file) {
        Ok(attributes) => {
            let stored = TABLE.iter().filter(|(_, bit)| attributes & bit != 0);
            Ok(stored.fold(FeatureFlags::EMPTY, |sum, (feature, _)| sum | *feature))
        }
        Err(errno) if is_unsupported(errno) => Ok(FeatureFlags::EMPTY),
        Err(errno) => Err(Error::from(errno).context("read FAT attributes")),
    }
}

/// Sets those attributes that `restored` names.
pub(super) fn apply(file: BorrowedFd<'_>, wanted: FeatureFlags, restored: FeatureFlags) -> Result<()> {
    let wants_any = wanted.intersects(FeatureFlags::FAT_ATTRS);
    let magic = fstatfs(file)?.f_type as u64;
    if !matches!(magic, magic::FAT | magic::FUSE) {
        return if wants_any { Err(Errno::OPNOTSUPP.into()) } else { Ok(()) };
    }
    let now = match sys::fat_attributes(file) {
        Ok(now) => now,
        Err(errno) if is_unsupported(errno) && !wants_any => return Ok(()),
        Err(errno) => return Err(errno.into()),
    };
    let mut attributes = now;
    for (feature, bit) in TABLE {
        if restored.contains(feature) {
            attributes = if wanted.contains(feature) { attributes | bit } else { attributes & !bit };
        }
    }
    if attributes == now { Ok(()) } else { Ok(sys::set_fat_attributes(file, attributes)?) }
}
