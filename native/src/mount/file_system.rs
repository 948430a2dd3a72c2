//! The kernel's requests, answered.
//!
//! Nothing ever changes, so the kernel may keep everything for as long as it likes: entries, attributes, pages, listings
//! of directories, and that a name does not exist. Opening needs no request at all.
//!
//! Session threads answer what is at hand themselves. What has to wait for chunks they do as well, but never all of them
//! at the same time: the last two hand it to a thread of its own, so that a store that does not answer holds up only who
//! wants something of it.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use casync_core::archive::Content;
use fuser::{
    Errno, FileHandle, Filesystem, Generation, INodeNo, InitFlags, IoctlFlags, KernelConfig, LockOwner, Notifier,
    OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEntry, ReplyIoctl, ReplyLseek, ReplyOpen,
    ReplyStatfs, ReplyXattr, Request,
};

use super::node::Node;
use super::pages::{Giver, Pages};
use super::volume::Volume;
use crate::error::Error;
use crate::flow::stop;
use crate::sys;
use crate::ui::log;

/// How long the kernel may believe what it was told.
const FOR_EVER: Duration = Duration::from_secs(24 * 60 * 60);

/// Answers requests for a volume.
#[derive(Clone, Debug)]
pub struct FileSystem(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    volume: Volume,
    /// Session threads that are at something that may have to wait, and how many may be.
    waiting: AtomicUsize,
    waiting_max: usize,
    /// What was complained about lately.
    complaints: Mutex<VecDeque<(u64, Instant)>>,
    /// What gives the kernel the rest of chunks, if anything does.
    giver: OnceLock<Giver>,
}

impl FileSystem {
    /// What the kernel may ask for at the same time without anybody waiting for it.
    const BACKGROUND: u16 = 64;
    /// Bytes that the kernel asks for at once, if it can.
    const REQUEST: u32 = 1 << 20;
    /// Bytes in a block, for `statfs`.
    const BLOCK: u32 = 4096;

    /// For so many session threads.
    pub fn new(volume: Volume, threads: usize) -> Self {
        let waiting_max = threads.saturating_sub(2);
        let (waiting, complaints, giver) = (AtomicUsize::new(0), Mutex::default(), OnceLock::new());
        Self(Arc::new(Shared { volume, waiting, waiting_max, complaints, giver }))
    }

    /// From now on lets the kernel have the rest of chunks of which little was read; false if that is not possible.
    pub(super) fn give_pages(&self, notifier: Notifier) -> bool {
        Giver::start(notifier).is_some_and(|giver| self.0.giver.set(giver).is_ok())
    }

    /// Does what may have to wait.
    fn wait_for(&self, work: impl FnOnce(&Shared) + Send + 'static) {
        let shared = &self.0;
        if shared.waiting.fetch_add(1, Ordering::AcqRel) < shared.waiting_max {
            work(shared);
            shared.waiting.fetch_sub(1, Ordering::AcqRel);
            return;
        }
        shared.waiting.fetch_sub(1, Ordering::AcqRel);
        let own = Arc::clone(shared);
        // If there cannot be another thread, the reply is dropped, which is an answer, too: an error.
        if let Err(error) = Builder::new().name("reader".to_owned()).spawn(move || work(&own)) {
            log::error(format_args!("Failed to start a thread: {error}"));
        }
    }

    fn node(&self, ino: INodeNo) -> Result<Arc<Node>, Errno> {
        self.0.volume.node(ino.0).ok_or(Errno::ESTALE)
    }
}

impl Shared {
    /// How long the same complaint is not repeated: the kernel asks again for each page of a range.
    const QUIET: Duration = Duration::from_secs(2);

    /// Says what is wrong, once, and that it is an I/O error.
    fn complain(&self, what: &str, node: &Node, error: &Error) -> Errno {
        // On the way out everything that waits is given up.
        if stop::check().is_err() {
            return Errno::EIO;
        }
        let path = String::from_utf8_lossy(&self.volume.path(node)).into_owned();
        let mut hasher = DefaultHasher::new();
        (&path, error.to_string()).hash(&mut hasher);
        let (key, now) = (hasher.finish(), Instant::now());
        let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        complaints.retain(|(_, at)| now.duration_since(*at) < Self::QUIET);
        if !complaints.iter().any(|(known, _)| *known == key) {
            complaints.push_back((key, now));
            log::error(format_args!("Failed to {what} \"/{path}\": {error}"));
        }
        Errno::EIO
    }

    fn entry(&self, found: Option<&Arc<Node>>, reply: ReplyEntry) {
        match found {
            Some(node) => {
                self.volume.remember(node);
                reply.entry(&FOR_EVER, &node.attributes(), Generation(0));
            }
            // An entry without a number says that there is none, and that this may be believed as well.
            None => {
                let root = self.volume.node(Node::ROOT).expect("because there always is one").attributes();
                reply.entry(&FOR_EVER, &fuser::FileAttr { ino: INodeNo(0), ..root }, Generation(0));
            }
        }
    }

    fn read(&self, node: &Node, offset: u64, size: u64, reply: ReplyData) {
        let Some(range) = payload(node, offset, size) else { return reply.error(Errno::EISDIR) };
        match self.volume.image().slices(range.clone()) {
            Ok(slices) => {
                slices.in_a_row(|bytes| reply.data(bytes));
                self.give_rest(node, range.start, size);
            }
            Err(error) => reply.error(self.complain(&format!("read at offset {offset} of"), node, &error)),
        }
    }

    /// Lets the kernel have more of a chunk that was loaded for a small read at an offset of the image, which has been answered.
    fn give_rest(&self, node: &Node, read: u64, size: u64) {
        let Some(giver) = self.giver.get().filter(|_| size <= Giver::READ_MAX) else { return };
        let Some(file) = payload(node, 0, u64::MAX) else { return };
        if let Some((offset, slices)) = self.volume.image().pages_around(read, &file) {
            giver.offer(Pages { ino: node.ino, offset, slices });
        }
    }

    fn with_directory<R>(
        &self,
        node: &Node,
        reply: R,
        fill: impl FnOnce(&[Arc<Node>], R),
        fail: impl FnOnce(R, Errno),
    ) {
        match self.volume.directory(node) {
            Ok(directory) => fill(&directory.entries, reply),
            Err(error) => fail(reply, self.complain("list", node, &error)),
        }
    }
}

/// Where a range of a file lies in the image; `None` if it is no file.
fn payload(node: &Node, offset: u64, size: u64) -> Option<std::ops::Range<u64>> {
    let Content::Regular { size: end } = node.content else { return None };
    let (start, end) = (offset.min(end), offset.saturating_add(size).min(end));
    Some(node.payload + start..node.payload + end)
}

/// The entries that a directory begins with, and where they lead: itself and the one above.
fn dots(node: &Node) -> [(&'static [u8], u64); 2] {
    [(b".", node.ino), (b"..", node.parent)]
}

fn fill(node: &Node, entries: &[Arc<Node>], offset: u64, mut reply: ReplyDirectory) {
    let dots = dots(node).into_iter().map(|(name, ino)| (name, ino, fuser::FileType::Directory));
    let rest = entries.iter().map(|entry| (&*entry.name, entry.ino, entry.kind()));
    for (number, (name, ino, kind)) in (1..).zip(dots.chain(rest)).skip(usize::try_from(offset).unwrap_or(usize::MAX)) {
        if reply.add(INodeNo(ino), number, kind, OsStr::from_bytes(name)) {
            break;
        }
    }
    reply.ok();
}

fn fill_plus(shared: &Shared, node: &Node, entries: &[Arc<Node>], offset: u64, mut reply: ReplyDirectoryPlus) {
    let mut number = offset;
    // The kernel takes nothing but names and numbers of these two.
    while let Some((name, ino)) = usize::try_from(number).ok().and_then(|at| dots(node).get(at).copied()) {
        number += 1;
        let attributes = fuser::FileAttr { ino: INodeNo(ino), ..node.attributes() };
        if reply.add(INodeNo(ino), number, OsStr::from_bytes(name), &FOR_EVER, &attributes, Generation(0)) {
            return reply.ok();
        }
    }
    let first = usize::try_from(number - 2).unwrap_or(usize::MAX).min(entries.len());
    for entry in &entries[first..] {
        number += 1;
        let name = OsStr::from_bytes(&entry.name);
        // Told before the kernel can forget it.
        shared.volume.remember(entry);
        if reply.add(INodeNo(entry.ino), number, name, &FOR_EVER, &entry.attributes(), Generation(0)) {
            shared.volume.forget(entry.ino, 1);
            break;
        }
    }
    reply.ok();
}

/// Answers a request for something of which the size may be asked first.
fn sized(value: &[u8], size: u32, reply: ReplyXattr) {
    match u32::try_from(value.len()) {
        Ok(length) if size == 0 => reply.size(length),
        Ok(length) if length <= size => reply.data(value),
        _ => reply.error(Errno::ERANGE),
    }
}

impl Filesystem for FileSystem {
    fn init(&mut self, _request: &Request, config: &mut KernelConfig) -> std::io::Result<()> {
        for wanted in [
            InitFlags::FUSE_ASYNC_READ,
            InitFlags::FUSE_ASYNC_DIO,
            InitFlags::FUSE_PARALLEL_DIROPS,
            // Always: who looks at names mostly looks at attributes, too, and they come with the names.
            InitFlags::FUSE_DO_READDIRPLUS,
            InitFlags::FUSE_CACHE_SYMLINKS,
            InitFlags::FUSE_NO_OPEN_SUPPORT,
            InitFlags::FUSE_NO_OPENDIR_SUPPORT,
            InitFlags::FUSE_HAS_IOCTL_DIR,
            InitFlags::FUSE_EXPLICIT_INVAL_DATA,
            InitFlags::FUSE_MAX_PAGES,
        ] {
            // What the kernel does not know, it does without.
            let _ = config.add_capabilities(wanted);
        }
        if self.0.volume.has_xattrs() {
            let _ = config.add_capabilities(InitFlags::FUSE_POSIX_ACL);
        }
        // Nothing is written, but the largest request follows from this, and so does the largest read.
        let _ = config.set_max_write(Self::REQUEST);
        let _ = config.set_max_readahead(Self::REQUEST).or_else(|largest| config.set_max_readahead(largest));
        let _ = config.set_max_background(Self::BACKGROUND);
        Ok(())
    }

    fn lookup(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let directory = match self.node(parent) {
            Ok(directory) => directory,
            Err(errno) => return reply.error(errno),
        };
        if let Some(found) = self.0.volume.lookup_at_hand(&directory, name.as_bytes()) {
            return self.0.entry(found.as_ref(), reply);
        }
        let name = name.to_owned();
        self.wait_for(move |shared| match shared.volume.lookup(&directory, name.as_bytes()) {
            Ok(found) => shared.entry(found.as_ref(), reply),
            Err(error) => reply.error(shared.complain(&format!("look for {name:?} in"), &directory, &error)),
        });
    }

    fn forget(&self, _request: &Request, ino: INodeNo, times: u64) {
        self.0.volume.forget(ino.0, times);
    }

    fn getattr(&self, _request: &Request, ino: INodeNo, _handle: Option<FileHandle>, reply: ReplyAttr) {
        match self.node(ino) {
            Ok(node) => reply.attr(&FOR_EVER, &node.attributes()),
            Err(errno) => reply.error(errno),
        }
    }

    fn readlink(&self, _request: &Request, ino: INodeNo, reply: ReplyData) {
        match self.node(ino).map(|node| match &node.content {
            Content::Symlink { target } => Ok(target.clone()),
            _ => Err(Errno::EINVAL),
        }) {
            Ok(Ok(target)) => reply.data(&target),
            Ok(Err(errno)) | Err(errno) => reply.error(errno),
        }
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
        let node = match self.node(ino) {
            Ok(node) => node,
            Err(errno) => return reply.error(errno),
        };
        let Some(range) = payload(&node, offset, size.into()) else { return reply.error(Errno::EISDIR) };
        if let Some(slices) = self.0.volume.image().slices_at_hand(range) {
            return slices.in_a_row(|bytes| reply.data(bytes));
        }
        self.wait_for(move |shared| shared.read(&node, offset, size.into(), reply));
    }

    fn readdir(&self, _request: &Request, ino: INodeNo, _handle: FileHandle, offset: u64, reply: ReplyDirectory) {
        let node = match self.node(ino) {
            Ok(node) => node,
            Err(errno) => return reply.error(errno),
        };
        if let Some(directory) = self.0.volume.directory_at_hand(&node) {
            return fill(&node, &directory.entries, offset, reply);
        }
        self.wait_for(move |shared| {
            let fail = ReplyDirectory::error;
            shared.with_directory(&node, reply, |entries, reply| fill(&node, entries, offset, reply), fail);
        });
    }

    fn readdirplus(
        &self,
        _request: &Request,
        ino: INodeNo,
        _handle: FileHandle,
        offset: u64,
        reply: ReplyDirectoryPlus,
    ) {
        let node = match self.node(ino) {
            Ok(node) => node,
            Err(errno) => return reply.error(errno),
        };
        if let Some(directory) = self.0.volume.directory_at_hand(&node) {
            return fill_plus(&self.0, &node, &directory.entries, offset, reply);
        }
        self.wait_for(move |shared| {
            let fill = |entries: &[Arc<Node>], reply| fill_plus(shared, &node, entries, offset, reply);
            shared.with_directory(&node, reply, fill, ReplyDirectoryPlus::error);
        });
    }

    fn statfs(&self, _request: &Request, _ino: INodeNo, reply: ReplyStatfs) {
        let blocks = self.0.volume.image().size().div_ceil(Self::BLOCK.into());
        reply.statfs(blocks, 0, 0, 0, 0, Self::BLOCK, 255, Self::BLOCK);
    }

    fn getxattr(&self, _request: &Request, ino: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        if !self.0.volume.has_xattrs() {
            // The kernel does not ask again.
            return reply.error(Errno::ENOSYS);
        }
        match self.node(ino) {
            Ok(node) => match node.xattr(name.as_bytes()) {
                Some(value) => sized(value, size, reply),
                None => reply.error(Errno::ENODATA),
            },
            Err(errno) => reply.error(errno),
        }
    }

    fn listxattr(&self, request: &Request, ino: INodeNo, size: u32, reply: ReplyXattr) {
        if !self.0.volume.has_xattrs() {
            return reply.error(Errno::ENOSYS);
        }
        match self.node(ino) {
            Ok(node) => sized(&node.xattr_names(request.uid() == 0), size, reply),
            Err(errno) => reply.error(errno),
        }
    }

    fn ioctl(
        &self,
        _request: &Request,
        ino: INodeNo,
        _handle: FileHandle,
        _flags: IoctlFlags,
        command: u32,
        _input: &[u8],
        room: u32,
        reply: ReplyIoctl,
    ) {
        let node = match self.node(ino) {
            Ok(node) => node,
            Err(errno) => return reply.error(errno),
        };
        let attributes =
            sys::FileAttributes { chattr: node.chattr_flags(), fat: node.fat_attributes(), project: node.project() };
        match attributes.answer(command) {
            Some(mut answer) => {
                answer.resize(room as usize, 0);
                reply.ioctl(0, &answer);
            }
            None => reply.error(Errno::ENOTTY),
        }
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
        match self.node(ino).and_then(|node| self.seek(&node, offset, whence)) {
            Ok(offset) => reply.offset(offset),
            Err(errno) => reply.error(errno),
        }
    }
}

impl FileSystem {
    /// Finds data or a hole from an offset on. The end of a file counts as a hole.
    fn seek(&self, node: &Node, offset: i64, whence: i32) -> Result<i64, Errno> {
        /// `SEEK_DATA`, `SEEK_HOLE`; the kernel does the others itself.
        const DATA: i32 = 3;
        const HOLE: i32 = 4;
        let Content::Regular { size } = node.content else { return Err(Errno::EINVAL) };
        let start = u64::try_from(offset).ok().filter(|start| *start < size).ok_or(Errno::ENXIO)?;
        let range = payload(node, start, size - start).ok_or(Errno::EINVAL)?;
        let mut extents = self.0.volume.image().extents(range);
        let found = match whence {
            DATA => extents.find(|extent| !extent.is_hole).ok_or(Errno::ENXIO)?.range.start,
            HOLE => extents.find(|extent| extent.is_hole).map_or(node.payload + size, |extent| extent.range.start),
            _ => return Err(Errno::EINVAL),
        };
        i64::try_from(found - node.payload).map_err(|_| Errno::EOVERFLOW)
    }
}

/// What a session of a file system needs to know of it.
impl FileSystem {
    /// The volume.
    pub fn volume(&self) -> &Volume {
        &self.0.volume
    }
}
