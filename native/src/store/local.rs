//! A store in a directory.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use casync_core::CHUNK_MAX;
use casync_core::chunk::ChunkId;
use casync_core::gc::StoreFile;
use rustix::fs::{
    self, AtFlags, FileType, Mode, OFlags, RenameFlags, Stat, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT,
};
use rustix::io::Errno;

use super::layout::Layout;
use super::{Directories, Form, Inventory, Item, Listed, Put, Store, lock};
use crate::error::{Context, Error, Result};
use crate::sys::random_u64;

/// Room beyond the plain size that a compressed chunk may need; incompressible data grows a little.
pub(crate) const FRAME_OVERHEAD: u64 = 1 << 20;
/// More than any chunk takes as it is stored.
pub(crate) const STORED_MAX: u64 = CHUNK_MAX + FRAME_OVERHEAD;

/// How old the last mark of use may be when a chunk is found again: marks cost a write to the inode. Garbage collection that
/// goes by age must be far slower to act than this.
pub(crate) const MARK_AFTER: Duration = Duration::from_secs(60);

/// Chunks as files in prefix directories.
///
/// Whoever may write shares a lock on the directory (see `lock`) until the store is dropped, which is to be after the index
/// that needs its chunks has its name.
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
    /// Whether nothing will be written to it.
    is_for_reading: bool,
}

impl LocalStore {
    /// A store for reading. It must exist.
    ///
    /// # Errors
    ///
    /// If it cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        let store = Self { is_for_reading: true, ..Self::new(path) };
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
            Err(error) if error.is_not_found() => Ok(Self { is_for_reading: true, ..Self::new(path) }),
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
                lock::share(&directory, &store.name)?;
                store.prefixes.list(&directory).context(|| format!("list store {:?}", store.name))?;
                let _ = store.directory.set(directory);
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
        Ok(store)
    }

    /// A store that others write to, too, for a long time: it is asked for every chunk, whatever there was at first.
    /// `writes`: its directory is made if it does not exist, and garbage collection hears of us.
    ///
    /// # Errors
    ///
    /// If it cannot be used.
    pub fn open_shared(path: &Path, writes: bool) -> Result<Self> {
        if !writes {
            return Self::open(path);
        }
        let store = Self::open_or_create(path)?;
        store.create()?;
        store.prefixes.set_all();
        Ok(store)
    }

    /// A store that chunks may vanish from at any time: nobody has to wait for anybody.
    ///
    /// # Errors
    ///
    /// If there is none and none can be made, or it cannot be used.
    pub(super) fn open_cache(path: &Path) -> Result<Self> {
        let made = std::fs::create_dir_all(path).context(|| format!("create the cache {path:?}"));
        made.and_then(|()| Self::open(path))
    }

    /// Removes the file of a chunk; false if there was none, or it cannot be removed.
    pub(super) fn remove(&self, id: &ChunkId, form: Form) -> bool {
        let path = self.layout.path(id, form);
        self.directory.get().is_some_and(|directory| fs::unlinkat(directory, path, AtFlags::empty()).is_ok())
    }

    /// Opens the file of a chunk; `None` if there is none.
    ///
    /// # Errors
    ///
    /// If it cannot be opened, or is no chunk.
    pub(crate) fn file(&self, id: &ChunkId, form: Form) -> Result<Option<(std::fs::File, Stat)>> {
        let Some(directory) = self.directory.get().filter(|_| self.prefixes.contains(id)) else { return Ok(None) };
        let opened = open_chunk(directory, self.layout.path(id, form)).and_then(|file| match file {
            Some(file) => Ok(Some((fs::fstat(&file)?, file))),
            None => Ok(None),
        });
        let Some((stat, file)) = opened.map_err(|error| error.context(self.what("read", id)))? else { return Ok(None) };
        // An empty file is what a crash left.
        let is_chunk = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_size > 0;
        Ok(is_chunk.then(|| (std::fs::File::from(file), stat)))
    }

    fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            name: path.to_string_lossy().into_owned(),
            layout: Layout::from_environment(),
            directory: OnceLock::new(),
            prefixes: Prefixes::default(),
            is_for_reading: false,
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
        lock::share(&directory, &self.name)?;
        // Another thread may have been faster; either descriptor will do.
        Ok(self.directory.get_or_init(|| directory))
    }

    /// Reads from the directory that is now in the store's place, if it is another one: a mount lives longer than a store that
    /// is replaced, or comes back.
    fn read_anew(&self, path: &str, buffer: &mut Vec<u8>) -> Result<bool> {
        let Ok(now) = fs::stat(&self.path) else { return Ok(false) };
        if self.identity() == Some((now.st_dev, now.st_ino)) {
            return Ok(false);
        }
        read_chunk(&open_directory(&self.path)?, path, buffer)
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

    /// Writes a temporary file; a prefix directory that was removed meanwhile is made again.
    fn write(&self, directory: &OwnedFd, id: &ChunkId, temporary: &str, bytes: &[u8]) -> Result<OwnedFd, Errno> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let create = || fs::openat(directory, temporary, flags, Mode::from_raw_mode(0o444));
        let file = match create() {
            Err(Errno::NOENT) => match fs::mkdirat(directory, Layout::prefix(id), Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => create()?,
                Err(errno) => return Err(errno),
            },
            created => created?,
        };
        let mut rest = bytes;
        while !rest.is_empty() {
            let written = match rustix::io::write(&file, rest) {
                Err(Errno::INTR) => continue,
                result => result?,
            };
            rest = &rest[written..];
        }
        Ok(file)
    }

    /// Gives a written chunk its name, unless that is taken by a chunk that can be read.
    fn install(&self, directory: &OwnedFd, temporary: &str, path: &str) -> Result<Put, Errno> {
        match fs::renameat_with(directory, temporary, directory, path, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(Put::Stored),
            // Not every file system knows NOREPLACE.
            Err(Errno::EXIST | Errno::INVAL | Errno::NOSYS) => {
                if self.usable(directory, path)?.is_some_and(|stat| mark_in_use(directory, path, &stat)) {
                    return Ok(Put::Existed);
                }
            }
            Err(errno) => return Err(errno),
        }
        fs::renameat(directory, temporary, directory, path).map(|()| Put::Stored)
    }

    /// The state of a file that can be a chunk: not empty, as after a crash, and not a mark for a missing one.
    fn usable(&self, directory: &OwnedFd, path: &str) -> Result<Option<Stat>, Errno> {
        match fs::statat(directory, path, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                let usable = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_size > 0;
                Ok(usable.then_some(stat))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// Looks for a chunk in all forms; `accept` sees each that there is.
    fn find(&self, id: &ChunkId, accept: impl Fn(&OwnedFd, &str, &Stat) -> bool) -> Result<bool> {
        let Some(directory) = self.directory.get().filter(|_| self.prefixes.contains(id)) else {
            return Ok(false);
        };
        for form in Form::ALL {
            let path = self.layout.path(id, form);
            let usable = self.usable(directory, &path);
            let usable = usable.map_err(|errno| Error::from(errno).context(self.what("look for", id)))?;
            if usable.is_some_and(|stat| accept(directory, &path, &stat)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Store for LocalStore {
    fn get(&self, id: &ChunkId, form: Form, buffer: &mut Vec<u8>) -> Result<bool> {
        let path = self.layout.path(id, form);
        let read = match self.directory.get().filter(|_| self.prefixes.contains(id)) {
            Some(directory) => read_chunk(directory, &path, buffer),
            None => Ok(false),
        };
        let read = match read {
            Ok(false) if self.is_for_reading => self.read_anew(&path, buffer),
            read => read,
        };
        read.map_err(|error| error.context(self.what("read", id)))
    }

    fn has(&self, id: &ChunkId) -> Result<bool> {
        self.find(id, |_, _, _| true)
    }

    fn hold(&self, id: &ChunkId) -> Result<bool> {
        self.find(id, mark_in_use)
    }

    fn stored_size(&self, id: &ChunkId) -> Result<Option<u64>> {
        let Some(directory) = self.directory.get().filter(|_| self.prefixes.contains(id)) else {
            return Ok(None);
        };
        for form in Form::ALL {
            let found = self.usable(directory, &self.layout.path(id, form));
            if let Some(stat) = found.map_err(|errno| Error::from(errno).context(self.what("look for", id)))? {
                return Ok(Some(stat.st_size as u64));
            }
        }
        Ok(None)
    }

    fn put(&self, id: &ChunkId, form: Form, bytes: &[u8]) -> Result<Put> {
        let directory = self.directory()?;
        self.ensure_prefix(directory, id)?;
        let temporary = Layout::temporary(id, random_u64());
        let put = self.write(directory, id, &temporary, bytes).and_then(|_| {
            let path = self.layout.path(id, form);
            self.install(directory, &temporary, &path)
        });
        if !matches!(put, Ok(Put::Stored)) {
            let _ = fs::unlinkat(directory, &temporary, AtFlags::empty());
        }
        put.map_err(|errno| Error::from(errno).context(self.what("write", id)))
    }

    fn path(&self, id: &ChunkId, form: Form) -> String {
        self.layout.path(id, form)
    }

    fn inventory(&self) -> Option<&dyn Inventory> {
        Some(self)
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Inventory for LocalStore {
    fn list(&self, take: &mut dyn FnMut(Listed) -> Result<()>) -> Result<()> {
        if self.directory.get().is_none() {
            return Ok(());
        }
        let mut directories = Directories::open(&self.path)?;
        directories.list()?;
        while let Some(directory) = directories.next()? {
            for file in &directory.files {
                let path = format!("{}/{}", directory.name.to_string_lossy(), file.to_string_lossy());
                let StoreFile::Chunk { id, compressed } = directory.classify(file) else {
                    take(Listed::Stranger(path))?;
                    continue;
                };
                let stat = match fs::statat(&directory.fd, file, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => stat,
                    Err(Errno::NOENT) => continue,
                    Err(errno) => return Err(Error::from(errno).context(self.what("look at", &id))),
                };
                let form = if compressed { Form::Compressed } else { Form::Plain };
                let modified = u64::try_from(stat.st_mtime).ok().map(|time| UNIX_EPOCH + Duration::from_secs(time));
                take(Listed::Chunk(Item { id, form, size: Some(stat.st_size as u64), modified, path }))?;
            }
        }
        directories.strangers().try_for_each(|name| take(Listed::Stranger(name)))
    }

    fn remove(&self, items: Vec<Item>, done: &mut dyn FnMut(&Item, Result<()>)) {
        for item in &items {
            let removed =
                self.directory().and_then(|directory| match fs::unlinkat(directory, &item.path, AtFlags::empty()) {
                    Ok(()) | Err(Errno::NOENT) => Ok(()),
                    Err(errno) => Err(Error::from(errno).context(self.what("remove", &item.id))),
                });
            done(item, removed);
        }
    }

    fn replace(&self, id: &ChunkId, path: &str, bytes: &[u8]) -> Result<()> {
        let directory = self.directory()?;
        self.ensure_prefix(directory, id)?;
        let temporary = Layout::temporary(id, random_u64());
        // The bytes are on the disk before the old ones go.
        let written = self.write(directory, id, &temporary, bytes).and_then(|file| {
            fs::fsync(&file)?;
            fs::renameat(directory, &temporary, directory, path)
        });
        if written.is_err() {
            let _ = fs::unlinkat(directory, &temporary, AtFlags::empty());
        }
        written.map_err(|errno| Error::from(errno).context(self.what("replace", id)))
    }
}

/// Says by the modification time of a chunk's file that somebody is going to rely on it, unless that says so already. False:
/// it is gone.
fn mark_in_use(directory: &OwnedFd, path: &str, stat: &Stat) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let marked = u64::try_from(stat.st_mtime).is_ok_and(|time| time.saturating_add(MARK_AFTER.as_secs()) > now);
    if marked {
        return true;
    }
    let to_now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let times = Timestamps { last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT }, last_modification: to_now };
    // Whoever may not touch it, in a store that belongs to somebody else, has the lock alone for protection.
    !matches!(fs::utimensat(directory, path, &times, AtFlags::SYMLINK_NOFOLLOW), Err(Errno::NOENT))
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

pub(super) fn open_directory(path: &Path) -> Result<OwnedFd> {
    let path: &Path = if path.as_os_str().is_empty() { Path::new(OsStr::new(".")) } else { path };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    fs::open(path, flags, Mode::empty()).context(|| format!("open store {path:?}"))
}

/// Reads the file of a chunk into `buffer`; false if there is none.
pub(super) fn read_chunk(directory: &OwnedFd, path: impl rustix::path::Arg, buffer: &mut Vec<u8>) -> Result<bool> {
    match open_chunk(directory, path)? {
        Some(file) => read_whole(&file, buffer).map(|()| true),
        None => Ok(false),
    }
}

fn open_chunk(directory: &OwnedFd, path: impl rustix::path::Arg) -> Result<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::NONBLOCK;
    match fs::openat(directory, path, flags, Mode::empty()) {
        Ok(file) => Ok(Some(file)),
        Err(Errno::NOENT) => Ok(None),
        // A symbolic link in a chunk's place marks it as known to be missing.
        Err(Errno::LOOP) => Err(Error::new(Errno::ADDRNOTAVAIL, "marked as missing")),
        Err(errno) => Err(errno.into()),
    }
}

/// Reads a file from its start to its end, replacing the contents of `buffer`.
pub(crate) fn read_whole(file: &OwnedFd, buffer: &mut Vec<u8>) -> Result<()> {
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
        if buffer.len() as u64 > STORED_MAX {
            return Err(Error::new(Errno::BADMSG, "the file is larger than any chunk"));
        }
        // A short read is the end of a regular file.
        if read < room {
            return Ok(());
        }
        buffer.reserve(buffer.len());
    }
}
