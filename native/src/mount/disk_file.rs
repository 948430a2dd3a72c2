//! A disk as a file: the file system that loop devices and writable mounts of images are over.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, Generation, INodeNo, InitFlags, KernelConfig,
    LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyLseek, ReplyOpen,
    ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use rustix::fs::FallocateFlags;

use crate::disk::Disk;
use crate::error::Error;
use crate::flow::stop;
use crate::ui::log;

/// How long the kernel may believe what it was told: nobody else changes anything.
const FOR_EVER: Duration = Duration::from_secs(24 * 60 * 60);
/// Inode number of the file in a directory.
const IN_DIRECTORY: INodeNo = INodeNo(2);
/// Bytes that the kernel asks for at once, if it can.
const REQUEST: u32 = 1 << 20;

/// One file with the bytes of a disk, alone or in a directory.
#[derive(Debug)]
pub struct DiskFile {
    disk: Arc<dyn Disk>,
    /// Bytes of the file: those of the disk, or fewer.
    size: u64,
    /// Its name in the directory; without one, the root is the file.
    name: Option<OsString>,
    owner: (u32, u32),
    modified: SystemTime,
    /// What was complained about last: the kernel asks again for each page of a range.
    complaint: Mutex<Option<(String, Instant)>>,
}

impl DiskFile {
    /// How long the same complaint is not repeated.
    const QUIET: Duration = Duration::from_secs(2);

    /// A file with the first bytes of a disk, which belongs to root.
    pub fn new(disk: Arc<dyn Disk>, size: u64) -> Self {
        let modified = SystemTime::UNIX_EPOCH;
        Self { disk, size, name: None, owner: (0, 0), modified, complaint: Mutex::default() }
    }

    /// The same in a directory, under a name.
    #[must_use]
    pub fn named(mut self, name: &OsStr) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// The same, belonging to a user and a group, and last changed at a time.
    #[must_use]
    pub const fn owned(mut self, owner: (u32, u32), modified: SystemTime) -> Self {
        self.owner = owner;
        self.modified = modified;
        self
    }

    /// The disk.
    pub fn disk(&self) -> Arc<dyn Disk> {
        Arc::clone(&self.disk)
    }

    /// Whether the root is a directory.
    pub const fn is_directory(&self) -> bool {
        self.name.is_some()
    }

    const fn file(&self) -> INodeNo {
        if self.name.is_some() { IN_DIRECTORY } else { INodeNo::ROOT }
    }

    fn attributes(&self, ino: INodeNo) -> Result<FileAttr, Errno> {
        let is_file = ino == self.file();
        if !is_file && ino != INodeNo::ROOT {
            return Err(Errno::ESTALE);
        }
        let writable = if self.disk.is_writable() { 0o200 } else { 0 };
        Ok(FileAttr {
            ino,
            size: if is_file { self.size } else { 4096 },
            blocks: if is_file { self.size.div_ceil(512) } else { 0 },
            atime: self.modified,
            mtime: self.modified,
            ctime: self.modified,
            crtime: self.modified,
            kind: if is_file { FileType::RegularFile } else { FileType::Directory },
            perm: writable | if is_file { 0o444 } else { 0o555 },
            nlink: 1,
            uid: self.owner.0,
            gid: self.owner.1,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        })
    }

    /// A range of the file, if all of it lies in it.
    fn range(&self, ino: INodeNo, offset: u64, length: u64) -> Result<std::ops::Range<u64>, Errno> {
        if ino != self.file() {
            return Err(Errno::EISDIR);
        }
        let end = offset.checked_add(length).filter(|end| *end <= self.size).ok_or(Errno::ENOSPC)?;
        Ok(offset..end)
    }

    /// Says what is wrong, and which error that is.
    fn complain(&self, what: &str, error: &Error) -> Errno {
        let errno = match error.errno() {
            // What is the matter with a file of this host is for the caller to know.
            errno @ (rustix::io::Errno::NOSPC | rustix::io::Errno::DQUOT | rustix::io::Errno::ROFS) => errno,
            _ => rustix::io::Errno::IO,
        };
        let text = format!("Failed to {what} the image: {error}");
        let mut last = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        let repeated = last.as_ref().is_some_and(|(known, at)| *known == text && at.elapsed() < Self::QUIET);
        // On the way out everything that waits is given up.
        if !repeated && stop::check().is_ok() {
            log::error(&text);
            *last = Some((text, Instant::now()));
        }
        Errno::from_i32(errno.raw_os_error())
    }

    fn seek(&self, ino: INodeNo, offset: i64, whence: i32) -> Result<i64, Errno> {
        /// `SEEK_DATA`, `SEEK_HOLE`; the kernel does the others itself.
        const DATA: i32 = 3;
        const HOLE: i32 = 4;
        let start = u64::try_from(offset).ok().filter(|start| *start < self.size).ok_or(Errno::ENXIO)?;
        let range = self.range(ino, start, self.size - start)?;
        let mut extents = self.disk.extents(range).into_iter();
        let found = match whence {
            DATA => extents.find(|extent| !extent.is_hole).ok_or(Errno::ENXIO)?.range.start,
            HOLE => extents.find(|extent| extent.is_hole).map_or(self.size, |extent| extent.range.start),
            _ => return Err(Errno::EINVAL),
        };
        i64::try_from(found).map_err(|_| Errno::EOVERFLOW)
    }
}

/// Answers with nothing but success or an error.
fn finish(done: Result<(), Errno>, reply: ReplyEmpty) {
    match done {
        Ok(()) => reply.ok(),
        Err(errno) => reply.error(errno),
    }
}

impl Filesystem for DiskFile {
    fn init(&mut self, _request: &Request, config: &mut KernelConfig) -> std::io::Result<()> {
        for wanted in [
            InitFlags::FUSE_ASYNC_READ,
            InitFlags::FUSE_ASYNC_DIO,
            InitFlags::FUSE_BIG_WRITES,
            InitFlags::FUSE_NO_OPEN_SUPPORT,
            InitFlags::FUSE_NO_OPENDIR_SUPPORT,
            InitFlags::FUSE_MAX_PAGES,
        ] {
            // What the kernel does not know, it does without.
            let _ = config.add_capabilities(wanted);
        }
        let _ = config.set_max_write(REQUEST);
        let _ = config.set_max_readahead(REQUEST).or_else(|largest| config.set_max_readahead(largest));
        Ok(())
    }

    fn lookup(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        if parent != INodeNo::ROOT || self.name.as_deref() != Some(name) {
            return reply.error(Errno::ENOENT);
        }
        match self.attributes(IN_DIRECTORY) {
            Ok(attributes) => reply.entry(&FOR_EVER, &attributes, Generation(0)),
            Err(errno) => reply.error(errno),
        }
    }

    fn getattr(&self, _request: &Request, ino: INodeNo, _handle: Option<FileHandle>, reply: ReplyAttr) {
        match self.attributes(ino) {
            Ok(attributes) => reply.attr(&FOR_EVER, &attributes),
            Err(errno) => reply.error(errno),
        }
    }

    fn setattr(
        &self,
        _request: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        _accessed: Option<TimeOrNow>,
        _modified: Option<TimeOrNow>,
        _changed: Option<SystemTime>,
        _handle: Option<FileHandle>,
        _created: Option<SystemTime>,
        _checked: Option<SystemTime>,
        _backed_up: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        // Times come with every write; they are as little kept as anything else but the bytes.
        if mode.is_some() || uid.is_some() || gid.is_some() || size.is_some_and(|size| size != self.size) {
            return reply.error(Errno::EPERM);
        }
        self.getattr(_request, ino, None, reply);
    }

    fn open(&self, _request: &Request, _ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        // The kernel does not ask again, and keeps what it has read.
        reply.error(Errno::ENOSYS);
    }

    fn opendir(&self, _request: &Request, _ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        reply.error(Errno::ENOSYS);
    }

    fn read(
        &self,
        _request: &Request,
        ino: INodeNo,
        _handle: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let start = offset.min(self.size);
        let range = match self.range(ino, start, u64::from(size).min(self.size - start)) {
            Ok(range) => range,
            Err(errno) => return reply.error(errno),
        };
        let mut bytes = vec![0; (range.end - range.start) as usize];
        match self.disk.read_at(range.start, &mut bytes) {
            Ok(()) => reply.data(&bytes),
            Err(error) => reply.error(self.complain(&format!("read at offset {offset} of"), &error)),
        }
    }

    fn write(
        &self,
        _request: &Request,
        ino: INodeNo,
        _handle: FileHandle,
        offset: u64,
        data: &[u8],
        _write_flags: WriteFlags,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let done = self.range(ino, offset, data.len() as u64).and_then(|_| {
            let what = || format!("write at offset {offset} of");
            self.disk.write_at(offset, data).map_err(|error| self.complain(&what(), &error))
        });
        match done {
            Ok(()) => reply.written(data.len() as u32),
            Err(errno) => reply.error(errno),
        }
    }

    fn fsync(&self, _request: &Request, _ino: INodeNo, _handle: FileHandle, _data_only: bool, reply: ReplyEmpty) {
        finish(self.disk.flush().map_err(|error| self.complain("flush", &error)), reply);
    }

    fn fallocate(
        &self,
        _request: &Request,
        ino: INodeNo,
        _handle: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let mode = FallocateFlags::from_bits_retain(mode.cast_unsigned());
        // Zeros either way; there is nothing that could be allocated.
        let zeros = [FallocateFlags::PUNCH_HOLE, FallocateFlags::ZERO_RANGE];
        if !zeros.contains(&(mode - FallocateFlags::KEEP_SIZE)) {
            return reply.error(Errno::EOPNOTSUPP);
        }
        let done = self.range(ino, offset, length).and_then(|range| {
            let what = || format!("write zeros at offset {offset} of");
            self.disk.write_zeros(range).map_err(|error| self.complain(&what(), &error))
        });
        finish(done, reply);
    }

    fn readdir(&self, _request: &Request, _ino: INodeNo, _handle: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let name = self.name.as_deref().unwrap_or_default();
        let entries = [
            (INodeNo::ROOT, FileType::Directory, OsStr::from_bytes(b".")),
            (INodeNo::ROOT, FileType::Directory, OsStr::from_bytes(b"..")),
            (IN_DIRECTORY, FileType::RegularFile, name),
        ];
        for (number, (ino, kind, name)) in (1..).zip(entries).skip(usize::try_from(offset).unwrap_or(usize::MAX)) {
            if reply.add(ino, number, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _request: &Request, _ino: INodeNo, reply: ReplyStatfs) {
        const BLOCK: u32 = 4096;
        reply.statfs(self.size.div_ceil(BLOCK.into()), 0, 0, 0, 0, BLOCK, 255, BLOCK);
    }

    fn lseek(
        &self,
        _request: &Request,
        ino: INodeNo,
        _handle: FileHandle,
        offset: i64,
        whence: i32,
        reply: ReplyLseek,
    ) {
        match self.seek(ino, offset, whence) {
            Ok(offset) => reply.offset(offset),
            Err(errno) => reply.error(errno),
        }
    }
}
