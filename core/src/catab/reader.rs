//! Reads a seed table, a transform from bytes to parts and chunks.

use alloc::vec::Vec;

use super::record::{CHUNK_SIZE, CatabHeader, FILE_SIZE, HEADER_SIZE, PART_SIZE, SeedRoot, TAIL_SIZE, Tag};
use super::record::{is_below, path_size};
use crate::cache::FileIdentity;
use crate::chunk::ChunkId;
use crate::error::{Error, Malformed, Result, UsageError};
use crate::hash::{Digest, DigestAlgorithm, Hasher};
use crate::limits::Limits;
use crate::record::read;

/// Reads a seed table that arrives in pieces; every rule of the format is checked on the way.
///
/// Whether the table is whole shows at its end: what it says before is as good as a guess. After an error every call fails.
///
/// ```
/// # use casync_core::Limits;
/// # use casync_core::catab::{CatabEvent, CatabHeader, CatabReader, CatabStep, CatabWriter, SeedRoot};
/// # use casync_core::chunk::{ChunkId, ChunkSizes};
/// # use casync_core::record::FeatureFlags;
/// # let (features, root) = (FeatureFlags::SHA512_256, SeedRoot::Tree(b"/home".to_vec()));
/// # let mut file = Vec::new();
/// # let mut writer = CatabWriter::new(&CatabHeader { features, sizes: ChunkSizes::default(), root }, &mut file)?;
/// # writer.records(b"records", &mut file)?;
/// # writer.chunk(ChunkId::default(), 7, &mut file)?;
/// # writer.finish(&mut file)?;
/// let mut reader = CatabReader::new(&Limits::default());
/// let (mut input, mut chunks) = (file.as_slice(), 0);
/// while let CatabStep::Did { used, event } = reader.step(input)? {
///     input = &input[used..];
///     chunks += u64::from(matches!(event, CatabEvent::Chunk { .. }));
/// }
/// assert_eq!((chunks, reader.finish()?), (1, 7));
/// # Ok::<(), casync_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CatabReader {
    state: State,
    /// The record under way, as far as it came.
    held: Vec<u8>,
    /// Where that is in the table.
    place: u64,
    hasher: Hasher,
    /// Bytes of the parts, and of the chunks.
    size: u64,
    cut: u64,
    max: u64,
    is_file: bool,
    limits: Limits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the header.
    Header,
    /// A record comes.
    Record,
    /// The record that was read is to be forgotten before the next.
    Shown,
    /// So many bytes of RECORDS come.
    Bytes(u64),
    /// After the tail: nothing may follow.
    Tail,
    /// An error was returned.
    Failed,
}

/// What came of a piece of input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CatabStep<'a> {
    /// All of the input was used, nothing came of it yet.
    More,
    /// Something was read.
    Did {
        /// Bytes used.
        used: usize,
        /// What it is.
        event: CatabEvent<'a>,
    },
}

/// A part of a seed table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CatabEvent<'a> {
    /// The header, always the first event.
    Header(CatabHeader),
    /// The next bytes of the stream; those of one record may come in several pieces.
    Records(&'a [u8]),
    /// The next part of the stream: all bytes of a file.
    File {
        /// The file.
        identity: FileIdentity,
        /// Its path from the root, which leads nowhere else; empty if the root is the file.
        path: &'a [u8],
    },
    /// So many bytes of the stream cannot be had.
    Gap(u64),
    /// The next chunk of the stream; its parts have all been shown.
    Chunk {
        /// Its id.
        id: ChunkId,
        /// Where it starts in the stream.
        start: u64,
        /// Its length in bytes.
        size: u64,
    },
}

impl CatabReader {
    /// A reader at the start of a table.
    pub fn new(limits: &Limits) -> Self {
        Self {
            state: State::Header,
            held: Vec::new(),
            place: 0,
            hasher: Hasher::new(DigestAlgorithm::Sha256),
            size: 0,
            cut: 0,
            max: 0,
            is_file: false,
            limits: *limits,
        }
    }

    /// Reads on. After `More`, call again with the next piece; after `Did`, with what is left of this one.
    ///
    /// # Errors
    ///
    /// [`Error::Format`] for broken rules, [`Error::Unsupported`] for what only newer versions write, [`Error::Limit`] for
    /// larger chunks or longer paths than allowed.
    pub fn step<'a>(&'a mut self, input: &'a [u8]) -> Result<CatabStep<'a>> {
        let found = match self.advance(input) {
            Ok(found) => found,
            Err(error) => {
                self.state = State::Failed;
                return Err(error.at(self.place));
            }
        };
        let Some((used, found)) = found else { return Ok(CatabStep::More) };
        let event = match found {
            Found::Header(header) => CatabEvent::Header(header),
            Found::Records { from } => CatabEvent::Records(&input[from..used]),
            Found::File(identity) => CatabEvent::File { identity, path: &self.held[FILE_SIZE..] },
            Found::Gap(size) => CatabEvent::Gap(size),
            Found::Chunk { id, start, size } => CatabEvent::Chunk { id, start, size },
        };
        Ok(CatabStep::Did { used, event })
    }

    /// Ends the input; returns the size of the stream.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] if the table is not complete.
    pub fn finish(self) -> Result<u64> {
        match self.state {
            State::Tail => Ok(self.size),
            State::Failed => Err(UsageError::OutOfTurn.into()),
            _ => Err(Error::Truncated { length: self.place + self.held.len() as u64 }),
        }
    }

    /// Reads up to the next thing to show; returns how much that took of the input.
    fn advance(&mut self, input: &[u8]) -> Result<Option<(usize, Found)>> {
        let mut used = 0;
        loop {
            let rest = &input[used..];
            match self.state {
                State::Failed => return Err(UsageError::OutOfTurn.into()),
                State::Tail if rest.is_empty() => return Ok(None),
                State::Tail => return Err(Malformed::TrailingData.into()),
                State::Bytes(_) if rest.is_empty() => return Ok(None),
                State::Bytes(left) => {
                    let count = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    self.hasher.update(&rest[..count]);
                    self.place += count as u64;
                    let left = left - count as u64;
                    self.state = if left == 0 { State::Record } else { State::Bytes(left) };
                    return Ok(Some((used + count, Found::Records { from: used })));
                }
                State::Shown => {
                    self.forget();
                    self.state = State::Record;
                }
                State::Header | State::Record => {
                    let missing = self.wanted()? - self.held.len();
                    if missing == 0 {
                        if let Some(found) = self.complete()? {
                            return Ok(Some((used, found)));
                        }
                    } else if rest.is_empty() {
                        return Ok(None);
                    } else {
                        let count = missing.min(rest.len());
                        self.held.extend_from_slice(&rest[..count]);
                        used += count;
                    }
                }
            }
        }
    }

    /// Bytes of the record under way, as far as what came of it tells.
    fn wanted(&self) -> Result<usize> {
        let held = &self.held;
        if self.state == State::Header {
            return if held.len() < HEADER_SIZE { Ok(HEADER_SIZE) } else { CatabHeader::size(held, &self.limits) };
        }
        if held.len() < 8 {
            return Ok(8);
        }
        Ok(match self.tag()? {
            Tag::Records | Tag::Gap => PART_SIZE,
            Tag::Chunk => CHUNK_SIZE,
            Tag::Tail => TAIL_SIZE,
            Tag::File if held.len() < FILE_SIZE => FILE_SIZE,
            Tag::File => path_size(FILE_SIZE, read(held, FILE_SIZE - 8), &self.limits)?,
        })
    }

    fn tag(&self) -> Result<Tag> {
        Tag::of(read(&self.held, 0)).ok_or_else(|| Malformed::SeedTable.into())
    }

    /// Reads the record that is held.
    fn complete(&mut self) -> Result<Option<Found>> {
        if self.state == State::Header {
            let header = CatabHeader::parse(&self.held, &self.limits)?;
            self.max = header.sizes.max();
            self.is_file = matches!(header.root, SeedRoot::File(_));
            self.hasher.update(&self.held);
            self.state = State::Shown;
            return Ok(Some(Found::Header(header)));
        }
        let (tag, size) = (self.tag()?, read(&self.held, 8));
        if tag == Tag::Tail {
            let (signed, digest) = self.held.split_at(TAIL_SIZE - Digest::LEN);
            self.hasher.update(signed);
            let actual = core::mem::replace(&mut self.hasher, Hasher::new(DigestAlgorithm::Sha256)).finish();
            let is_right = size == self.size && self.cut == self.size;
            if !is_right || actual.as_bytes() != digest {
                return Err(Malformed::SeedTable.into());
            }
            self.forget();
            self.state = State::Tail;
            return Ok(None);
        }
        self.hasher.update(&self.held);
        let found = match tag {
            Tag::Records => {
                self.grow(size, self.is_file)?;
                self.forget();
                self.state = State::Bytes(size);
                return Ok(None);
            }
            Tag::Gap => {
                self.grow(size, self.is_file && self.size > 0)?;
                Found::Gap(size)
            }
            Tag::File => {
                let path = &self.held[FILE_SIZE..];
                let fits = if self.is_file { path.is_empty() } else { is_below(path) };
                let identity = FileIdentity::parse(&self.held[8..]).filter(|_| fits).ok_or(Malformed::SeedTable)?;
                self.grow(identity.size, self.is_file && self.size > 0)?;
                Found::File(identity)
            }
            Tag::Chunk | Tag::Tail => {
                if size == 0 || size > self.max.min(self.size - self.cut) {
                    return Err(Malformed::SeedTable.into());
                }
                let mut id = Digest::default();
                id.0.copy_from_slice(&self.held[16..]);
                let start = self.cut;
                self.cut += size;
                Found::Chunk { id: id.into(), start, size }
            }
        };
        self.state = State::Shown;
        Ok(Some(found))
    }

    /// Makes room in the stream for a part, which is never empty.
    fn grow(&mut self, size: u64, misplaced: bool) -> Result<()> {
        if misplaced || size == 0 {
            return Err(Malformed::SeedTable.into());
        }
        let sum = self.size.saturating_add(size);
        self.limits.check_stream(sum)?;
        self.size = sum;
        Ok(())
    }

    fn forget(&mut self) {
        self.place += self.held.len() as u64;
        self.held.clear();
    }
}

/// What to show, apart from what it borrows.
enum Found {
    Header(CatabHeader),
    /// From here on, in the input.
    Records {
        from: usize,
    },
    File(FileIdentity),
    Gap(u64),
    Chunk {
        id: ChunkId,
        start: u64,
        size: u64,
    },
}
