//! Seeds: local files, devices and trees that chunks are taken from instead of a store (spec: seeds-and-cache.md).
//!
//! A seed is a stream, the one that `make` would make of it: the bytes of a file, or the archive of a tree. A [`Layout`]
//! tells which file each byte of an archive is in. Of all chunks of the stream only those that the target index wants are
//! remembered, with the offset at which they start: 8 bytes for each wanted chunk, whatever the size of the seed.
//!
//! ```text
//! target index -> Keys (what is wanted)
//! seed -> scan: read, cut, digest (flow::scan)  \
//!      -> its own index, without reading         +-> Places (key -> offset) -> Loader: read, verify, use
//!      -> a seed table, made before (.catab)    /
//! ```
//!
//! Nothing here is trusted: whatever comes of a seed is verified against the chunk's id, and a seed that changed, vanished
//! or never was what its index says only has chunks that are not there.

mod files;
mod layout;
mod places;
mod reader;
mod table;

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use casync_core::chunk::{ChunkId, ChunkSizes};
use casync_core::hash::DigestAlgorithm;

use crate::fs::blob::Kind;

pub use files::Files;
pub use layout::{Layout, Part};
pub use places::{Keys, Places, key};
pub use reader::{SeedReader, open_file};
pub use table::load_table;

/// What a seed's stream is read from.
#[derive(Debug)]
pub enum Content {
    /// A regular file or block device.
    Blob(OwnedFd),
    /// A tree, by its root.
    Tree(OwnedFd, Layout),
}

/// One seed.
#[derive(Debug)]
pub struct Seed {
    content: Content,
    places: Places,
    /// Whether its places were taken from an index, so that they may all be wrong.
    guided: bool,
    used: AtomicU64,
    failed: AtomicU64,
    /// Whether its data cannot become part of the output by reference.
    unclonable: AtomicBool,
}

impl Seed {
    /// Failures of an index-guided seed that are put up with in any case.
    const FAILURES: u64 = 16;

    /// A seed whose chunks were found by reading it.
    pub fn scanned(mut content: Content, places: Places) -> Self {
        let unclonable = match &mut content {
            Content::Blob(fd) => Kind::of(fd).is_ok_and(|kind| kind != Kind::File),
            Content::Tree(_, layout) => {
                layout.seal();
                false
            }
        };
        Self {
            content,
            places,
            guided: false,
            used: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            unclonable: AtomicBool::new(unclonable),
        }
    }

    /// A seed of which an index told where its chunks are.
    pub fn guided(content: Content, places: Places) -> Self {
        Self { guided: true, ..Self::scanned(content, places) }
    }

    /// A tree that only has whole files to offer, and no chunks.
    pub fn of_files(root: OwnedFd, layout: Layout) -> Self {
        let seed = Self::scanned(Content::Tree(root, layout), Places::new(&Keys::default()));
        Self { unclonable: AtomicBool::new(true), ..seed }
    }

    /// Bytes of memory that it takes besides its places.
    pub fn memory(&self) -> u64 {
        match &self.content {
            Content::Tree(_, layout) => layout.memory(),
            Content::Blob(_) => 0,
        }
    }

    /// Whether it has a wanted chunk, as far as is known without reading it.
    pub fn has(&self, id: &ChunkId) -> bool {
        self.places.get(id).is_some()
    }

    /// Where a wanted chunk starts in the stream.
    fn find(&self, id: &ChunkId) -> Option<u64> {
        let (failed, used) = (self.failed.load(Ordering::Relaxed), self.used.load(Ordering::Relaxed));
        // Its index is of something else: reading it on would only waste time.
        let dropped = self.guided && failed > Self::FAILURES && failed > used;
        if dropped { None } else { self.places.get(id) }
    }
}

/// A chunk's place in a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeedPlace {
    /// Which seed.
    pub seed: usize,
    /// Where the chunk starts in its stream.
    pub offset: u64,
}

/// All seeds of a run, in the order in which they are asked, and other chunks that need no store.
#[derive(Debug)]
pub struct Seeds {
    seeds: Vec<Seed>,
    /// Whether the first seed is what stands in the output's place.
    has_output: bool,
    /// Number of the seed that is the new output, as far as it is written.
    written: Option<usize>,
    /// Id and size of the largest chunk of zeros.
    zeros: Option<(ChunkId, u64)>,
    /// Time that was spent on finding out what the seeds have.
    spent: Duration,
}

impl Seeds {
    /// Zeros are recognized in chunks up to this size; larger ones are rare and would cost time in every run.
    const ZEROS_MAX: u64 = 1 << 20;

    /// No seeds yet, for streams that are cut this way.
    pub fn new(sizes: &ChunkSizes, algorithm: DigestAlgorithm) -> Self {
        let size = sizes.max();
        let zeros = (size <= Self::ZEROS_MAX).then(|| (ChunkId::of(&vec![0; size as usize], algorithm), size));
        Self { seeds: Vec::new(), has_output: false, written: None, zeros, spent: Duration::ZERO }
    }

    /// Adds a seed that is asked after the others.
    pub fn push(&mut self, seed: Seed) {
        self.seeds.push(seed);
    }

    /// Adds, as the first, what stands in the output's place.
    pub fn push_output(&mut self, seed: Seed) {
        debug_assert!(self.seeds.is_empty(), "the output is asked first");
        self.has_output = true;
        self.seeds.push(seed);
    }

    /// Adds the new output, of which the chunks of `keys` are used as soon as they are written.
    pub fn push_written(&mut self, output: OwnedFd, keys: &Keys) {
        if !keys.is_empty() {
            self.written = Some(self.seeds.len());
            self.seeds.push(Seed::scanned(Content::Blob(output), Places::new(keys)));
        }
    }

    /// Takes note of a chunk that is in the new output now, and right.
    pub fn note_written(&self, id: &ChunkId, offset: u64) {
        if let Some(seed) = self.written.and_then(|written| self.seeds.get(written)) {
            seed.places.note(id, offset);
        }
    }

    /// Whether data of a seed can become part of the output by reference, as far as that is known.
    pub fn is_clonable(&self, seed: usize) -> bool {
        self.seeds.get(seed).is_some_and(|seed| !seed.unclonable.load(Ordering::Relaxed))
    }

    /// Whether there is a seed whose data can become part of the output by reference.
    pub fn any_clonable(&self) -> bool {
        (0..self.seeds.len()).any(|seed| self.is_clonable(seed))
    }

    /// Data of this seed cannot become part of the output by reference.
    pub fn set_unclonable(&self, seed: usize) {
        if let Some(seed) = self.seeds.get(seed) {
            seed.unclonable.store(true, Ordering::Relaxed);
        }
    }

    /// Takes note of the time that it took to find out what the seeds have.
    pub const fn set_spent(&mut self, spent: Duration) {
        self.spent = spent;
    }

    /// Time that was spent on finding out what the seeds have.
    pub const fn spent(&self) -> Duration {
        self.spent
    }

    /// Whether the chunk is known to be nothing but zeros.
    pub fn is_zeros(&self, id: &ChunkId, size: u64) -> bool {
        self.zeros == Some((*id, size))
    }

    /// Whether what stands in the output's place is a seed.
    pub const fn has_output(&self) -> bool {
        self.has_output
    }

    /// Where a chunk may be, best first.
    pub fn find<'a>(&'a self, id: &'a ChunkId) -> impl Iterator<Item = SeedPlace> + 'a {
        let seeds = self.seeds.iter().enumerate();
        seeds.filter_map(|(seed, table)| Some(SeedPlace { seed, offset: table.find(id)? }))
    }

    /// Where a chunk is in what stands in the output's place.
    pub fn find_in_output(&self, id: &ChunkId) -> Option<u64> {
        self.seeds.first().filter(|_| self.has_output)?.find(id)
    }

    /// The trees whose files can be used as a whole: numbers of the seeds, roots, and the files.
    pub fn files(&self) -> impl Iterator<Item = (usize, &OwnedFd, &Files)> {
        self.seeds.iter().enumerate().filter_map(|(number, seed)| match &seed.content {
            Content::Tree(root, layout) => Some((number, root, layout.files()?)),
            Content::Blob(_) => None,
        })
    }

    /// Takes note of what came of reading a chunk.
    pub fn note(&self, place: SeedPlace, good: bool) {
        if let Some(seed) = self.seeds.get(place.seed) {
            let counter = if good { &seed.used } else { &seed.failed };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn get(&self, seed: usize) -> Option<&Seed> {
        self.seeds.get(seed)
    }
}

/// What a chunk came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A store.
    Store {
        /// Whether it is on another host.
        is_far: bool,
    },
    /// A seed.
    Seed(SeedPlace),
    /// Its id alone: zeros.
    Id,
}
