//! A disk as a file in a mount that has no place in any file system tree: nobody else can see it, and it is gone with the
//! last one who has the file open.

use std::ffi::OsStr;
use std::fs::File;
use std::io::PipeReader;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::sync::Arc;

use rustix::fs::{self as os, Mode, OFlags};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen};

use crate::disk::Disk;
use crate::error::{Context as _, Result};
use crate::mount::DiskFile;
use crate::mount::session;

/// The file, served.
#[derive(Debug)]
pub(super) struct PrivateFile {
    _mount: OwnedFd,
    ended: PipeReader,
}

impl PrivateFile {
    /// Mounts and opens it. `image` is what it is called for those who look at the device.
    ///
    /// The open file is to be closed as soon as somebody else has it open: the kernel asks who serves a file when a process
    /// closes it, and would wait for ever if that were this one, being killed.
    pub(super) fn new(disk: Arc<dyn Disk>, image: &OsStr) -> Result<(Self, File)> {
        let writable = disk.is_writable();
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let kernel = os::open("/dev/fuse", flags, Mode::empty()).context(|| "open \"/dev/fuse\"")?;
        let mount = mount(&kernel, writable).context(|| "mount a file system for the image")?;
        let size = disk.size();
        let ended = session::serve_privately(DiskFile::new(disk, size).named(image), kernel)?;
        let access = if writable { OFlags::RDWR } else { OFlags::RDONLY };
        let file = os::openat(&mount, image, access | OFlags::CLOEXEC, Mode::empty());
        let file = File::from(file.context(|| format!("open {image:?} in it"))?);
        Ok((Self { _mount: mount, ended }, file))
    }

    /// Can be read when it is served no longer.
    pub(super) const fn ended(&self) -> &PipeReader {
        &self.ended
    }
}

fn mount(kernel: &OwnedFd, writable: bool) -> rustix::io::Result<OwnedFd> {
    let context = fsopen("fuse", FsOpenFlags::FSOPEN_CLOEXEC)?;
    let context = context.as_fd();
    for (key, value) in [
        ("source", "casync"),
        ("subtype", "casync"),
        ("fd", &kernel.as_raw_fd().to_string()),
        ("rootmode", "40000"),
        ("user_id", "0"),
        ("group_id", "0"),
    ] {
        fsconfig_set_string(context, key, value)?;
    }
    fsconfig_create(context)?;
    let mut attributes =
        MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    attributes.set(MountAttrFlags::MOUNT_ATTR_RDONLY, !writable);
    fsmount(context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}
