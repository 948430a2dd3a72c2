//! Reading of `.caexclude` files.

use std::io::Read as _;
use std::os::fd::OwnedFd;

use casync_core::archive::ExcludeFile;
use rustix::fs::{self as os, Mode, OFlags};
use rustix::io::Errno;

use crate::error::{Context as _, Error, Result};

/// Name of such files, exactly.
pub(crate) const NAME: &[u8] = b".caexclude";

/// More than anybody writes by hand.
pub(crate) const SIZE_MAX: u64 = 16 << 20;

/// Reads the file of a directory that has one. Links are followed, as upstream does.
pub(super) fn read(directory: &OwnedFd) -> Result<ExcludeFile> {
    let read = || -> Result<ExcludeFile> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
        let file = os::openat(directory, NAME, flags, Mode::empty())?;
        let mut text = Vec::new();
        std::fs::File::from(file).take(SIZE_MAX + 1).read_to_end(&mut text)?;
        if text.len() as u64 > SIZE_MAX {
            return Err(Error::from(Errno::NOBUFS));
        }
        Ok(ExcludeFile::parse(&text)?)
    };
    read().context(|| "read its .caexclude")
}
