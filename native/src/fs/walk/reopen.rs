//! Opening a file again that the walk has shown before.

use std::os::fd::{AsFd as _, OwnedFd};

use rustix::fs::{self as os, Mode, OFlags};

use super::{OpenFile, Walk};
use crate::error::{Context as _, Error, Result};

impl Walk {
    /// Opens a regular file again by its path from the root; it may be another one by now. Links are not followed.
    ///
    /// # Errors
    ///
    /// If it is not there any more.
    pub fn reopen(&self, path: &[u8]) -> Result<OpenFile> {
        let what = || "it vanished while the directory was read";
        let root = self.open.first().map(|root| &root.fd).or(self.left.as_ref());
        let root = root.ok_or_else(|| Error::new(rustix::io::Errno::NOENT, "the walk has not begun"))?;
        let mut components = path.split(|&byte| byte == b'/');
        let name = components.next_back().unwrap_or_default();
        let mut directory: Option<OwnedFd> = None;
        for component in components {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let parent = directory.as_ref().unwrap_or(root).as_fd();
            directory = Some(os::openat(parent, component, flags, Mode::empty()).context(what)?);
        }
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let parent = directory.as_ref().unwrap_or(root).as_fd();
        let fd = os::openat(parent, name, flags | self.no_atime, Mode::empty()).context(what)?;
        let (stat, magic) = (os::fstat(&fd)?, os::fstatfs(&fd)?.f_type as u64);
        Ok(OpenFile { fd, stat, magic })
    }
}
