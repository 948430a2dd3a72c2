//! Indexes and archives below one directory. Everything here blocks.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use casync_core::Limits;
use casync_core::archive::Decoder;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, RawDir, Stat};
use rustix::io::Errno;
use serde::Serialize;

use super::range::Validators;
use crate::error::{Context as _, Error, Result};
use crate::flow::input::{FileSource, Flow, Index, pump};
use crate::fs::beneath::{self, Mounts};
use crate::fs::output::temporary_name;
use crate::locator::{self, Suffix};

/// The directory.
#[derive(Debug)]
pub(super) struct Files(OwnedFd);

/// A file to be sent.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) file: File,
    pub(super) size: u64,
    pub(super) state: Validators,
}

/// What is in a directory.
#[derive(Debug, Serialize)]
pub(super) struct Listing {
    files: Vec<Listed>,
    directories: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    bytes: u64,
    modified: String,
}

impl Files {
    /// Entries of a directory that are shown.
    const LISTED_MAX: usize = 10_000;

    /// Opens the directory.
    ///
    /// # Errors
    ///
    /// If that is not possible.
    pub(super) fn open(path: &std::path::Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        fs::open(path, flags, Mode::empty()).context(|| format!("open the directory {path:?}")).map(Self)
    }

    /// A directory below it.
    fn directory(&self, path: &[CString]) -> Result<Option<OwnedFd>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let mut directory = rustix::io::fcntl_dupfd_cloexec(&self.0, 3)?;
        for name in path {
            directory = match open(&directory, name, flags)? {
                Some(directory) => directory,
                None => return Ok(None),
            };
        }
        Ok(Some(directory))
    }

    /// Opens a file; `None` if there is none.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub(super) fn file(&self, path: &[CString], name: &CStr) -> Result<Option<Served>> {
        let Some(directory) = self.directory(path)? else { return Ok(None) };
        // Somebody may have put a FIFO there.
        let Some(file) = open(&directory, name, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)? else {
            return Ok(None);
        };
        let stat = fs::fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Ok(None);
        }
        Ok(Some(Served { file: file.into(), size: stat.st_size as u64, state: validators(&stat) }))
    }

    /// The state of what is there.
    ///
    /// # Errors
    ///
    /// If that cannot be told.
    pub(super) fn state(&self, path: &[CString], name: &CStr) -> Result<Option<Validators>> {
        Ok(self.file(path, name)?.map(|served| served.state))
    }

    /// Lists a directory; `None` if there is none.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub(super) fn list(&self, path: &[CString]) -> Result<Option<Listing>> {
        let Some(directory) = self.directory(path)? else { return Ok(None) };
        let mut listing = Listing { files: Vec::new(), directories: Vec::new() };
        // A descriptor of its own: listing moves the offset.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let listed = fs::openat(&directory, c".", flags, Mode::empty())?;
        let mut space = Vec::with_capacity(64 << 10);
        let mut entries = RawDir::new(&listed, space.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            // A name that is no UTF-8 cannot be told in JSON.
            let Ok(text) = name.to_str() else { continue };
            if text.starts_with('.') || listing.files.len() + listing.directories.len() >= Self::LISTED_MAX {
                continue;
            }
            let Ok(stat) = fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile if locator::suffix(format!("./{text}").as_ref()).is_some() => {
                    let modified = jiff::Timestamp::try_from(modified(&stat)).unwrap_or_default().to_string();
                    listing.files.push(Listed { name: text.to_owned(), bytes: stat.st_size as u64, modified });
                }
                FileType::Directory if !text.ends_with(".castr") => listing.directories.push(text.to_owned()),
                _ => {}
            }
        }
        listing.files.sort_by(|a, b| a.name.cmp(&b.name));
        listing.directories.sort();
        Ok(Some(listing))
    }

    /// Begins an upload; `None` if its directory does not exist.
    ///
    /// # Errors
    ///
    /// If nothing can be written there.
    pub(super) fn create(&self, path: &[CString], name: &CStr) -> Result<Option<Upload>> {
        let Some(directory) = self.directory(path)? else { return Ok(None) };
        let temporary = temporary_name(std::ffi::OsStr::from_bytes(name.to_bytes()));
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = fs::openat(&directory, &temporary, flags, Mode::from_raw_mode(0o666))
            .context(|| format!("create {name:?}"))?;
        let temporary = CString::new(temporary.as_bytes()).map_err(|_| Errno::INVAL)?;
        Ok(Some(Upload { directory, file: file.into(), temporary, name: name.to_owned(), installed: false }))
    }
}

/// A file that is uploaded. It has no name that anybody can ask for until it is complete.
#[derive(Debug)]
pub(super) struct Upload {
    directory: OwnedFd,
    file: File,
    temporary: CString,
    name: CString,
    installed: bool,
}

impl Upload {
    /// Adds a piece.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).context(|| format!("write {:?}", self.name))
    }

    /// Reads all of it as what its name says that it is.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn check(&self) -> Result<()> {
        let fd = rustix::io::fcntl_dupfd_cloexec(&self.file, 3)?;
        let name = [b"./", self.name.to_bytes()].concat();
        match locator::suffix(std::ffi::OsStr::from_bytes(&name)) {
            Some(Suffix::ArchiveIndex | Suffix::BlobIndex) => {
                let mut index = Index::open(fd)?;
                let mut number = 0;
                while index.get(number)?.is_some() {
                    number += 1;
                }
                Ok(())
            }
            Some(Suffix::Archive) => {
                fs::seek(&fd, fs::SeekFrom::Start(0))?;
                let mut decoder = Decoder::new(&Limits::default());
                pump(&mut FileSource::new(fd)?, &mut decoder, |_| Ok(Flow::Continue))
            }
            _ => Err(Error::new(Errno::OPNOTSUPP, "only .caidx, .caibx and .catar files can be uploaded")),
        }
    }

    /// Gives it its name; it and its name survive a crash.
    ///
    /// # Errors
    ///
    /// If that is not possible.
    pub(super) fn install(mut self) -> Result<()> {
        let what = || format!("install {:?}", self.name);
        self.file.sync_all().context(what)?;
        fs::renameat(&self.directory, &self.temporary, &self.directory, &self.name).context(what)?;
        self.installed = true;
        // Not every file system can.
        let _ = fs::fsync(self.directory.as_fd());
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.installed {
            let _ = fs::unlinkat(&self.directory, &self.temporary, AtFlags::empty());
        }
    }
}

/// Opens an entry without following links; `None` if it is not there, or leads elsewhere.
fn open(directory: &OwnedFd, name: &CStr, flags: OFlags) -> Result<Option<OwnedFd>> {
    match beneath::open(directory, name, flags, Mode::empty(), Mounts::Enter) {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV | Errno::NAMETOOLONG) => Ok(None),
        Err(errno) => Err(Error::from(errno).context(format!("open {name:?}"))),
    }
}

fn modified(stat: &Stat) -> SystemTime {
    let seconds = Duration::from_secs(u64::try_from(stat.st_mtime).unwrap_or(0));
    UNIX_EPOCH + seconds + Duration::from_nanos(stat.st_mtime_nsec)
}

fn validators(stat: &Stat) -> Validators {
    let etag = format!("\"{:x}-{:x}-{:x}.{:x}\"", stat.st_ino, stat.st_size, stat.st_mtime, stat.st_mtime_nsec);
    Validators { etag, modified: Some(modified(stat)) }
}

/// The directories that lead to a file.
pub(super) type Path = Vec<CString>;
/// The name of a file.
pub(super) type Name = CString;
