//! A stream of which any range can be read: an image or archive, as a file or put together from chunks.

use std::cell::RefCell;
use std::fs::File;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use casync_core::chunk::{ChunkId, ChunkSizes};
use casync_core::hash::{DigestAlgorithm, Hasher};
use casync_core::index::{IndexTable, Piece};
use casync_core::record::FeatureFlags;

use super::ahead::Streams;
use super::chunks::ChunkCache;
use super::fetch::{Block, ChunkFetch, RangeFetch};
use super::pages::PAGE;
use crate::error::{Error, Result};
use crate::flow::Budget;
use crate::fs::blob;
use crate::remote::RemoteFile;
use crate::seed::Seeds;
use crate::store::Chain;

/// A stream that is read at random, by any number of threads.
#[derive(Debug)]
pub struct Image {
    source: Source,
    size: u64,
}

#[derive(Debug)]
enum Source {
    /// A file of this host, which the system caches and reads ahead.
    File(File),
    /// Pieces that are fetched.
    Pieces(Pieces),
}

#[derive(Debug)]
struct Pieces {
    layout: Layout,
    cache: ChunkCache,
    streams: Mutex<Streams>,
    /// How far ahead of a reader is fetched.
    window: u64,
}

/// Which pieces an image consists of.
#[derive(Debug)]
enum Layout {
    /// Those of an index. `zeros`: what knows chunks of nothing but zeros.
    Index { table: IndexTable, zeros: Arc<Seeds> },
    /// Blocks of one size, the last one shorter.
    Blocks { size: u64 },
}

/// A range of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Where it lies.
    pub range: Range<u64>,
    /// Whether it is known to be nothing but zeros.
    pub is_hole: bool,
}

/// Bytes of an image, as they lie in memory.
#[derive(Clone, Debug, Default)]
pub struct Slices(Vec<(Arc<Block>, Range<usize>)>);

impl Slices {
    /// The pieces, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|(block, range)| &block.bytes()[range.clone()])
    }

    /// Gives all bytes in a row, copied only if they are in more than one place, into memory that the thread keeps.
    pub fn in_a_row<R>(&self, take: impl FnOnce(&[u8]) -> R) -> R {
        thread_local! {
            static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        if let [(block, range)] = self.0.as_slice() {
            return take(&block.bytes()[range.clone()]);
        }
        // Not borrowed meanwhile, for who reads within `take`.
        let mut buffer = BUFFER.take();
        buffer.clear();
        self.iter().for_each(|slice| buffer.extend_from_slice(slice));
        let taken = take(&buffer);
        BUFFER.set(buffer);
        taken
    }

    /// Copies them to the start of a buffer; returns how many there are.
    pub fn copy_to(&self, buffer: &mut [u8]) -> usize {
        let mut filled = 0;
        for slice in self.iter() {
            buffer[filled..filled + slice.len()].copy_from_slice(slice);
            filled += slice.len();
        }
        filled
    }
}

impl Image {
    /// Of the budget's memory, the share of the chunks: the rest is for names and attributes, and for compressed chunks.
    const CHUNK_SHARE: (u64, u64) = (3, 4);
    /// Blocks of files without chunks.
    const BLOCK: u64 = 128 << 10;
    /// The least that is worth fetching ahead.
    const WINDOW_MIN: u64 = 1 << 20;

    /// What an index describes, from the stores and seeds of a chain.
    ///
    /// Memory: 40 bytes for each chunk of the index, and most of the budget for chunks.
    ///
    /// # Errors
    ///
    /// If no thread can be started.
    pub fn from_index(table: IndexTable, chain: Chain, budget: Budget) -> Result<Self> {
        let (chain, zeros) = match chain.shared_seeds() {
            Some(seeds) => (chain, seeds),
            None => {
                let seeds = Arc::new(Seeds::new(&table.sizes(), table.algorithm()));
                (chain.with_seeds(Arc::clone(&seeds)), seeds)
            }
        };
        let fetch = Arc::new(ChunkFetch::new(chain, table.algorithm()));
        let cache = ChunkCache::new(fetch, Self::cache_size(&budget), budget.jobs)?;
        let (size, average) = (table.stream_size(), table.sizes().avg());
        let layout = Layout::Index { table, zeros };
        Ok(Self { source: Source::Pieces(Pieces::new(layout, cache, average)), size })
    }

    /// A regular file or block device of this host.
    ///
    /// # Errors
    ///
    /// If its size cannot be found out, or it has none.
    pub fn from_file(fd: OwnedFd) -> Result<Self> {
        let size = match blob::Kind::of(&fd)? {
            blob::Kind::File => rustix::fs::fstat(&fd)?.st_size as u64,
            blob::Kind::BlockDevice => blob::device_size(&fd)?,
            _ => return Err(Error::new(rustix::io::Errno::SPIPE, "it has no size, and cannot be read at random")),
        };
        Ok(Self { source: Source::File(File::from(fd)), size })
    }

    /// A file on another host, of which ranges can be had.
    ///
    /// # Errors
    ///
    /// If it is not there, does not tell its size, or no thread can be started.
    pub fn from_remote(file: Arc<dyn RemoteFile>, budget: Budget) -> Result<Self> {
        let Some(size) = file.size()? else {
            let what = format!("{} does not tell its size, or gives no ranges", file.name());
            return Err(Error::new(rustix::io::Errno::SPIPE, what));
        };
        let fetch = Arc::new(RangeFetch::new(file));
        let cache = ChunkCache::new(fetch, Self::cache_size(&budget), budget.jobs)?;
        let layout = Layout::Blocks { size: Self::BLOCK };
        Ok(Self { source: Source::Pieces(Pieces::new(layout, cache, Self::BLOCK)), size })
    }

    const fn cache_size(budget: &Budget) -> u64 {
        let (part, whole) = Self::CHUNK_SHARE;
        budget.memory / whole * part
    }

    /// Bytes in it.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Feature flags of its index, if it has one.
    pub fn features(&self) -> Option<FeatureFlags> {
        match &self.source {
            Source::Pieces(Pieces { layout: Layout::Index { table, .. }, .. }) => Some(table.features()),
            _ => None,
        }
    }

    /// How its index says that it was cut.
    pub fn sizes(&self) -> Option<ChunkSizes> {
        match &self.source {
            Source::Pieces(Pieces { layout: Layout::Index { table, .. }, .. }) => Some(table.sizes()),
            _ => None,
        }
    }

    /// What tells this image from others, for who keeps what belongs to it: the chunks of an index, or size and time of a
    /// file. Other chunks in the same order are another image even if their bytes are the same.
    pub fn identity(&self) -> [u8; 32] {
        let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
        hasher.update(&self.size.to_le_bytes());
        match &self.source {
            Source::Pieces(Pieces { layout: Layout::Index { table, .. }, .. }) => {
                for piece in table.covering(0..self.size) {
                    hasher.update(piece.id.as_bytes());
                    hasher.update(&piece.start.to_le_bytes());
                }
            }
            Source::Pieces(_) => {}
            Source::File(file) => {
                let modified = file.metadata().and_then(|metadata| metadata.modified()).ok();
                let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
                hasher.update(&since.as_nanos().to_le_bytes());
            }
        }
        *hasher.finish().as_bytes()
    }

    /// Fills a buffer from an offset; returns how much there was before the end.
    ///
    /// # Errors
    ///
    /// If a chunk cannot be had, or the file cannot be read.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        match &self.source {
            Source::File(file) => blob::read_at(file, buffer, offset),
            Source::Pieces(pieces) => {
                // In parts, so that a large read does not need all of its chunks in memory at once.
                let part = usize::try_from(pieces.cache.limit() / 4).unwrap_or(usize::MAX).max(1);
                for part in buffer.chunks_mut(part) {
                    let start = offset + filled as u64;
                    let copied = self.slices(start..start + part.len() as u64)?.copy_to(part);
                    filled += copied;
                    if copied < part.len() {
                        break;
                    }
                }
                Ok(filled)
            }
        }
    }

    /// The bytes of a range, as far as the image goes; waits for them.
    ///
    /// # Errors
    ///
    /// As [`Self::read_at`].
    pub fn slices(&self, range: Range<u64>) -> Result<Slices> {
        let range = range.start..range.end.min(self.size);
        if range.is_empty() {
            return Ok(Slices::default());
        }
        match &self.source {
            Source::File(file) => {
                let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or(usize::MAX)];
                let filled = blob::read_at(file, &mut bytes, range.start)?;
                Ok(Slices(vec![(Arc::new(Block::Range(bytes)), 0..filled)]))
            }
            Source::Pieces(pieces) => {
                let covering: Vec<Piece> = pieces.covering(range.clone(), self.size);
                pieces.follow(range.clone(), self.size);
                let blocks = pieces.cache.get(&covering)?;
                Ok(cut(&range, &covering, blocks))
            }
        }
    }

    /// The same if nothing has to be waited for.
    pub fn slices_at_hand(&self, range: Range<u64>) -> Option<Slices> {
        let range = range.start..range.end.min(self.size);
        match &self.source {
            _ if range.is_empty() => Some(Slices::default()),
            // Nobody can tell; local files do not make anybody wait for long.
            Source::File(_) => self.slices(range).ok(),
            Source::Pieces(pieces) => {
                let covering: Vec<Piece> = pieces.covering(range.clone(), self.size);
                let blocks = pieces.cache.at_hand(&covering)?;
                pieces.follow(range.clone(), self.size);
                Some(cut(&range, &covering, blocks))
            }
        }
    }

    /// What the piece at the start of a read has of a file besides, as far as it is here: whole pages, or up to the end of the
    /// file. `file`: where that lies. Returns where in the file the first page starts.
    pub(super) fn pages_around(&self, read: u64, file: &Range<u64>) -> Option<(u64, Slices)> {
        /// Who has larger chunks does not want all of one in the kernel's memory for each page that is read.
        const NEAR: u64 = 512 << 10;
        let Source::Pieces(pieces) = &self.source else { return None };
        let covering = pieces.covering(read..read + 1, self.size);
        let piece = covering.first()?.range();
        let start = piece.start.max(file.start).max(read.saturating_sub(NEAR)) - file.start;
        let end = piece.end.min(file.end).min(read + NEAR) - file.start;
        let start = start.next_multiple_of(PAGE);
        let end = if file.start + end == file.end { end } else { end - end % PAGE };
        let range = file.start + start..file.start + end.max(start);
        // One page is what was read.
        if range.end - range.start <= PAGE {
            return None;
        }
        let blocks = pieces.cache.at_hand(&covering)?;
        Some((start, cut(&range, &covering, blocks)))
    }

    /// The piece that holds an offset, and what else comes with it at no cost: in one place, with what is around it.
    ///
    /// # Errors
    ///
    /// As [`Self::read_at`].
    pub(crate) fn around(&self, range: &Range<u64>) -> Result<(u64, Slices)> {
        /// How much of what is around a range is worth copying: tables are read from behind, nodes from the front.
        const NEAR: u64 = 16 << 10;
        let range = match &self.source {
            Source::File(_) => range.start.saturating_sub(NEAR / 4)..range.end.saturating_add(NEAR).min(self.size),
            Source::Pieces(pieces) => {
                let covering = pieces.covering(range.clone(), self.size);
                let (Some(first), Some(last)) = (covering.first(), covering.last()) else {
                    return Ok((range.start, Slices::default()));
                };
                // Who lists one directory after the other goes through the archive in order, too.
                pieces.follow(range.clone(), self.size);
                let blocks = pieces.cache.get(&covering)?;
                let near = range.start.saturating_sub(NEAR / 4)..range.end + NEAR;
                let near = near.start.max(first.start)..near.end.min(last.range().end);
                return Ok((near.start, cut(&near, &covering, blocks)));
            }
        };
        Ok((range.start, self.slices(range)?))
    }

    /// The pieces that hold some ranges, each once, in order; nothing for local files, which need no fetching.
    pub fn pieces_of(&self, ranges: impl Iterator<Item = Range<u64>>) -> Vec<Piece> {
        let Source::Pieces(pieces) = &self.source else { return Vec::new() };
        let mut all: Vec<Piece> = Vec::new();
        for range in ranges {
            let after = all.last().map_or(0, |piece| piece.range().end);
            if range.end > after {
                all.extend(pieces.covering(range.start.max(after)..range.end, self.size));
            }
        }
        all
    }

    /// Lets pieces be fetched without waiting for them.
    pub fn prefetch(&self, wanted: &[Piece]) {
        if let Source::Pieces(pieces) = &self.source {
            pieces.cache.ahead(wanted.iter().copied());
        }
    }

    /// How many pieces it is worth to prefetch at a time.
    pub fn prefetch_width(&self) -> usize {
        match &self.source {
            Source::File(_) => 0,
            Source::Pieces(pieces) => 2 * pieces.cache.threads() * ChunkCache::BATCH,
        }
    }

    /// The range in parts that are data and parts that are known to be zeros, in order.
    pub fn extents(&self, range: Range<u64>) -> Extents<'_> {
        Extents { image: self, rest: range.start..range.end.min(self.size) }
    }

    /// The next extent that starts at `range.start`.
    fn extent(&self, range: Range<u64>) -> Extent {
        let Source::Pieces(Pieces { layout: Layout::Index { table, zeros }, .. }) = &self.source else {
            return Extent { range, is_hole: false };
        };
        let is_zeros = |piece: &Piece| zeros.is_zeros(&piece.id, piece.size);
        let mut pieces = table.covering(range.clone());
        let Some(first) = pieces.next() else { return Extent { range, is_hole: false } };
        let is_hole = is_zeros(&first);
        let end = pieces.find(|piece| is_zeros(piece) != is_hole).map_or(range.end, |piece| piece.start);
        Extent { range: range.start..end, is_hole }
    }
}

/// The extents of a range; see [`Image::extents`].
#[derive(Clone, Debug)]
pub struct Extents<'a> {
    image: &'a Image,
    rest: Range<u64>,
}

impl Iterator for Extents<'_> {
    type Item = Extent;

    fn next(&mut self) -> Option<Extent> {
        if self.rest.is_empty() {
            return None;
        }
        let extent = self.image.extent(self.rest.clone());
        self.rest.start = extent.range.end;
        Some(extent)
    }
}

impl Pieces {
    fn new(layout: Layout, cache: ChunkCache, average: u64) -> Self {
        let busy = cache.threads() as u64 * ChunkCache::BATCH as u64 * average;
        let window = busy.max(Image::WINDOW_MIN).min(cache.limit() / 4);
        Self { layout, cache, streams: Mutex::default(), window }
    }

    fn covering(&self, range: Range<u64>, end: u64) -> Vec<Piece> {
        match &self.layout {
            Layout::Index { table, .. } => table.covering(range).collect(),
            Layout::Blocks { size } => (range.start / size..range.end.min(end).div_ceil(*size))
                .map(|number| {
                    let start = number * size;
                    Piece { number: number as usize, id: block_id(number), start, size: (*size).min(end - start) }
                })
                .collect(),
        }
    }

    /// Takes note of a read, and fetches what will probably be read next.
    fn follow(&self, read: Range<u64>, end: u64) {
        let ahead = self.streams.lock().unwrap_or_else(PoisonError::into_inner).note(read, self.window);
        if !ahead.is_empty() {
            self.cache.ahead(self.covering(ahead, end));
        }
    }
}

/// A name for a block that has no digest; never compared with one of a chunk, since an image has one or the other.
fn block_id(number: u64) -> ChunkId {
    let mut name = [0; 32];
    name[..8].copy_from_slice(&number.to_le_bytes());
    ChunkId::from(casync_core::hash::Digest::from(name))
}

/// The bytes of a range in the blocks of the pieces that cover it.
fn cut(range: &Range<u64>, pieces: &[Piece], blocks: Vec<Arc<Block>>) -> Slices {
    let parts = pieces.iter().zip(blocks).map(|(piece, block)| {
        let within = |offset: u64| (offset.clamp(piece.start, piece.range().end) - piece.start) as usize;
        (block, within(range.start)..within(range.end))
    });
    Slices(parts.collect())
}
