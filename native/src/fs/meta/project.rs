//! Quota project ids.

use std::os::fd::BorrowedFd;

use rustix::io::Errno;

use super::is_unsupported;
use crate::error::{Error, Result};
use crate::fs::magic;
use crate::sys;

/// The project id of a regular file or directory; `None` for 0 and on file systems without.
pub(super) fn read(file: BorrowedFd<'_>, magic: u64) -> Result<Option<u32>> {
    if !matches!(magic, magic::EXT | magic::XFS | magic::FUSE) {
        return Ok(None);
    }
    match sys::project_id(file) {
        Ok(id) => Ok((id != 0).then_some(id)),
        Err(errno) if is_unsupported(errno) => Ok(None),
        Err(errno) => Err(Error::from(errno).context("read quota project id")),
    }
}

/// Sets the project id; `None` is 0.
pub(super) fn apply(file: BorrowedFd<'_>, id: Option<u32>) -> Result<()> {
    match sys::set_project_id(file, id.unwrap_or(0)) {
        Err(errno) if is_unsupported(errno) && id.is_none() => Ok(()),
        Err(errno) if is_unsupported(errno) => Err(Errno::OPNOTSUPP.into()),
        set => Ok(set?),
    }
}

/// Whether new entries of a directory may get a project id from it.
pub(super) fn passes_on(directory: BorrowedFd<'_>) -> bool {
    sys::project_id(directory).is_ok_and(|id| id != 0)
}
