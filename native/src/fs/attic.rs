//! A directory that keeps what garbage collection takes out of a store, laid out as a store itself.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{self as os, AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::error::{Context as _, Error, Result};
use crate::sys::random_u64;

/// The directory of `--backup`.
#[derive(Debug)]
pub struct Attic {
    directory: OwnedFd,
}

impl Attic {
    /// Opens the directory, which is made if it does not exist; not those above it.
    ///
    /// # Errors
    ///
    /// If that is not possible, or it is the store itself.
    pub fn open(path: &Path, store: &OwnedFd) -> Result<Self> {
        let what = || format!("open the backup directory {path:?}");
        match os::mkdir(path, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(Error::from(errno).context(what())),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = os::open(path, flags, Mode::empty()).context(what)?;
        let (own, stores) = (os::fstat(&directory)?, os::fstat(store)?);
        if (own.st_dev, own.st_ino) == (stores.st_dev, stores.st_ino) {
            return Err(Error::new(Errno::INVAL, "it is the store itself").context(what()));
        }
        Ok(Self { directory })
    }

    /// Moves a file here, across file systems if need be, to `prefix/name`.
    ///
    /// # Errors
    ///
    /// If it cannot be moved; then it is where it was.
    pub(crate) fn take_in(&self, from: BorrowedFd<'_>, file: &CStr, prefix: &CStr, name: &CStr) -> Result<(), Errno> {
        match os::mkdirat(&self.directory, prefix, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
        let target = joined(prefix, name.to_bytes())?;
        match os::renameat(from, file, &self.directory, &target) {
            Err(Errno::XDEV) => {}
            renamed => return renamed,
        }
        let temporary = joined(prefix, format!("{}.{:x}.tmp", name.to_string_lossy(), random_u64()).as_bytes())?;
        let copied = self.copy(from, file, &temporary);
        let copied = copied.and_then(|()| os::renameat(&self.directory, &temporary, &self.directory, &target));
        if copied.is_err() {
            let _ = os::unlinkat(&self.directory, &temporary, AtFlags::empty());
        }
        copied?;
        os::unlinkat(from, file, AtFlags::empty())
    }

    /// Copies a file or link so that it survives a crash: what it is a copy of is about to go.
    fn copy(&self, from: BorrowedFd<'_>, file: &CStr, to: &CStr) -> Result<(), Errno> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let source = match os::openat(from, file, flags, Mode::empty()) {
            Err(Errno::LOOP) => {
                let target = os::readlinkat(from, file, Vec::new())?;
                return os::symlinkat(&target, &self.directory, to);
            }
            source => source?,
        };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let copy = os::openat(&self.directory, to, flags, Mode::from_raw_mode(0o444))?;
        let (mut source, mut copy) = (File::from(source), File::from(copy));
        let copied = std::io::copy(&mut source, &mut copy).and_then(|_| copy.sync_all());
        copied.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
    }
}

fn joined(directory: &CStr, name: &[u8]) -> Result<CString, Errno> {
    CString::new([directory.to_bytes(), b"/", name].concat()).map_err(|_| Errno::INVAL)
}
