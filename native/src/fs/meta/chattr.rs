//! chattr flags.

use std::ffi::CStr;
use std::os::fd::{AsFd as _, BorrowedFd};

use casync_core::record::FeatureFlags;
use rustix::fs::{self as os, IFlags, Mode, OFlags, ioctl_getflags, ioctl_setflags};
use rustix::io::Errno;

use super::is_unsupported;
use crate::error::{Error, Result};

/// `FS_NOCOMP_FL`, which rustix does not name.
const NOCOMP: IFlags = IFlags::from_bits_retain(0x400);

/// The flags that archives store (spec: catar.md 4.1).
const TABLE: [(FeatureFlags, IFlags); 10] = [
    (FeatureFlags::FLAG_APPEND, IFlags::APPEND),
    (FeatureFlags::FLAG_NOATIME, IFlags::NOATIME),
    (FeatureFlags::FLAG_COMPR, IFlags::COMPRESSED),
    (FeatureFlags::FLAG_NOCOW, IFlags::NOCOW),
    (FeatureFlags::FLAG_NODUMP, IFlags::NODUMP),
    (FeatureFlags::FLAG_DIRSYNC, IFlags::DIRSYNC),
    (FeatureFlags::FLAG_IMMUTABLE, IFlags::IMMUTABLE),
    (FeatureFlags::FLAG_SYNC, IFlags::SYNC),
    (FeatureFlags::FLAG_NOCOMP, NOCOMP),
    (FeatureFlags::FLAG_PROJINHERIT, IFlags::PROJECT_INHERIT),
];

/// The flags of a regular file or directory.
pub(super) fn read(file: BorrowedFd<'_>) -> Result<FeatureFlags, Errno> {
    let flags = ioctl_getflags(file)?;
    let stored = TABLE.iter().filter(|(_, flag)| flags.contains(*flag));
    Ok(stored.fold(FeatureFlags::EMPTY, |sum, (feature, _)| sum | *feature))
}

/// Flags that only take effect on what is written later.
pub(super) const EARLY: FeatureFlags = FeatureFlags::union(&[
    FeatureFlags::FLAG_NOATIME,
    FeatureFlags::FLAG_COMPR,
    FeatureFlags::FLAG_NOCOW,
    FeatureFlags::FLAG_NOCOMP,
    FeatureFlags::FLAG_PROJINHERIT,
]);

/// Sets those of the flags `restored` that are in `wanted`, and clears the others of them.
pub(super) fn apply(file: BorrowedFd<'_>, wanted: FeatureFlags, restored: FeatureFlags) -> Result<()> {
    let now = match ioctl_getflags(file) {
        Ok(now) => now,
        Err(errno) if is_unsupported(errno) && !wanted.intersects(FeatureFlags::CHATTR) => return Ok(()),
        Err(errno) if is_unsupported(errno) => return Err(Errno::OPNOTSUPP.into()),
        Err(errno) => return Err(errno.into()),
    };
    let mut flags = now;
    for (feature, flag) in TABLE {
        if restored.contains(feature) {
            flags.set(flag, wanted.contains(feature));
        }
    }
    if flags == now {
        return Ok(());
    }
    ioctl_setflags(file, flags).map_err(|errno| {
        let names: Vec<&str> = (wanted & FeatureFlags::CHATTR).names().collect();
        Error::from(errno).context(names.join(" "))
    })
}

/// Whether new entries of a directory get flags from it.
pub(super) fn passes_on(directory: BorrowedFd<'_>) -> bool {
    // Which flags are passed on differs between file systems; these are never.
    let own = IFlags::IMMUTABLE | IFlags::APPEND;
    read(directory).is_ok_and(|flags| !flags.is_empty())
        && ioctl_getflags(directory).is_ok_and(|flags| !(flags - own).is_empty())
}

/// Clears the immutable flag of an entry that is to be replaced.
pub(crate) fn undo_immutable(directory: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = os::openat(directory, name, flags, Mode::empty())?;
    let now = ioctl_getflags(file.as_fd())?;
    Ok(ioctl_setflags(&file, now - IFlags::IMMUTABLE)?)
}
