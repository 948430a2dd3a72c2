//! The directory that `--cache=` names, and the files in it.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use casync_core::Limits;
use casync_core::archive::IdShift;
use casync_core::cache::{CacheSettings, CacheTable};
use casync_core::chunk::ChunkSizes;
use casync_core::hash::DigestAlgorithm;
use casync_core::record::FeatureFlags;
use rustix::fs::{self as os, FlockOperation, IFlags, Mode, OFlags};
use rustix::io::Errno;

use super::{Clock, Recorder};
use crate::error::{Context as _, Error, Result};
use crate::fs::output::AtomicFile;
use crate::ui::log;

/// How names of cache files begin.
const PREFIX: &str = "encoder-";

/// The cache of a run.
#[derive(Debug)]
pub struct EncoderCache {
    directory: OwnedFd,
    /// The file that this run reads, if it is there, and replaces.
    path: PathBuf,
    settings: CacheSettings,
    clock: Clock,
}

impl EncoderCache {
    /// The cache in a directory, which is made if it is missing, for a run with these settings over an open tree.
    ///
    /// # Errors
    ///
    /// If the directory cannot be made or opened, or is the tree.
    pub fn open(
        directory: &Path,
        tree: &OwnedFd,
        features: FeatureFlags,
        sizes: ChunkSizes,
        shift: IdShift,
    ) -> Result<Self> {
        let clock = Clock::start();
        let what = || format!("open cache {directory:?}");
        match os::mkdir(directory, Mode::from_raw_mode(0o777)) {
            Ok(()) => {
                // compat: upstream keeps its caches out of archives by this, so it would ours.
                let _ = open_directory(directory).map(|made| {
                    let flags = os::ioctl_getflags(&made).unwrap_or(IFlags::empty());
                    os::ioctl_setflags(&made, flags | IFlags::NODUMP)
                });
            }
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno).context(what),
        }
        let fd = open_directory(directory).context(what)?;
        if identity(&fd)? == identity(tree)? {
            return Err(Error::new(Errno::INVAL, "it is the tree that is archived"))
                .context(what)
                .map_err(|error| error.hint("name a directory of its own"));
        }
        // Runs over the same tree share a file, wherever they are started from.
        let name = std::fs::read_link(format!("/proc/self/fd/{}", tree.as_raw_fd())).unwrap_or_default();
        let tree = DigestAlgorithm::Sha256.digest(name.as_os_str().as_bytes());
        let settings = CacheSettings { features, sizes, shift, tree };
        let digest = settings.digest().to_string();
        let path = directory.join(format!("{PREFIX}{}.cache", &digest[..16]));
        Ok(Self { directory: fd, path, settings, clock })
    }

    /// Device and inode of the directory, which is not part of the tree even if it is in it.
    ///
    /// # Errors
    ///
    /// If the system does not tell.
    pub fn identity(&self) -> Result<(u64, u64)> {
        identity(&self.directory)
    }

    /// When the run began.
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    /// What an earlier run has recorded; nothing if that is of no use.
    pub fn load(&self) -> Option<CacheTable> {
        match self.read() {
            Ok(table) => {
                // Files may have been changed at times that the clock shows again.
                let is_past = table.as_ref().is_some_and(|table| self.clock.age(table.started()).is_some());
                table.filter(|_| is_past)
            }
            Err(error) => {
                log::error(format_args!("Cache {} is of no use, ignoring: {error}", self.path.display()));
                None
            }
        }
    }

    fn read(&self) -> Result<Option<CacheTable>> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::NONBLOCK;
        let file = match os::open(&self.path, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        let stat = os::fstat(&file)?;
        // Who can write the cache decides what is in the index.
        let (owner, us) = (stat.st_uid, rustix::process::geteuid().as_raw());
        if owner != us && owner != 0 || stat.st_mode & 0o022 != 0 {
            return Err(Error::new(Errno::ACCESS, "others can write it"));
        }
        let limits = Limits::default();
        let size = stat.st_size as u64;
        if os::FileType::from_raw_mode(stat.st_mode) != os::FileType::RegularFile
            || size > CacheTable::size_max(&limits)
        {
            return Err(Error::new(Errno::BADMSG, "it is no cache file"));
        }
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(size as usize).map_err(|_| Error::from(Errno::NOMEM))?;
        File::from(file).take(size).read_to_end(&mut bytes)?;
        Ok(Some(CacheTable::parse(bytes, &self.settings, &limits)?))
    }

    /// Begins to write what this run finds out. `None`, and a message, if that is not possible.
    pub fn record(&self) -> Option<Recorder> {
        self.sweep();
        // Only for us: whoever could write it would decide what is in indexes.
        let created = AtomicFile::create(&self.path, 0o600).and_then(|file| {
            // A file that nobody has locked was left by a run that was killed.
            os::flock(file.file(), FlockOperation::NonBlockingLockExclusive)?;
            Ok(file)
        });
        match created {
            Ok(file) => Some(Recorder::new(file, &self.settings, self.clock)),
            Err(error) => {
                self.warn(&error);
                None
            }
        }
    }

    /// Puts the new file into its place.
    pub fn install(&self, recorder: Recorder) {
        if let Err(error) = recorder.install() {
            self.warn(&error);
        }
    }

    fn warn(&self, error: &Error) {
        log::error(format_args!("Failed to write cache {}, ignoring: {error}", self.path.display()));
    }

    /// Removes what runs have left that were killed.
    fn sweep(&self) {
        let Ok(entries) = os::Dir::read_from(&self.directory) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if !name.to_bytes().starts_with(format!(".#{PREFIX}").as_bytes()) {
                continue;
            }
            let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
            let locked = os::openat(&self.directory, name, flags, Mode::empty()).and_then(|file| {
                os::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
                Ok(file)
            });
            if locked.is_ok() {
                let _ = os::unlinkat(self.directory.as_fd(), name, os::AtFlags::empty());
            }
        }
    }
}

fn open_directory(path: &Path) -> Result<OwnedFd, Errno> {
    os::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

fn identity(fd: &OwnedFd) -> Result<(u64, u64)> {
    let stat = os::fstat(fd)?;
    Ok((stat.st_dev, stat.st_ino))
}
