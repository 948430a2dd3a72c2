//! chattr flags.

use std::os::fd::BorrowedFd;

use casync_core::record::FeatureFlags;
use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};
use rustix::io::Errno;

use super::is_unsupported;
use crate::error::Result;

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

/// Stored flags as `FS_IOC_GETFLAGS` tells them.
pub(crate) fn bits(flags: FeatureFlags) -> u32 {
    let set = TABLE.iter().filter(|(feature, _)| flags.contains(*feature));
    set.fold(IFlags::empty(), |sum, (_, flag)| sum | *flag).bits()
}

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

/// Sets those of the flags `restored` that are in `wanted`, and clears the others of them. Returns what the file system
/// has refused; the others are set.
pub(super) fn apply(
    file: BorrowedFd<'_>,
    wanted: FeatureFlags,
    restored: FeatureFlags,
) -> Result<FeatureFlags, (Errno, FeatureFlags)> {
    let wanted = wanted & restored & FeatureFlags::CHATTR;
    let now = match ioctl_getflags(file) {
        Ok(now) => now,
        Err(errno) if is_unsupported(errno) => return Ok(wanted),
        Err(errno) => return Err((errno, wanted)),
    };
    let mut flags = now;
    for (feature, flag) in TABLE {
        if restored.contains(feature) {
            flags.set(flag, wanted.contains(feature));
        }
    }
    if flags == now {
        return Ok(FeatureFlags::EMPTY);
    }
    // Some file systems take flags without a word and do not keep them.
    match ioctl_setflags(file, flags).and_then(|()| read(file)) {
        Ok(kept) => Ok(wanted - kept),
        Err(_) => one_by_one(file, wanted, restored),
    }
}

/// Sets what can be set if not everything can.
fn one_by_one(
    file: BorrowedFd<'_>,
    wanted: FeatureFlags,
    restored: FeatureFlags,
) -> Result<FeatureFlags, (Errno, FeatureFlags)> {
    let mut refused = FeatureFlags::EMPTY;
    let mut failed = None;
    for (feature, flag) in TABLE.into_iter().filter(|(feature, _)| restored.contains(*feature)) {
        let is_wanted = wanted.contains(feature);
        let set = ioctl_getflags(file).and_then(|now| {
            let mut flags = now;
            flags.set(flag, is_wanted);
            if flags == now { Ok(()) } else { ioctl_setflags(file, flags) }
        });
        if let Err(errno) = set {
            refused |= feature;
            failed = failed.or_else(|| Some(errno).filter(|errno| !is_unsupported(*errno)));
        }
    }
    match failed {
        Some(errno) => Err((errno, refused)),
        None => read(file).map(|kept| refused | (wanted - kept)).map_err(|errno| (errno, wanted)),
    }
}

/// Whether new entries of a directory get flags from it.
pub(super) fn passes_on(directory: BorrowedFd<'_>) -> bool {
    // Which flags are passed on differs between file systems; these are never.
    let own = IFlags::IMMUTABLE | IFlags::APPEND;
    read(directory).is_ok_and(|flags| !flags.is_empty())
        && ioctl_getflags(directory).is_ok_and(|flags| !(flags - own).is_empty())
}

/// Clears what forbids to change a directory or file. File systems without such flags have nothing to clear.
pub(super) fn undo_immutable(file: BorrowedFd<'_>) -> Result<()> {
    let Ok(now) = ioctl_getflags(file) else { return Ok(()) };
    // Upstream clears the first of them alone, but the other forbids replacing and removing as well.
    let flags = now - (IFlags::IMMUTABLE | IFlags::APPEND);
    if flags == now { Ok(()) } else { Ok(ioctl_setflags(file, flags)?) }
}
