//! Nameless files for what has to be kept for a while: nothing of them is left, whatever happens.

use std::os::fd::OwnedFd;

use rustix::fs::{self, MemfdFlags, Mode, OFlags};

use super::RemoteFile;
use crate::error::{Context as _, Result};
use crate::fs::blob;

/// An empty file in the temporary directory, or in memory if there can be none.
///
/// # Errors
///
/// If neither is possible.
pub(crate) fn file() -> Result<OwnedFd> {
    let directory = std::env::var_os("TMPDIR").unwrap_or_else(|| "/var/tmp".into());
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match fs::open(&directory, flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => Ok(file),
        Err(_) => memory(),
    }
}

/// An empty file in memory.
///
/// # Errors
///
/// If there can be none.
pub(crate) fn memory() -> Result<OwnedFd> {
    fs::memfd_create("casync", MemfdFlags::CLOEXEC).context(|| "make a file in memory")
}

/// All of a file elsewhere, in a file in memory: indexes are small.
///
/// # Errors
///
/// Those of reading it.
pub(crate) fn fetch(file: &dyn RemoteFile) -> Result<OwnedFd> {
    keep(file, memory()?)
}

/// All of a file elsewhere that may be large, in a nameless file.
///
/// # Errors
///
/// Those of reading it, and if there is no room.
pub(crate) fn fetch_large(file: &dyn RemoteFile) -> Result<OwnedFd> {
    keep(file, self::file()?)
}

fn keep(file: &dyn RemoteFile, spool: OwnedFd) -> Result<OwnedFd> {
    file.read(&mut |bytes| blob::write_all(&spool, bytes).context(|| format!("keep {}", file.name())))?;
    fs::seek(&spool, fs::SeekFrom::Start(0))?;
    Ok(spool)
}
