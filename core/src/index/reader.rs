//! The index reader, a transform from bytes to chunks.

use crate::chunk::{ChunkId, ChunkSizes};
use crate::error::{Error, Malformed, Result, UsageError};
use crate::hash::DigestAlgorithm;
use crate::limits::{CHUNK_MAX, Limits};
use crate::record::{
    FeatureFlags, INDEX_HEADER_SIZE, INDEX_ITEM_SIZE, INDEX_TAIL_SIZE, IndexHeader, IndexItem, IndexTail,
};

/// Reads an index that arrives in pieces; every rule of the format is checked on the way.
///
/// ```
/// use casync_core::Limits;
/// use casync_core::index::{IndexEvent, IndexReader, IndexStep, IndexWriter};
/// # use casync_core::chunk::{ChunkId, ChunkSizes};
/// # use casync_core::record::FeatureFlags;
/// # let mut file = Vec::new();
/// # let mut writer = IndexWriter::new(FeatureFlags::SHA512_256, ChunkSizes::default(), &mut file);
/// # writer.push(ChunkId::default(), 7, &mut file)?;
/// # writer.finish(&mut file)?;
/// let mut reader = IndexReader::new(&Limits::default());
/// let mut chunks = 0;
/// for mut piece in file.chunks(10) {
///     loop {
///         match reader.step(piece)? {
///             IndexStep::More => break,
///             IndexStep::Did { used, event } => {
///                 piece = &piece[used..];
///                 chunks += u64::from(matches!(event, IndexEvent::Chunk { .. }));
///             }
///         }
///     }
/// }
/// let size = reader.finish()?;
/// assert_eq!((chunks, size), (1, 7));
/// # Ok::<(), casync_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct IndexReader {
    state: State,
    /// Bytes of the record under way that earlier pieces brought.
    held: [u8; INDEX_HEADER_SIZE],
    filled: usize,
    /// Offset of the record under way in the file.
    place: u64,
    items: u64,
    end: u64,
    limits: Limits,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Before the header.
    Header,
    /// Among the items; the tail may come.
    Items(IndexHeader),
    /// After the tail: nothing may follow.
    Tail,
    /// An error was returned.
    Failed,
}

/// What came of a piece of input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexStep {
    /// All of the input was used, nothing came of it yet.
    More,
    /// Something was read.
    Did {
        /// Bytes used.
        used: usize,
        /// What it is.
        event: IndexEvent,
    },
}

/// A part of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexEvent {
    /// The header, always the first event.
    Header {
        /// The archive's feature flags; they select the digest.
        features: FeatureFlags,
        /// The sizes the stream was cut with.
        sizes: ChunkSizes,
    },
    /// The next chunk of the stream.
    Chunk {
        /// Its id.
        id: ChunkId,
        /// Where it starts in the stream.
        start: u64,
        /// Its length in bytes.
        size: u64,
    },
}

impl IndexReader {
    /// A reader at the start of an index.
    pub fn new(limits: &Limits) -> Self {
        Self {
            state: State::Header,
            held: [0; INDEX_HEADER_SIZE],
            filled: 0,
            place: 0,
            items: 0,
            end: 0,
            limits: *limits,
        }
    }

    /// Reads on. After `More`, call again with the next piece; after `Did`, with what is left of this one.
    ///
    /// # Errors
    ///
    /// [`Error::Format`] for broken rules, [`Error::Unsupported`] for feature flags of the future, [`Error::Limit`] for
    /// more chunks or larger ones than allowed. After an error every call fails.
    pub fn step(&mut self, input: &[u8]) -> Result<IndexStep> {
        let place = self.place;
        let result = self.advance(input).map_err(|error| error.at(place));
        if result.is_err() {
            self.state = State::Failed;
        }
        result
    }

    /// Ends the input; returns the size of the stream.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] if the index is not complete.
    pub fn finish(self) -> Result<u64> {
        match self.state {
            State::Tail => Ok(self.end),
            State::Failed => Err(UsageError::OutOfTurn.into()),
            _ => Err(Error::Truncated { length: self.place + self.filled as u64 }),
        }
    }

    /// Makes every further call fail, after an error of who uses what is read.
    pub(super) const fn fail(&mut self) {
        self.state = State::Failed;
    }

    fn advance(&mut self, input: &[u8]) -> Result<IndexStep> {
        let wanted = match self.state {
            State::Header => INDEX_HEADER_SIZE,
            State::Items(_) => INDEX_ITEM_SIZE,
            State::Tail if input.is_empty() => return Ok(IndexStep::More),
            State::Tail => return Err(Malformed::TrailingData.into()),
            State::Failed => return Err(UsageError::OutOfTurn.into()),
        };
        let used = input.len().min(wanted - self.filled);
        self.held[self.filled..self.filled + used].copy_from_slice(&input[..used]);
        self.filled += used;
        if self.filled < wanted {
            return Ok(IndexStep::More);
        }
        let event = match self.state {
            State::Items(header) => {
                let Some(event) = self.item(&header)? else {
                    self.state = State::Tail;
                    self.next(wanted);
                    return if used < input.len() {
                        Err(Error::from(Malformed::TrailingData).at(self.place))
                    } else {
                        Ok(IndexStep::More)
                    };
                };
                event
            }
            _ => {
                let header = IndexHeader::parse(&self.held)?;
                self.state = State::Items(header);
                IndexEvent::Header { features: header.features, sizes: header.sizes }
            }
        };
        self.next(wanted);
        Ok(IndexStep::Did { used, event })
    }

    /// Reads the held bytes as an item; `None` if they are the tail.
    fn item(&mut self, header: &IndexHeader) -> Result<Option<IndexEvent>> {
        let bytes = &self.held[..INDEX_ITEM_SIZE];
        if IndexTail::parse(bytes, self.items).is_some() {
            return Ok(None);
        }
        let item = IndexItem::parse(bytes);
        if item.end <= self.end {
            // A damaged tail reads as an item that ends at 0.
            let what = if IndexTail::is_like(bytes) { Malformed::IndexTail } else { Malformed::ItemOrder };
            return Err(what.into());
        }
        let size = item.end - self.end;
        if size > header.sizes.max() {
            return Err(Malformed::ItemSize(size).into());
        }
        self.limits.check_chunk(size)?;
        self.limits.check_stream(item.end)?;
        let start = core::mem::replace(&mut self.end, item.end);
        self.items += 1;
        Ok(Some(IndexEvent::Chunk { id: item.id, start, size }))
    }

    fn next(&mut self, size: usize) {
        self.place += size as u64;
        self.filled = 0;
    }
}

impl IndexHeader {
    /// The digest of the chunk ids.
    pub const fn algorithm(&self) -> DigestAlgorithm {
        DigestAlgorithm::of(self.features)
    }
}

/// Checks the two ends of an index whose size is known before it is read through; returns header and number of chunks.
///
/// `head` is the first [`INDEX_HEADER_SIZE`] bytes, `tail` the last [`INDEX_TAIL_SIZE`]. This finds truncated and
/// overwritten files before any output is made from them.
///
/// ```
/// # use casync_core::chunk::{ChunkId, ChunkSizes};
/// # use casync_core::index::{IndexWriter, check_ends};
/// # use casync_core::record::{FeatureFlags, INDEX_HEADER_SIZE, INDEX_TAIL_SIZE};
/// # let mut file = Vec::new();
/// # let mut writer = IndexWriter::new(FeatureFlags::SHA512_256, ChunkSizes::default(), &mut file);
/// # writer.push(ChunkId::default(), 7, &mut file)?;
/// # writer.finish(&mut file)?;
/// let (head, tail) = (&file[..INDEX_HEADER_SIZE], &file[file.len() - INDEX_TAIL_SIZE..]);
/// let (header, chunks) = check_ends(head, tail, file.len() as u64)?;
/// assert_eq!((header.sizes, chunks), (ChunkSizes::default(), 1));
/// # Ok::<(), casync_core::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Truncated`] for impossible sizes, otherwise as the reader.
///
/// # Panics
///
/// If `head` or `tail` is shorter than that and `size` is not.
pub fn check_ends(head: &[u8], tail: &[u8], size: u64) -> Result<(IndexHeader, u64)> {
    const HEADER: u64 = INDEX_HEADER_SIZE as u64;
    const ITEM: u64 = INDEX_ITEM_SIZE as u64;
    if size < HEADER {
        return Err(Error::Truncated { length: size });
    }
    let header = IndexHeader::parse(head).map_err(|error| error.at(0))?;
    if size < HEADER + INDEX_TAIL_SIZE as u64 || !(size - HEADER).is_multiple_of(ITEM) {
        return Err(Error::Truncated { length: size });
    }
    let items = (size - HEADER) / ITEM - 1;
    match IndexTail::parse(tail, items) {
        Some(_) => Ok((header, items)),
        None if IndexTail::is_like(tail) => Err(Error::from(Malformed::IndexTail).at(size - ITEM)),
        None => Err(Error::Truncated { length: size }),
    }
}

impl Limits {
    pub(crate) fn check_chunk(&self, size: u64) -> Result<()> {
        let max = self.chunk.min(CHUNK_MAX);
        if size > max {
            return Err(Error::Limit { what: crate::error::Limited::Chunk, value: size, max });
        }
        Ok(())
    }

    /// Streams stay below 2^63, the largest file offset.
    pub(crate) fn check_stream(&self, end: u64) -> Result<()> {
        const MAX: u64 = i64::MAX as u64;
        if end > MAX {
            return Err(Error::Limit { what: crate::error::Limited::Stream, value: end, max: MAX });
        }
        Ok(())
    }
}
