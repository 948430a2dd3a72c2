//! Follows the stream of an archive and finds the chunks that need not be read.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::part::{Content, Part};
use super::{CacheEntry, CacheTable, FileIdentity, Mark, RecordsOf};
use crate::chunk::ChunkId;
use crate::hash::{DigestAlgorithm, Hasher};

/// Follows the stream of an archive.
///
/// The shell announces the parts of the stream, in order, with [`records`](Self::records) and
/// [`payload`](Self::payload), and after each does what this says, until there is nothing more to do:
///
/// 1. while [`decide`](Self::decide) names a chunk: [`reuse`](Self::reuse) it, if the store has it; what was written
///    since the last cut is then forgotten by the shell's cutter, too. Or [`refuse`](Self::refuse) it;
/// 2. if there is a cut in what was written: [`cut`](Self::cut), and back to 1;
/// 3. if [`next`](Self::next) names a piece: put some or all of it into the cutter, say how much with
///    [`wrote`](Self::wrote), and on with 2.
///
/// After the last part [`end`](Self::end), all of the above once more, and `cut` for what is left. All chunks, reused or
/// cut, are the stream's in its order, exactly those of a run without a cache.
///
/// `F` is how the shell finds a file again whose payload it must read after all.
#[derive(Debug)]
pub struct Tracker<F> {
    table: Option<CacheTable>,
    /// What was announced, from the part in which the current chunk starts.
    parts: VecDeque<Part<F>>,
    /// Where in the first part that is.
    start: u64,
    /// Bytes announced since the start of the chunk.
    announced: u64,
    /// Bytes written since the start of the chunk.
    written: u64,
    /// The part and the offset in it up to which it is written.
    cursor: (usize, u64),
    state: State,
    ended: bool,
    counts: CacheCounts,
    scratch: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A chunk starts; it was not looked for yet.
    Start,
    /// An entry was found; whether it fits shows when more is announced.
    Waiting(u32),
    /// The entry fits.
    Fits(u32),
    /// The chunk is encoded.
    Encoding,
}

/// What came of the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheCounts {
    /// Chunks that were reused.
    pub hits: u64,
    /// Chunks that start where none was recorded.
    pub misses: u64,
    /// Chunks that start where one was recorded that is of no use any more.
    pub invalidated: u64,
    /// Chunks that were recorded anew.
    pub added: u64,
}

/// Something to put into the stream.
#[derive(Debug)]
pub enum Piece<'a, F> {
    /// These bytes.
    Records(&'a [u8]),
    /// A range of a file.
    Payload {
        /// The file.
        file: &'a F,
        /// Its state when it was announced.
        identity: &'a FileIdentity,
        /// Where the range begins; it goes to the end of the file.
        offset: u64,
    },
}

impl<F> Tracker<F> {
    /// A tracker at the start of a stream, with what an earlier run has recorded, if anything.
    pub const fn new(table: Option<CacheTable>) -> Self {
        Self {
            table,
            parts: VecDeque::new(),
            start: 0,
            announced: 0,
            written: 0,
            cursor: (0, 0),
            state: State::Start,
            ended: false,
            counts: CacheCounts { hits: 0, misses: 0, invalidated: 0, added: 0 },
            scratch: Vec::new(),
        }
    }

    /// Announces records of the node at this path from the root.
    pub fn records(&mut self, path: &[u8], of: RecordsOf, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.announce(Part::records(path, of, bytes));
        }
    }

    /// Announces the whole payload of the file at this path.
    ///
    /// `settled`: whoever changes the file from now on changes its identity.
    pub fn payload(&mut self, path: &[u8], identity: FileIdentity, settled: bool, file: F) {
        if identity.size > 0 {
            self.announce(Part::payload(path, identity, settled, file));
        }
    }

    fn announce(&mut self, part: Part<F>) {
        self.announced += part.length;
        self.parts.push_back(part);
    }

    /// Takes note that nothing more will be announced.
    pub const fn end(&mut self) {
        self.ended = true;
    }

    /// Looks whether the current chunk is a recorded one, and names it if so.
    pub fn decide(&mut self) -> Option<ChunkId> {
        if self.state == State::Start {
            let part = self.parts.front()?;
            let found = self.table.as_ref().and_then(|table| table.find(part.place(self.start)));
            match found {
                Some(number) => self.state = State::Waiting(number),
                None => {
                    self.counts.misses += 1;
                    self.state = State::Encoding;
                }
            }
        }
        if let State::Waiting(number) = self.state {
            let entry = self.entry(number)?;
            if self.announced < entry.length && !self.ended {
                return None;
            }
            if self.announced < entry.length || self.mark(entry.length) != entry.mark {
                self.refuse();
                return None;
            }
            self.state = State::Fits(number);
        }
        match self.state {
            State::Fits(number) => Some(self.entry(number)?.id),
            _ => None,
        }
    }

    /// Takes the chunk that [`Self::decide`] named; `None` if it named none.
    pub fn reuse(&mut self) -> Option<CacheEntry> {
        let State::Fits(number) = self.state else { return None };
        let entry = self.entry(number)?;
        self.counts.hits += 1;
        self.written = 0;
        self.advance(entry.length);
        self.cursor = (0, self.start);
        Some(entry)
    }

    /// Does not take it.
    pub const fn refuse(&mut self) {
        if matches!(self.state, State::Waiting(_) | State::Fits(_)) {
            self.counts.invalidated += 1;
            self.state = State::Encoding;
        }
    }

    /// What is to be written next; `None` if that is not known before more is announced.
    pub fn next(&self) -> Option<Piece<'_, F>> {
        if self.state != State::Encoding {
            return None;
        }
        let (number, offset) = self.cursor;
        Some(match &self.parts.get(number)?.content {
            Content::Records(bytes) => Piece::Records(&bytes[offset as usize..]),
            Content::Payload { file, identity, .. } => Piece::Payload { file, identity, offset },
        })
    }

    /// Takes note that so much of the piece was written.
    ///
    /// # Panics
    ///
    /// If there is no piece, or less of it.
    pub fn wrote(&mut self, count: u64) {
        let (number, offset) = self.cursor;
        let length = self.parts.get(number).map_or(0, |part| part.length);
        assert!(count <= length - offset, "more was written than there is");
        self.written += count;
        self.cursor = if offset + count == length { (number + 1, 0) } else { (number, offset + count) };
    }

    /// Ends the current chunk after so many bytes; returns what to record of it, if it can be recorded.
    ///
    /// # Panics
    ///
    /// If less was written.
    pub fn cut(&mut self, length: u64) -> Option<Mark> {
        assert!(length <= self.written, "a chunk ends in what was written");
        // A recorded chunk would be longer, or it would be known by now that it does not fit.
        self.refuse();
        let mark = self.is_settled(length).then(|| self.mark(length));
        self.counts.added += u64::from(mark.is_some());
        self.written -= length;
        self.advance(length);
        mark
    }

    /// Bytes written since the last cut.
    pub const fn pending(&self) -> u64 {
        self.written
    }

    /// What came of the cache so far.
    pub const fn counts(&self) -> CacheCounts {
        self.counts
    }

    /// Moves the start of the current chunk.
    fn advance(&mut self, length: u64) {
        self.announced -= length;
        self.start += length;
        while let Some(part) = self.parts.front().filter(|part| part.length <= self.start) {
            self.start -= part.length;
            self.parts.pop_front();
            self.cursor.0 = self.cursor.0.saturating_sub(1);
        }
        self.state = State::Start;
    }

    /// Place and fingerprint of a chunk of this length that starts here.
    fn mark(&mut self, length: u64) -> Mark {
        let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
        let mut scratch = core::mem::take(&mut self.scratch);
        for (part, offset, length) in self.pieces(length) {
            part.add_to(&mut hasher, offset, length, &mut scratch);
        }
        self.scratch = scratch;
        let place = self.parts.front().map_or(0, |part| part.place(self.start));
        Mark { place, fingerprint: hasher.finish() }
    }

    fn is_settled(&self, length: u64) -> bool {
        self.pieces(length).all(|(part, ..)| part.is_settled())
    }

    /// The parts of a chunk, each with the offset and length of what belongs to the chunk.
    fn pieces(&self, length: u64) -> impl Iterator<Item = (&Part<F>, u64, u64)> {
        let mut left = length;
        let starts = core::iter::once(self.start).chain(core::iter::repeat(0));
        self.parts.iter().zip(starts).map_while(move |(part, start)| {
            let length = left.min(part.length - start);
            left -= length;
            (length > 0).then_some((part, start, length))
        })
    }

    fn entry(&self, number: u32) -> Option<CacheEntry> {
        self.table.as_ref().map(|table| table.entry(number))
    }
}
