//! A cache of chunks on this host, in front of stores that are far away or slow.
//!
//! It is a local store like any other, and can be used as one; what is new is that it has a size. Several processes may share
//! it: files get their names when they are complete, chunks are verified before they are kept, and whoever looks for one
//! that is being removed does not find it, and fetches it.
//!
//! The modification time of a file says when its chunk was last wanted, to about a minute. When the files are too large
//! together, those that nobody has wanted for the longest time go. A process knows what itself has added since it last
//! looked, not what others have: each may exceed the size by a sixteenth.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use casync_core::chunk::ChunkId;
use casync_core::gc::StoreFile;
use casync_core::hash::DigestAlgorithm;
use rustix::fs::{self, AtFlags};

use super::lock::{self, Exclusion};
use super::{Directories, Examiner, Form, Inventory, LocalStore, Put, Store};
use crate::error::{Context as _, Result};
use crate::ui::log;

/// The directory of a cache.
#[derive(Debug)]
pub struct ChunkCache {
    store: LocalStore,
    /// Bytes that its files may have; `None` is no limit.
    size: Option<u64>,
    /// Bytes that may be added before somebody looks again.
    room: Mutex<Room>,
    /// That nothing can be kept is said once.
    told: AtomicBool,
    /// Chunks that were found, and that were not.
    hits: AtomicU64,
    misses: AtomicU64,
    examiners: Mutex<Vec<Examiner>>,
}

#[derive(Debug, Default)]
struct Room {
    known: bool,
    left: u64,
}

/// A temporary file of this age has no writer any more.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

impl ChunkCache {
    /// Opens a cache, and makes its directory if there is none.
    ///
    /// # Errors
    ///
    /// If it cannot be used.
    pub fn open(path: &Path, size: Option<u64>) -> Result<Self> {
        Ok(Self {
            store: LocalStore::open_cache(path)?,
            size,
            room: Mutex::default(),
            told: AtomicBool::new(false),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            examiners: Mutex::default(),
        })
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        self.store.name()
    }

    /// The chunks that were found in it, and that had to be fetched.
    pub fn hits_and_misses(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }

    /// Whether a chunk is in it; if so it counts as wanted.
    ///
    /// # Errors
    ///
    /// If the cache cannot be read.
    pub fn has(&self, id: &ChunkId) -> Result<bool> {
        self.store.hold(id)
    }

    fn get(&self, id: &ChunkId, form: Form, buffer: &mut Vec<u8>) -> Result<bool> {
        let found = self.store.get(id, form, buffer)?;
        if found {
            self.hits.fetch_add(1, Ordering::Relaxed);
            // Whether its time can be set matters little.
            let _ = self.store.hold(id);
        }
        Ok(found)
    }

    /// Keeps a chunk that was fetched, if it is the one that its id names.
    ///
    /// # Errors
    ///
    /// What is wrong with the chunk. That it cannot be written is no error, only told.
    fn keep(&self, id: &ChunkId, form: Form, bytes: &[u8]) -> Result<()> {
        self.misses.fetch_add(1, Ordering::Relaxed);
        self.examine(id, form, bytes, None)?;
        let kept = self.store.put(id, form, bytes);
        if let Err(error) = kept.and_then(|put| self.account(put, bytes.len() as u64))
            && !self.told.swap(true, Ordering::Relaxed)
        {
            log::error(format_args!("The cache {:?} keeps nothing more: {error}", self.name()));
        }
        Ok(())
    }

    /// The same for a chunk whose digest is known, and that has to be kept.
    ///
    /// # Errors
    ///
    /// What is wrong with the chunk, or why it cannot be written.
    pub fn fill(&self, id: &ChunkId, form: Form, bytes: &[u8], digest: DigestAlgorithm) -> Result<()> {
        self.misses.fetch_add(1, Ordering::Relaxed);
        self.examine(id, form, bytes, Some(digest))?;
        let put = self.store.put(id, form, bytes)?;
        self.account(put, bytes.len() as u64)
    }

    /// Removes what it has of a chunk, unless that is right.
    fn reject(&self, id: &ChunkId) {
        let mut stored = Vec::new();
        for form in Form::ALL {
            if self.store.get(id, form, &mut stored).unwrap_or(false)
                && self.examine(id, form, &stored, None).is_err()
                && self.store.remove(id, form)
            {
                log::info(format_args!("Removed a bad chunk from the cache {:?}: {id}", self.name()));
            }
        }
    }

    fn examine(&self, id: &ChunkId, form: Form, bytes: &[u8], digest: Option<DigestAlgorithm>) -> Result<()> {
        let spare = self.examiners.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut examiner = match spare {
            Some(examiner) => examiner,
            None => Examiner::new(None)?,
        };
        let examined = examiner.examine_as(id, form, bytes, digest).map(|_| ());
        self.examiners.lock().unwrap_or_else(PoisonError::into_inner).push(examiner);
        examined
    }

    /// Takes note of what was added, and makes room if that was too much.
    fn account(&self, put: Put, bytes: u64) -> Result<()> {
        let (Some(size), Put::Stored) = (self.size, put) else { return Ok(()) };
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        if room.known && bytes <= room.left {
            room.left -= bytes;
            return Ok(());
        }
        let used = self.make_room(size)?;
        *room = Room { known: true, left: (size / 16).min(size.saturating_sub(used)).max(size / 64) };
        Ok(())
    }

    /// Removes what nobody has wanted for the longest time until the rest is clearly smaller than `size`. Returns how many
    /// bytes there are then.
    fn make_room(&self, size: u64) -> Result<u64> {
        let path = Path::new(self.name());
        let mut directories = Directories::open(path)?;
        let by_time = self.survey(&mut directories)?;
        let used: u64 = by_time.values().sum();
        if used <= size {
            return Ok(used);
        }
        // One process does it for all. Who writes to it as a store relies on what is there.
        if lock::exclude(directories.fd()) != Exclusion::Alone {
            return Ok(used);
        }
        let mut excess = used - (size - size / 8);
        let mut last = i64::MIN;
        for (time, bytes) in by_time {
            last = time;
            excess = excess.saturating_sub(bytes);
            if excess == 0 {
                break;
            }
        }
        let removed = self.remove_until(&mut directories, last, used - (size - size / 8))?;
        log::debug(format_args!("Removed {removed} bytes of chunks from the cache {:?}", self.name()));
        Ok(used - removed)
    }

    /// Bytes of all chunks by the second in which they were last wanted.
    fn survey(&self, directories: &mut Directories) -> Result<BTreeMap<i64, u64>> {
        let mut by_time = BTreeMap::new();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let stale = i64::try_from(now.saturating_sub(STALE).as_secs()).unwrap_or(0);
        directories.list()?;
        while let Some(directory) = directories.next()? {
            for file in &directory.files {
                let Ok(stat) = fs::statat(&directory.fd, file, AtFlags::SYMLINK_NOFOLLOW) else { continue };
                match directory.classify(file) {
                    StoreFile::Chunk { .. } => *by_time.entry(stat.st_mtime).or_insert(0) += stat.st_size as u64,
                    StoreFile::Temporary if stat.st_mtime < stale => {
                        let _ = fs::unlinkat(&directory.fd, file, AtFlags::empty());
                    }
                    _ => {}
                }
            }
        }
        Ok(by_time)
    }

    /// Removes chunks last wanted in this second or before, up to an amount of bytes.
    fn remove_until(&self, directories: &mut Directories, last: i64, amount: u64) -> Result<u64> {
        let mut removed = 0;
        directories.list()?;
        while let Some(directory) = directories.next()? {
            for file in
                directory.files.iter().filter(|file| matches!(directory.classify(file), StoreFile::Chunk { .. }))
            {
                // Somebody may have wanted it meanwhile.
                let Ok(stat) = fs::statat(&directory.fd, file, AtFlags::SYMLINK_NOFOLLOW) else { continue };
                if stat.st_mtime < last || (stat.st_mtime == last && removed < amount) {
                    fs::unlinkat(&directory.fd, file, AtFlags::empty()).context(|| format!("remove {file:?}"))?;
                    removed += stat.st_size as u64;
                }
            }
            // Only if it is empty.
            let _ = fs::unlinkat(directories.fd(), &directory.name, AtFlags::REMOVEDIR);
        }
        Ok(removed)
    }
}

/// A store whose chunks are kept in a cache once they have been fetched.
pub struct CachedStore {
    cache: Arc<ChunkCache>,
    source: Arc<dyn Store>,
}

impl CachedStore {
    /// The store behind the cache.
    pub fn new(cache: Arc<ChunkCache>, source: Arc<dyn Store>) -> Self {
        Self { cache, source }
    }
}

#[deny(clippy::missing_trait_methods)]
impl Store for CachedStore {
    fn get(&self, id: &ChunkId, form: Form, buffer: &mut Vec<u8>) -> Result<bool> {
        match self.cache.get(id, form, buffer) {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            // A cache that cannot be read is only slow.
            Err(error) => log::debug(format_args!("Cache: {error}")),
        }
        if !self.source.get(id, form, buffer)? {
            return Ok(false);
        }
        // Whoever asked finds out what is wrong with it, and has more to say about that.
        let _ = self.cache.keep(id, form, buffer);
        Ok(true)
    }

    fn has(&self, id: &ChunkId) -> Result<bool> {
        if self.cache.store.has(id).unwrap_or(false) { Ok(true) } else { self.source.has(id) }
    }

    fn stored_size(&self, id: &ChunkId) -> Result<Option<u64>> {
        match self.cache.store.stored_size(id) {
            Ok(Some(size)) => Ok(Some(size)),
            _ => self.source.stored_size(id),
        }
    }

    fn hold(&self, id: &ChunkId) -> Result<bool> {
        self.source.hold(id)
    }

    fn reject(&self, id: &ChunkId) {
        self.cache.reject(id);
        self.source.reject(id);
    }

    fn put(&self, id: &ChunkId, form: Form, bytes: &[u8]) -> Result<Put> {
        self.source.put(id, form, bytes)
    }

    fn finish(&self) -> Result<()> {
        self.source.finish()
    }

    fn width(&self) -> usize {
        self.source.width()
    }

    fn path(&self, id: &ChunkId, form: Form) -> String {
        self.source.path(id, form)
    }

    /// That of the store behind the cache: chunks that are removed there may stay here.
    fn inventory(&self) -> Option<&dyn Inventory> {
        self.source.inventory()
    }

    fn name(&self) -> &str {
        self.source.name()
    }
}

impl std::fmt::Debug for CachedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CachedStore").field("cache", &self.cache.name()).field("source", &self.name()).finish()
    }
}
