//! Walks a directory tree in archive order (spec: filesystem.md 1 and 2).

mod exclude;
mod listing;
mod reopen;

use std::ffi::CStr;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use casync_core::Name;
use casync_core::archive::{Content, DeviceNumber, ExcludeFile, ExcludeRules, FileType, Node, Selection, Timestamp};
use casync_core::record::FeatureFlags;
use rustix::fs::{self as os, AtFlags, Mode, OFlags, Stat};
use rustix::io::Errno;

pub(crate) use self::exclude::{NAME as EXCLUDE_NAME, SIZE_MAX as EXCLUDE_SIZE_MAX};
use self::listing::Listing;
use super::beneath::mount_id;
use super::meta::MetadataReader;
use super::{Place, magic};
use crate::error::{Context as _, Error, Result};
use crate::ui::log;

/// What is left out of an archive besides what the feature flags exclude.
#[derive(Clone, Debug, Default)]
pub struct Exclusions {
    /// Files and directories by device and inode: the output itself, and the store.
    pub own: Vec<(u64, u64)>,
}

/// What comes next in a tree.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every step is a node")]
pub enum Step {
    /// A node; a directory's entries follow.
    Node {
        /// Its name; `None` for the root.
        name: Option<Name>,
        /// What is stored of it.
        node: Node,
        /// A regular file, open for reading.
        file: Option<OpenFile>,
    },
    /// The innermost directory ends.
    Leave,
}

/// A regular file whose contents are to be read.
#[derive(Debug)]
pub struct OpenFile {
    /// The descriptor.
    pub fd: OwnedFd,
    /// What it was when it was opened.
    pub stat: Stat,
    /// Type of its file system.
    pub magic: u64,
}

impl OpenFile {
    /// Whether the file has holes that are worth skipping.
    pub fn is_sparse(&self) -> bool {
        (self.stat.st_blocks as u64).saturating_mul(512) < self.stat.st_size as u64
    }

    /// Fails if the file is not what it was when it was opened.
    ///
    /// # Errors
    ///
    /// If size, modification or change time have moved.
    pub fn check_unchanged(&self) -> Result<()> {
        let now = os::fstat(&self.fd)?;
        let identity =
            |stat: &Stat| (stat.st_size, stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime, stat.st_ctime_nsec);
        if identity(&now) == identity(&self.stat) {
            return Ok(());
        }
        Err(Self::changed())
    }

    /// The error for files that are not what they were.
    pub(crate) fn changed() -> Error {
        Error::new(Errno::IO, "the file changed while it was read")
            .hint("make the archive from a snapshot, or again when nothing writes to the file")
    }
}

/// A walk through a tree.
#[derive(Debug)]
pub struct Walk {
    metadata: MetadataReader,
    exclusions: Exclusions,
    /// The root, until it has been shown.
    root: Option<OwnedFd>,
    /// The root, after it was left.
    left: Option<OwnedFd>,
    /// Directories from the root to the current place.
    open: Vec<Directory>,
    /// Path of the node shown last, from the root, without leading slash.
    path: Vec<u8>,
    /// What the file systems met so far can hold.
    supported: FeatureFlags,
    no_atime: OFlags,
}

/// A directory whose entries are being shown.
#[derive(Debug)]
struct Directory {
    fd: OwnedFd,
    entries: Listing,
    device: u64,
    magic: u64,
    mount: Option<u64>,
    rules: ExcludeRules,
    /// Length of its own path.
    path: usize,
}

impl Walk {
    /// A walk through the tree at `path`; a symbolic link there is followed.
    ///
    /// # Errors
    ///
    /// If it cannot be opened.
    pub fn new(path: &Path, selection: Selection, exclusions: Exclusions) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOCTTY;
        let root = os::open(path, flags, Mode::empty())?;
        Ok(Self::from_directory(root, selection, exclusions))
    }

    /// A walk through an open directory.
    pub fn from_directory(root: OwnedFd, selection: Selection, exclusions: Exclusions) -> Self {
        // Only owners and root may leave access times alone.
        let no_atime = if rustix::process::geteuid().is_root() { OFlags::NOATIME } else { OFlags::empty() };
        Self {
            metadata: MetadataReader::new(selection),
            exclusions,
            root: Some(root),
            left: None,
            open: Vec::new(),
            path: Vec::new(),
            supported: FeatureFlags::EMPTY,
            no_atime,
        }
    }

    /// What the file systems met so far can hold.
    pub const fn supported(&self) -> FeatureFlags {
        self.supported
    }

    /// Path of the node shown last, from the root; empty for the root itself.
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// The same for messages.
    pub fn shown_path(&self) -> String {
        if self.path.is_empty() { "./".to_owned() } else { String::from_utf8_lossy(&self.path).into_owned() }
    }

    /// The next step; `None` after the root was left.
    ///
    /// # Errors
    ///
    /// Anything that cannot be read, by its path.
    #[expect(clippy::should_implement_trait, reason = "an iterator could not say which path an error is about")]
    pub fn next(&mut self) -> Result<Option<Step>> {
        let step = if let Some(root) = self.root.take() { self.enter_root(root).map(Some) } else { self.advance() };
        step.context(|| format!("read {:?}", self.shown_path()))
    }

    /// Passes over the entries of the directory that was shown last.
    pub fn skip_entries(&mut self) {
        if let Some(directory) = self.open.last_mut() {
            directory.entries = Listing::default();
        }
    }

    fn advance(&mut self) -> Result<Option<Step>> {
        loop {
            let Some(directory) = self.open.last_mut() else { return Ok(None) };
            self.path.truncate(directory.path);
            let Some((name, file_type)) = directory.entries.next() else {
                let left = self.open.pop();
                if self.open.is_empty() {
                    self.left = left.map(|root| root.fd);
                }
                return Ok(Some(Step::Leave));
            };
            if !self.path.is_empty() {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(name.to_bytes());
            let name = name.to_owned();
            if let Some(step) = self.entry(&name, file_type)? {
                return Ok(Some(step));
            }
        }
    }

    fn enter_root(&mut self, root: OwnedFd) -> Result<Step> {
        let stat = os::fstat(&root)?;
        let magic = os::fstatfs(&root)?.f_type as u64;
        let mount = self.mount(root.as_fd())?;
        self.directory(None, root, &stat, magic, mount)
    }

    /// Shows an entry of the innermost directory; `None` if it is left out.
    fn entry(&mut self, name: &CStr, file_type: Option<FileType>) -> Result<Option<Step>> {
        let parent = self.open.last().expect("because an entry is in a directory");
        let (device, parent_magic, parent_mount) = (parent.device, parent.magic, parent.mount);
        let mut file_type = file_type;
        let mut stat = None;
        if !matches!(file_type, Some(FileType::Directory | FileType::Regular)) {
            let found = os::statat(&parent.fd, name, AtFlags::SYMLINK_NOFOLLOW)?;
            file_type = FileType::of(found.st_mode);
            stat = Some(found);
        }
        let file_type = file_type.ok_or_else(|| Error::new(Errno::IO, "unknown file type"))?;
        if !self.metadata.selection().admits(file_type) {
            return Ok(None);
        }
        let archived_name = Name::new(name.to_bytes())?;
        if let Some(stat) = stat.filter(|_| !matches!(file_type, FileType::Directory | FileType::Regular)) {
            if self.is_ruled_out(name, file_type) {
                return Ok(None);
            }
            let magic = if stat.st_dev == device { parent_magic } else { 0 };
            return self.unopened(archived_name, name, &stat, file_type, magic).map(Some);
        }

        let fd = self.open_entry(name, file_type)?;
        let stat = os::fstat(&fd)?;
        if FileType::of(stat.st_mode) != Some(file_type) {
            return Err(Error::new(Errno::IO, "became another type of file while the directory was read"));
        }
        let magic = if stat.st_dev == device { parent_magic } else { os::fstatfs(&fd)?.f_type as u64 };
        if self.is_excluded(fd.as_fd(), name, file_type, &stat, parent_mount)? {
            return Ok(None);
        }
        if file_type == FileType::Directory {
            let mount = self.mount(fd.as_fd())?;
            return self.directory(Some(archived_name), fd, &stat, magic, mount).map(Some);
        }
        let size = if magic::is_virtual(magic) { 0 } else { stat.st_size as u64 };
        self.tell_odd_time(&stat);
        let metadata = self.metadata.read(Place::Open(fd.as_fd()), &stat, file_type, magic)?;
        Ok(Some(Step::Node {
            name: Some(archived_name),
            node: Node { metadata, content: Content::Regular { size } },
            file: Some(OpenFile { fd, stat, magic }),
        }))
    }

    /// Opens a regular file or directory, which may have become something else since it was listed.
    fn open_entry(&mut self, name: &CStr, file_type: FileType) -> Result<OwnedFd> {
        let parent = self.open.last().expect("because an entry is in a directory");
        let mut flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        if file_type == FileType::Directory {
            flags |= OFlags::DIRECTORY;
        }
        match os::openat(&parent.fd, name, flags | self.no_atime, Mode::empty()) {
            // Root in a user namespace does not own everything.
            Err(Errno::PERM) if !self.no_atime.is_empty() => {
                self.no_atime = OFlags::empty();
                self.open_entry(name, file_type)
            }
            Err(errno @ (Errno::NOENT | Errno::NOTDIR | Errno::LOOP)) => {
                Err(Error::new(errno, "vanished or changed its type while the directory was read"))
            }
            opened => Ok(opened?),
        }
    }

    fn is_excluded(
        &mut self,
        fd: BorrowedFd<'_>,
        name: &CStr,
        file_type: FileType,
        stat: &Stat,
        parent_mount: Option<u64>,
    ) -> Result<bool> {
        if self.exclusions.own.contains(&(stat.st_dev, stat.st_ino)) {
            return Ok(true);
        }
        let features = self.metadata.selection().features();
        if features.contains(FeatureFlags::EXCLUDE_NODUMP)
            && self.metadata.chattr(Place::Open(fd), stat)?.contains(FeatureFlags::FLAG_NODUMP)
        {
            return Ok(true);
        }
        if features.contains(FeatureFlags::EXCLUDE_SUBMOUNTS) && self.mount(fd)? != parent_mount {
            return Ok(true);
        }
        Ok(self.is_ruled_out(name, file_type))
    }

    /// Whether a `.caexclude` file leaves out an entry of the innermost directory.
    fn is_ruled_out(&self, name: &CStr, file_type: FileType) -> bool {
        let is_directory = file_type == FileType::Directory;
        self.open.last().is_some_and(|parent| parent.rules.excludes(name.to_bytes(), is_directory))
    }

    /// The mount that an open file is on; `None` if nobody wants to know.
    fn mount(&self, fd: BorrowedFd<'_>) -> Result<Option<u64>> {
        if !self.metadata.selection().features().contains(FeatureFlags::EXCLUDE_SUBMOUNTS) {
            return Ok(None);
        }
        mount_id(fd)?.map(Some).ok_or_else(|| {
            Error::new(Errno::OPNOTSUPP, "the kernel does not tell mounts apart")
                .hint("this needs Linux 5.8; without it, leave out --exclude-submounts=")
        })
    }

    fn directory(
        &mut self,
        name: Option<Name>,
        fd: OwnedFd,
        stat: &Stat,
        magic: u64,
        mount: Option<u64>,
    ) -> Result<Step> {
        self.tell_odd_time(stat);
        let metadata = self.metadata.read(Place::Open(fd.as_fd()), stat, FileType::Directory, magic)?;
        let entries = if magic::is_virtual(magic) { Listing::default() } else { Listing::read(&fd)? };
        let rules = self.rules(name.as_ref(), &fd, &entries)?;
        self.supported |= magic::supported(magic);
        let path = self.path.len();
        self.open.push(Directory { fd, entries, device: stat.st_dev, magic, mount, rules, path });
        Ok(Step::Node { name, node: Node { metadata, content: Content::Directory }, file: None })
    }

    /// Tells of a modification time that the archive cannot hold.
    fn tell_odd_time(&self, stat: &Stat) {
        let holds = Timestamp::holds(stat.st_mtime, stat.st_mtime_nsec as u32);
        if !holds && self.metadata.selection().features().intersects(FeatureFlags::TIMES) {
            let nearest = if stat.st_mtime < 0 { "1970-01-01" } else { "2554-07-21" };
            let path = self.shown_path();
            log::info(format_args!("{path:?}: archives hold times from 1970 to 2554; its time is stored as {nearest}"));
        }
    }

    /// What `.caexclude` files say of the entries of a directory that is entered.
    fn rules(&self, name: Option<&Name>, fd: &OwnedFd, entries: &Listing) -> Result<ExcludeRules> {
        if !self.metadata.selection().features().contains(FeatureFlags::EXCLUDE_FILE) {
            return Ok(ExcludeRules::default());
        }
        let own = if entries.contains(exclude::NAME) { exclude::read(fd)? } else { ExcludeFile::default() };
        Ok(match (self.open.last(), name) {
            (Some(parent), Some(name)) => parent.rules.enter(name, &own),
            _ => ExcludeRules::root(&own),
        })
    }

    fn unopened(
        &mut self,
        archived_name: Name,
        name: &CStr,
        stat: &Stat,
        file_type: FileType,
        magic: u64,
    ) -> Result<Step> {
        self.tell_odd_time(stat);
        let parent = self.open.last().expect("because an entry is in a directory");
        let device = DeviceNumber { major: os::major(stat.st_rdev), minor: os::minor(stat.st_rdev) };
        let content = match file_type {
            FileType::Symlink => {
                let target = os::readlinkat(&parent.fd, name, Vec::new())?;
                Content::Symlink { target: target.into_bytes().into_boxed_slice() }
            }
            FileType::Block => Content::Block(device),
            FileType::Character => Content::Character(device),
            FileType::Fifo => Content::Fifo,
            FileType::Socket => Content::Socket,
            FileType::Directory | FileType::Regular => {
                return Err(Error::new(Errno::IO, "files and directories are opened"));
            }
        };
        let place = Place::Entry { directory: parent.fd.as_fd(), name };
        let metadata = self.metadata.read(place, stat, file_type, magic)?;
        Ok(Step::Node { name: Some(archived_name), node: Node { metadata, content }, file: None })
    }
}
