//! All that lies in a local store, for those who clean up and check.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::path::Path;

use casync_core::gc::{StoreFile, is_chunk_directory};
use rustix::fs::{self, Mode, OFlags, RawDir};
use rustix::io::Errno;

use super::layout::Layout;
use super::local::{open_directory, read_chunk};
use crate::error::{Context as _, Error, Result};

/// The directories of a store, in the order in which the file system has them.
#[derive(Debug)]
pub struct Directories {
    store: OwnedFd,
    name: String,
    names: std::vec::IntoIter<CString>,
    /// What lies among them and has no business there.
    strangers: Vec<CString>,
    layout: Layout,
}

impl Directories {
    /// Opens a store.
    ///
    /// # Errors
    ///
    /// If it is no directory or cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let store = open_directory(path)?;
        Ok(Self {
            store,
            name: path.to_string_lossy().into_owned(),
            names: Vec::new().into_iter(),
            strangers: Vec::new(),
            layout: Layout::from_environment(),
        })
    }

    /// The directory of the store.
    pub const fn fd(&self) -> &OwnedFd {
        &self.store
    }

    /// What people call the store.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads which directories there are. To be called before [`Self::next`].
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn list(&mut self) -> Result<()> {
        let names = names(&self.store).context(|| format!("list store {:?}", self.name))?;
        let (directories, strangers) =
            names.into_iter().partition(|name: &CString| is_chunk_directory(name.to_bytes()));
        let directories: Vec<CString> = directories;
        self.names = directories.into_iter();
        self.strangers = strangers;
        Ok(())
    }

    /// Names of what is no directory of chunks; once.
    pub fn strangers(&mut self) -> impl Iterator<Item = String> + use<> {
        std::mem::take(&mut self.strangers).into_iter().map(|name| name.to_string_lossy().into_owned())
    }

    /// The next directory.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    #[expect(clippy::should_implement_trait, reason = "an iterator of results would go on after an error")]
    pub fn next(&mut self) -> Result<Option<ChunkDirectory>> {
        for name in self.names.by_ref() {
            let what = || format!("read directory {:?}", format!("{}/{}", self.name, name.to_string_lossy()));
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
            let fd = match fs::openat(&self.store, &name, flags, Mode::empty()) {
                Ok(fd) => fd,
                // Somebody else cleans up, too.
                Err(Errno::NOENT) => continue,
                Err(Errno::NOTDIR | Errno::LOOP) => {
                    self.strangers.push(name);
                    continue;
                }
                Err(errno) => return Err(Error::from(errno).context(what())),
            };
            let files = names(&fd).context(what)?;
            return Ok(Some(ChunkDirectory { name, fd, files, layout: self.layout.clone() }));
        }
        Ok(None)
    }
}

/// A directory of chunks.
#[derive(Debug)]
pub struct ChunkDirectory {
    /// Its name in the store.
    pub name: CString,
    /// The directory itself.
    pub fd: OwnedFd,
    /// Names of all that is in it, in the order in which the file system has them.
    pub files: Vec<CString>,
    layout: Layout,
}

impl ChunkDirectory {
    /// What one of its files is by its name.
    pub fn classify(&self, file: &CStr) -> StoreFile {
        StoreFile::of(self.name.to_bytes(), file.to_bytes(), self.layout.suffix())
    }

    /// Reads one of its files into `buffer`; false if it is gone.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn read(&self, file: &CStr, buffer: &mut Vec<u8>) -> Result<bool> {
        read_chunk(&self.fd, file, buffer)
    }
}

/// All names in a directory but `.` and `..`.
fn names(directory: &OwnedFd) -> Result<Vec<CString>, Errno> {
    let mut space = Vec::with_capacity(64 << 10);
    // A descriptor of its own: listing moves the offset.
    let listed = fs::openat(directory, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let mut entries = RawDir::new(&listed, space.spare_capacity_mut());
    let mut names = Vec::new();
    while let Some(entry) = entries.next() {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    Ok(names)
}
