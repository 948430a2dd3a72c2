//! A store in a directory.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use casync_core::CHUNK_MAX;
use casync_core::chunk::ChunkId;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::layout::Layout;
use super::{Form, Put, Store};
use crate::error::{Context, Error, Result};
use crate::sys::random_u64;

/// Room beyond the plain size that a compressed chunk may need; incompressible data grows a little.
const FRAME_OVERHEAD: u64 = 1 << 20;

/// Chunks as files in prefix directories.
///
/// Writing needs few system calls: the prefix directories that exist are listed once, so that nobody asks for files in
/// directories that are not there. Another process may add some meanwhile; then a chunk is written in vain, and dropped
/// when its name turns out to be taken.
#[derive(Debug)]
pub struct LocalStore {
    path: PathBuf,
    name: String,
    layout: Layout,
    /// `None` until the store exists.
    directory: OnceLock<OwnedFd>,
    prefixes: Prefixes,
}

impl LocalStore {
    /// A store for reading. It must exist.
    ///
    /// # Errors
    ///
    /// If it cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        let store = Self::new(path);
        let directory = open_directory(path)?;
        let _ = store.directory.set(directory);
        store.prefixes.set_all();
        Ok(store)
    }

    /// A store for reading that need not exist: then it has no chunks.
    ///
    /// # Errors
    ///
    /// If it cannot be opened for another reason.
    pub fn for_reading(path: &Path) -> Result<Self> {
        match Self::open(path) {
            Err(error) if error.is_not_found() => Ok(Self::new(path)),
            opened => opened,
        }
    }

    /// A store for writing. Its directory is made when the first chunk is put.
    ///
    /// # Errors
    ///
    /// If something else is in its place, or it cannot be read.
    pub fn open_or_create(path: &Path) -> Result<Self> {
        let store = Self::new(path);
        match open_directory(path) {
            Ok(directory) => {
                store.prefixes.list(&directory).context(|| format!("list store {:?}", store.name))?;
                let _ = store.directory.set(directory);
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
        Ok(store)
    }

    fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            name: path.to_string_lossy().into_owned(),
            layout: Layout::from_environment(),
            directory: OnceLock::new(),
            prefixes: Prefixes::default(),
        }
    }

    /// Device and inode of the store's directory, once it exists.
    pub fn identity(&self) -> Option<(u64, u64)> {
        let stat = fs::fstat(self.directory.get()?).ok()?;
        Some((stat.st_dev, stat.st_ino))
    }

    /// Makes the store's directory now, so that [`Self::identity`] is known.
    ///
    /// # Errors
    ///
    /// If that is not possible.
    pub fn create(&self) -> Result<()> {
        self.directory().map(|_| ())
    }

    /// The directory, which is made if it does not exist.
    fn directory(&self) -> Result<&OwnedFd> {
        if let Some(directory) = self.directory.get() {
            return Ok(directory);
        }
        match fs::mkdir(&self.path, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(Error::from(errno).context(format!("create store {:?}", self.name))),
        }
        let directory = open_directory(&self.path)?;
        // Another thread may have been faster; either descriptor will do.
        Ok(self.directory.get_or_init(|| directory))
    }

    fn what(&self, verb: &str, id: &ChunkId) -> String {
        format!("{verb} chunk {id} in store {:?}", self.name)
    }

    /// Makes the prefix directory if it was not there when the store was opened.
    fn ensure_prefix(&self, directory: &OwnedFd, id: &ChunkId) -> Result<()> {
        if self.prefixes.contains(id) {
            return Ok(());
        }
        match fs::mkdirat(directory, Layout::prefix(id), Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {
                self.prefixes.insert(id.prefix());
                Ok(())
            }
            Err(errno) => Err(Error::from(errno).context(self.what("make directory for", id))),
        }
    }

    fn write(&self, directory: &OwnedFd, temporary: &str, bytes: &[u8]) -> Result<(), Errno> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = fs::openat(directory, temporary, flags, Mode::from_raw_mode(0o444))?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let written = match rustix::io::write(&file, rest) {
                Err(Errno::INTR) => continue,
                result => result?,
            };
            rest = &rest[written..];
        }
        Ok(())
    }

    /// Gives a written chunk its name, unless that is taken by a chunk that can be read.
    fn install(&self, directory: &OwnedFd, temporary: &str, path: &str) -> Result<Put, Errno> {
        match fs::renameat_with(directory, temporary, directory, path, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(Put::Stored),
            Err(Errno::EXIST) => {
                if self.is_usable(directory, path)? {
                    return Ok(Put::Existed);
                }
            }
            // Not every file system knows NOREPLACE.
            Err(Errno::INVAL | Errno::NOSYS) => {
                if self.is_usable(directory, path)? {
                    return Ok(Put::Existed);
                }
            }
            Err(errno) => return Err(errno),
        }
        fs::renameat(directory, temporary, directory, path).map(|()| Put::Stored)
    }

    /// Whether a file can be a chunk: not empty, as after a crash, and not a mark for a missing one.
    fn is_usable(&self, directory: &OwnedFd, path: &str) -> Result<bool, Errno> {
        self.usable_size(directory, path).map(|size| size.is_some())
    }

    /// The size of a file that can be a chunk.
    fn usable_size(&self, directory: &OwnedFd, path: &str) -> Result<Option<u64>, Errno> {
        match fs::statat(directory, path, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                let usable = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_size > 0;
                Ok(usable.then_some(stat.st_size as u64))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }
}

impl Store for LocalStore {
    fn get(&self, id: &ChunkId, form: Form, buffer: &mut Vec<u8>) -> Result<bool> {
        let Some(directory) = self.directory.get().filter(|_| self.prefixes.contains(id)) else {
            return Ok(false);
        };
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::NONBLOCK;
        let file = match fs::openat(directory, self.layout.path(id, form), flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(false),
            // A symbolic link in a chunk's place marks it as known to be missing.
            Err(Errno::LOOP) => {
                return Err(Error::new(Errno::ADDRNOTAVAIL, "marked as missing").context(self.what("read", id)));
            }
            Err(errno) => return Err(Error::from(errno).context(self.what("read", id))),
        };
        read_whole(&file, buffer).map_err(|error| error.context(self.what("read", id)))?;
        Ok(true)
    }

    fn has(&self, id: &ChunkId) -> Result<bool> {
        let Some(directory) = self.directory.get().filter(|_| self.prefixes.contains(id)) else {
            return Ok(false);
        };
        for form in Form::ALL {
            let usable = self.is_usable(directory, &self.layout.path(id, form));
            if usable.map_err(|errno| Error::from(errno).context(self.what("look for", id)))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn stored_size(&self, id: &ChunkId) -> Result<Option<u64>> {
        let Some(directory) = self.directory.get().filter(|_| self.prefixes.contains(id)) else {
            return Ok(None);
        };
        for form in Form::ALL {
            let size = self.usable_size(directory, &self.layout.path(id, form));
            if let Some(size) = size.map_err(|errno| Error::from(errno).context(self.what("look for", id)))? {
                return Ok(Some(size));
            }
        }
        Ok(None)
    }

    fn put(&self, id: &ChunkId, form: Form, bytes: &[u8]) -> Result<Put> {
        let directory = self.directory()?;
        self.ensure_prefix(directory, id)?;
        let temporary = Layout::temporary(id, random_u64());
        let put = self.write(directory, &temporary, bytes).and_then(|()| {
            let path = self.layout.path(id, form);
            self.install(directory, &temporary, &path)
        });
        if !matches!(put, Ok(Put::Stored)) {
            let _ = fs::unlinkat(directory, &temporary, AtFlags::empty());
        }
        put.map_err(|errno| Error::from(errno).context(self.what("write", id)))
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// One bit for each prefix directory that may be asked.
#[derive(Debug)]
struct Prefixes(Box<[AtomicU64]>);

impl Default for Prefixes {
    fn default() -> Self {
        Self((0..1024).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Prefixes {
    fn contains(&self, id: &ChunkId) -> bool {
        let (word, bit) = Self::place(id.prefix());
        self.0[word].load(Ordering::Acquire) & bit != 0
    }

    fn insert(&self, prefix: u16) {
        let (word, bit) = Self::place(prefix);
        self.0[word].fetch_or(bit, Ordering::Release);
    }

    fn set_all(&self) {
        self.0.iter().for_each(|word| word.store(u64::MAX, Ordering::Release));
    }

    /// Takes in the directories that exist.
    fn list(&self, directory: &OwnedFd) -> Result<(), Errno> {
        let mut space = Vec::with_capacity(64 << 10);
        // A descriptor of its own: listing moves the offset.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let listed = fs::openat(directory, c".", flags, Mode::empty())?;
        let mut entries = fs::RawDir::new(&listed, space.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            if let Some(prefix) = Layout::parse_prefix(entry?.file_name().to_bytes()) {
                self.insert(prefix);
            }
        }
        Ok(())
    }

    const fn place(prefix: u16) -> (usize, u64) {
        (prefix as usize / 64, 1 << (prefix % 64))
    }
}

fn open_directory(path: &Path) -> Result<OwnedFd> {
    let path: &Path = if path.as_os_str().is_empty() { Path::new(OsStr::new(".")) } else { path };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    fs::open(path, flags, Mode::empty()).context(|| format!("open store {path:?}"))
}

/// Reads a file from its start to its end, replacing the contents of `buffer`.
fn read_whole(file: &OwnedFd, buffer: &mut Vec<u8>) -> Result<()> {
    /// More than nearly every compressed chunk has at default sizes: one read is then enough.
    const FIRST: usize = 320 << 10;
    buffer.clear();
    buffer.reserve(FIRST);
    loop {
        let room = buffer.capacity() - buffer.len();
        let read = match rustix::io::read(file, rustix::buffer::spare_capacity(buffer)) {
            Err(Errno::INTR) => continue,
            result => result?,
        };
        if buffer.len() as u64 > CHUNK_MAX + FRAME_OVERHEAD {
            return Err(Error::new(Errno::BADMSG, "the file is larger than any chunk"));
        }
        // A short read is the end of a regular file.
        if read < room {
            return Ok(());
        }
        buffer.reserve(buffer.len());
    }
}
