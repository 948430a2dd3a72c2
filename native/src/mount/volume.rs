//! What is mounted: an archive, whose directories are loaded when somebody looks into them, or an image as one file.
//!
//! A directory that was loaded never changes. A name in a directory that was not is found by its goodbye table alone, so
//! that who knows where to look fetches a handful of chunks.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use casync_core::Limits;
use casync_core::archive::{Content, Timestamp, Tree};
use casync_core::index::Piece;
use casync_core::record::FeatureFlags;
use rustix::io::Errno;

use super::image::Image;
use super::node::{Node, Owners};
use crate::error::{Context as _, Error, Result};
use crate::flow::input::{RandomSource, find, find_below, list_directory, places};
use crate::fs::magic;

/// A mounted thing.
#[derive(Debug)]
pub struct Volume {
    image: Image,
    /// `None`: the image itself is shown.
    tree: Option<Tree>,
    features: FeatureFlags,
    /// File flags that are shown.
    shown: FeatureFlags,
    owners: Owners,
    root: Arc<Node>,
    loaded: Mutex<Loaded>,
    known: Known,
}

/// The entries of a directory, in the order of their names.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) entries: Vec<Arc<Node>>,
    weight: usize,
}

impl Directory {
    fn find(&self, name: &[u8]) -> Option<&Arc<Node>> {
        let at = self.entries.binary_search_by(|entry| (*entry.name).cmp(name)).ok()?;
        self.entries.get(at)
    }
}

/// Directories that were loaded, those used longest ago dropped.
#[derive(Debug, Default)]
struct Loaded {
    directories: HashMap<u64, (Arc<Directory>, u64)>,
    recent: BTreeMap<u64, u64>,
    clock: u64,
    weight: usize,
    limit: usize,
}

impl Loaded {
    fn get(&mut self, ino: u64) -> Option<Arc<Directory>> {
        let (directory, used) = self.directories.get_mut(&ino)?;
        self.recent.remove(used);
        self.clock += 1;
        *used = self.clock;
        self.recent.insert(self.clock, ino);
        Some(Arc::clone(directory))
    }

    /// Keeps a directory; the one that was there, if somebody was faster.
    fn insert(&mut self, ino: u64, directory: Arc<Directory>) -> Arc<Directory> {
        if let Some(known) = self.get(ino) {
            return known;
        }
        self.clock += 1;
        self.weight += directory.weight;
        self.recent.insert(self.clock, ino);
        self.directories.insert(ino, (Arc::clone(&directory), self.clock));
        while self.weight > self.limit && self.recent.len() > 1 {
            let Some((_, oldest)) = self.recent.pop_first() else { break };
            if let Some((dropped, _)) = self.directories.remove(&oldest) {
                self.weight -= dropped.weight;
            }
        }
        directory
    }
}

/// The nodes that the kernel holds, and how often it was told of each: it says when it forgets them.
#[derive(Debug, Default)]
struct Known([Mutex<Shard>; SHARDS]);

/// Nodes by inode number.
type Shard = HashMap<u64, (Arc<Node>, u64)>;

/// Locks that the nodes are divided among.
const SHARDS: usize = 16;

impl Known {
    fn shard(&self, ino: u64) -> MutexGuard<'_, Shard> {
        // Neighbours differ in higher bits: a node has 64 bytes at least.
        lock(&self.0[(ino >> 6) as usize % SHARDS])
    }

    fn get(&self, ino: u64) -> Option<Arc<Node>> {
        self.shard(ino).get(&ino).map(|(node, _)| Arc::clone(node))
    }

    fn add(&self, node: &Arc<Node>) {
        self.shard(node.ino).entry(node.ino).or_insert_with(|| (Arc::clone(node), 0)).1 += 1;
    }

    fn forget(&self, ino: u64, times: u64) {
        let mut shard = self.shard(ino);
        if let Some((_, count)) = shard.get_mut(&ino) {
            *count = count.saturating_sub(times);
            if *count == 0 {
                shard.remove(&ino);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Volume {
    /// Features that a mount shows and the C casync's does not.
    const MORE: FeatureFlags = FeatureFlags::union(&[
        FeatureFlags::ACL,
        FeatureFlags::SELINUX,
        FeatureFlags::FCAPS,
        FeatureFlags::QUOTA_PROJID,
    ]);

    /// An archive, or what is at a path in it. `mask`: which metadata is shown; `memory`: for directories, in bytes.
    ///
    /// # Errors
    ///
    /// If it is no archive, there is no such path, or what is there cannot be read.
    pub fn archive(image: Image, path: &OsStr, owners: Owners, mask: FeatureFlags, memory: u64) -> Result<Self> {
        let tree = Tree::new(image.size(), &Limits::default());
        let tree = image.features().map_or(tree, |features| tree.expecting(features));
        let mut source = RandomSource::Image(&image);
        // The root is read whatever the path is: it says whether this is an archive.
        let root = find(&tree, &mut source, b"").context(|| "read the root of the archive")?;
        let root = root.ok_or_else(|| Error::from(Errno::NOENT))?;
        let features = root.features;
        let tree = tree.expecting(features);
        let found = if path.is_empty() { Some(root) } else { find(&tree, &mut source, path.as_bytes())? };
        let found = found.ok_or_else(|| {
            Error::headline("Seek path not available in archive.").context(format!("look for {path:?}"))
        })?;
        let shown = features.replayed(mask);
        let root = Node::new(found, Node::ROOT, &owners, shown).into_root();
        Ok(Self::new(image, Some(tree), features, shown, owners, root, memory))
    }

    /// An image as a file, alone or in a directory under a name. It belongs to `owner`, and was last changed at `mtime`.
    pub fn blob(image: Image, name: Option<&[u8]>, owner: (u32, u32), mtime: Timestamp) -> Self {
        let file = Content::Regular { size: image.size() };
        let (root, entry) = match name {
            None => (Node::made(b"", Node::ROOT, file, 0o444, owner), None),
            Some(name) => {
                let root = Node::made(b"", Node::ROOT, Content::Directory, 0o555, owner);
                (root, Some(Arc::new(Node::made(name, Node::ROOT + 1, file, 0o444, owner).dated(mtime))))
            }
        };
        let owners = Owners::new(casync_core::archive::IdShift::default(), None, None);
        let features = FeatureFlags::EMPTY;
        let volume = Self::new(image, None, features, features, owners, root.dated(mtime), u64::MAX);
        let entries: Vec<Arc<Node>> = entry.into_iter().collect();
        lock(&volume.loaded).insert(Node::ROOT, Arc::new(Directory { entries, weight: 0 }));
        volume
    }

    fn new(
        image: Image,
        tree: Option<Tree>,
        features: FeatureFlags,
        shown: FeatureFlags,
        owners: Owners,
        root: Node,
        memory: u64,
    ) -> Self {
        let limit = usize::try_from(memory).unwrap_or(usize::MAX);
        let loaded = Mutex::new(Loaded { limit, ..Loaded::default() });
        Self { image, tree, features, shown, owners, root: Arc::new(root), loaded, known: Known::default() }
    }

    /// The bytes behind it.
    pub const fn image(&self) -> &Image {
        &self.image
    }

    /// Whether the root is a directory: else it is mounted over a file.
    pub fn is_directory(&self) -> bool {
        self.root.is_directory()
    }

    /// Metadata that the archive has and the mount cannot show.
    pub fn hidden(&self) -> FeatureFlags {
        let shown = magic::supported(magic::FUSE) | Self::MORE;
        (self.features & FeatureFlags::ALL) - shown
    }

    /// Whether any node can have extended attributes.
    pub(super) fn has_xattrs(&self) -> bool {
        self.features.intersects(FeatureFlags::union(&[
            FeatureFlags::XATTRS,
            FeatureFlags::ACL,
            FeatureFlags::SELINUX,
            FeatureFlags::FCAPS,
        ]))
    }

    /// The node with an inode number that the kernel was told of.
    pub(super) fn node(&self, ino: u64) -> Option<Arc<Node>> {
        if ino == Node::ROOT { Some(Arc::clone(&self.root)) } else { self.known.get(ino) }
    }

    /// Takes note that the kernel was told of a node.
    pub(super) fn remember(&self, node: &Arc<Node>) {
        self.known.add(node);
    }

    /// The kernel has forgotten a node.
    pub(super) fn forget(&self, ino: u64, times: u64) {
        self.known.forget(ino, times);
    }

    /// The path of a node, for messages.
    pub(super) fn path(&self, node: &Node) -> Vec<u8> {
        let mut names = vec![node.name.clone()];
        let mut above = node.parent;
        while above != Node::ROOT {
            let Some(parent) = self.known.get(above) else { break };
            names.push(parent.name.clone());
            above = parent.parent;
        }
        names.reverse();
        names.join(&b'/')
    }

    /// The directory, if it has been loaded.
    pub(super) fn directory_at_hand(&self, directory: &Node) -> Option<Arc<Directory>> {
        lock(&self.loaded).get(directory.ino)
    }

    /// The node of a name, if that can be told without waiting.
    pub(super) fn lookup_at_hand(&self, directory: &Node, name: &[u8]) -> Option<Option<Arc<Node>>> {
        self.directory_at_hand(directory).map(|loaded| loaded.find(name).cloned())
    }

    /// The node of a name; `None` if there is none.
    ///
    /// # Errors
    ///
    /// If the archive cannot be read, or is damaged.
    pub(super) fn lookup(&self, directory: &Node, name: &[u8]) -> Result<Option<Arc<Node>>> {
        if let Some(found) = self.lookup_at_hand(directory, name) {
            return Ok(found);
        }
        let Some(tree) = &self.tree else { return Ok(None) };
        let found = find_below(tree, &mut RandomSource::Image(&self.image), directory.located, name)?;
        Ok(found.map(|found| Arc::new(Node::new(found, directory.ino, &self.owners, self.shown))))
    }

    /// The entries of a directory.
    ///
    /// # Errors
    ///
    /// As [`Self::lookup`].
    pub(super) fn directory(&self, directory: &Node) -> Result<Arc<Directory>> {
        if let Some(loaded) = self.directory_at_hand(directory) {
            return Ok(loaded);
        }
        let Some(tree) = &self.tree else { return Err(Errno::NOTDIR.into()) };
        let mut source = RandomSource::Image(&self.image);
        let mut ahead =
            Ahead::new(&self.image, || places(tree, &mut RandomSource::Image(&self.image), directory.located))?;
        let mut entries = Vec::new();
        list_directory(tree, &mut source, directory.located, |found| {
            ahead.reach(found.located.entry);
            entries.push(Arc::new(Node::new(found, directory.ino, &self.owners, self.shown)));
            Ok(())
        })?;
        entries.shrink_to_fit();
        let weight = entries.iter().map(|entry| entry.weight()).sum();
        Ok(lock(&self.loaded).insert(directory.ino, Arc::new(Directory { entries, weight })))
    }
}

/// Fetches the chunks with the metadata of a directory's entries while they are read.
struct Ahead<'a> {
    image: &'a Image,
    pieces: Vec<Piece>,
    /// How many of them were asked for.
    asked: usize,
}

impl<'a> Ahead<'a> {
    /// Bytes of metadata that a node has at most, usually.
    const NODE: u64 = 512;

    fn new(image: &'a Image, places: impl FnOnce() -> Result<Vec<std::ops::Range<u64>>>) -> Result<Self> {
        let width = image.prefetch_width();
        let heads = if width == 0 { Vec::new() } else { places()? };
        let heads = heads.iter().map(|place| place.start..place.end.min(place.start + Self::NODE));
        let mut ahead = Self { image, pieces: image.pieces_of(heads), asked: 0 };
        ahead.reach(0);
        Ok(ahead)
    }

    /// The reader has come to an offset.
    fn reach(&mut self, offset: u64) {
        let width = self.image.prefetch_width();
        let here = self.pieces.partition_point(|piece| piece.range().end <= offset);
        if self.asked < self.pieces.len() && here + width / 2 >= self.asked {
            let to = self.pieces.len().min(here + width);
            self.image.prefetch(&self.pieces[self.asked.min(to)..to]);
            self.asked = self.asked.max(to);
        }
    }
}
