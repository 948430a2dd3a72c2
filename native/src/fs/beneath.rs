//! Opens what an archive names, below the output and nowhere else.
//!
//! Every name is one component and is looked up in a held directory. The kernel is told to resolve nothing that could
//! lead out of there: no link of any kind, no `..`, and where the caller says so no mount point either.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::LazyLock;

use rustix::fs::{self as os, AtFlags, CWD, Mode, OFlags, ResolveFlags, StatxFlags};
use rustix::io::Errno;

/// What to do about mount points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mounts {
    /// Open what is mounted there.
    Enter,
    /// Fail with `EXDEV`, for mounts of the same file system too.
    Refuse,
}

/// Whether the kernel has `openat2` (Linux 5.6) and no filter of system calls hides it. Asked once.
static HAS_OPENAT2: LazyLock<bool> = LazyLock::new(|| {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    os::openat2(CWD, c"/", flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS).is_ok()
});

/// Opens or makes an entry of `directory`.
pub(crate) fn open(
    directory: impl AsFd,
    name: &CStr,
    flags: OFlags,
    mode: Mode,
    mounts: Mounts,
) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    if !*HAS_OPENAT2 {
        return open_plainly(directory, name, flags, mode, mounts);
    }
    let mut resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    if mounts == Mounts::Refuse {
        resolve |= ResolveFlags::NO_XDEV;
    }
    os::openat2(directory, name, flags, mode, resolve)
}

/// The same without `openat2`: a name of one component that is not followed leads nowhere else either.
fn open_plainly(
    directory: impl AsFd,
    name: &CStr,
    flags: OFlags,
    mode: Mode,
    mounts: Mounts,
) -> Result<OwnedFd, Errno> {
    if matches!(name.to_bytes(), b"" | b"..") || name.to_bytes().contains(&b'/') {
        return Err(Errno::XDEV);
    }
    let opened = os::openat(&directory, name, flags, mode)?;
    if mounts == Mounts::Refuse && mount(&opened)? != mount(&directory)? {
        return Err(Errno::XDEV);
    }
    Ok(opened)
}

/// The number of the mount that an open file is on; `None` if the kernel does not tell.
pub(super) fn mount_id(fd: impl AsFd) -> Result<Option<u64>, Errno> {
    let status = os::statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)?;
    Ok((status.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(status.stx_mnt_id))
}

/// What tells mounts apart: their number, or before Linux 5.8 the device, which mounts of one file system share.
fn mount(fd: impl AsFd) -> Result<(bool, u64), Errno> {
    match mount_id(&fd) {
        Ok(Some(id)) => Ok((true, id)),
        _ => Ok((false, os::fstat(fd)?.st_dev)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ways to open agree on what leads out of a directory.
    #[test]
    fn nothing_leads_out() {
        let root = os::open("/", OFlags::DIRECTORY | OFlags::RDONLY, Mode::empty()).unwrap();
        let directory = os::openat(&root, "proc", OFlags::DIRECTORY | OFlags::RDONLY, Mode::empty()).unwrap();
        type Open = fn(&OwnedFd, &CStr, Mounts) -> Result<OwnedFd, Errno>;
        let ways: [Open; 2] = [
            |fd, name, mounts| open(fd, name, OFlags::RDONLY, Mode::empty(), mounts),
            |fd, name, mounts| open_plainly(fd, name, OFlags::RDONLY | OFlags::NOFOLLOW, Mode::empty(), mounts),
        ];
        for way in ways {
            assert_eq!(way(&directory, c"..", Mounts::Enter).err(), Some(Errno::XDEV));
            assert_eq!(way(&directory, c"/etc", Mounts::Enter).err(), Some(Errno::XDEV));
            // A symbolic link, and one that only the kernel can make.
            assert_eq!(way(&directory, c"mounts", Mounts::Enter).err(), Some(Errno::LOOP));
            assert_eq!(way(&directory, c"self", Mounts::Enter).err(), Some(Errno::LOOP));
            assert!(way(&directory, c"uptime", Mounts::Refuse).is_ok());
            // A mount point.
            assert!(way(&root, c"proc", Mounts::Enter).is_ok());
            assert_eq!(way(&root, c"proc", Mounts::Refuse).err(), Some(Errno::XDEV));
        }
    }
}
