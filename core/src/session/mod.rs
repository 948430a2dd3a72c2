//! The wire protocol between two casync processes, as one machine for both sides (spec: remote.md 3 to 8).
//!
//! The host owns two pipes. It feeds what it reads to [`Session::step`], and writes what [`Session::outgoing`] shows;
//! neither waits for the other. Between, it says what it wants ([`Session::request`]) and answers what the other side
//! wants ([`Session::next_request`]).
//!
//! ```
//! use casync_core::Limits;
//! use casync_core::chunk::{ChunkId, StoredChunk};
//! use casync_core::session::{Event, Priority, Services, Session, SessionStep};
//!
//! /// Hands what one side says to the other; returns the events there.
//! fn carry(from: &mut Session, to: &mut Session) -> Vec<Event<'static>> {
//!     let bytes = from.outgoing().to_vec();
//!     from.sent(bytes.len());
//!     let (mut rest, mut events) = (&bytes[..], Vec::new());
//!     while let SessionStep::Did { used, event } = to.step(rest).unwrap() {
//!         rest = &rest[used..];
//!         events.push(event.into_owned());
//!     }
//!     events
//! }
//!
//! let mut client = Session::new(Services::PULL_CHUNKS, &Limits::default())?;
//! let mut server = Session::new(Services::READABLE_STORE, &Limits::default())?;
//! let id = ChunkId::default();
//! client.request(&id, Priority::High);
//! assert_eq!(carry(&mut client, &mut server), [Event::Hello(Services::PULL_CHUNKS)]);
//! assert_eq!(carry(&mut server, &mut client), [Event::Hello(Services::READABLE_STORE)]);
//! // Now that the client knows what the server offers, it asks.
//! assert_eq!(carry(&mut client, &mut server), [Event::Request]);
//! assert_eq!(server.next_request(), Some((id, Priority::High)));
//! server.chunk(&id, &StoredChunk::Plain(b"cafe".to_vec()))?;
//! let answer = carry(&mut server, &mut client);
//! assert_eq!(answer, [Event::Chunk { id, chunk: StoredChunk::Plain(b"cafe".to_vec()) }]);
//! # Ok::<(), casync_core::Error>(())
//! ```

mod event;
mod frames;
mod receive;
mod requests;
mod services;

use alloc::vec::Vec;

pub use self::event::{Event, SessionStep};
pub use crate::record::Priority;
pub use services::Services;

use self::frames::Frames;
use self::requests::{Other, Own};
use crate::chunk::{ChunkId, StoredChunk};
use crate::error::{Result, UsageError};
use crate::limits::Limits;
use crate::record::{MESSAGE_CHUNK_MAX, MessageKind, emit_message};

/// One side of a session.
#[derive(Clone, Debug)]
pub struct Session {
    local: Services,
    remote: Option<Services>,
    frames: Frames,
    /// Bytes to be written; those before `sent` are.
    output: Vec<u8>,
    sent: usize,
    own: Own,
    other: Other,
    requests_max: usize,
    ids_max: usize,
    /// What the other side has ended, or said last.
    index_ended: bool,
    archive_ended: bool,
    ended: bool,
    failed: bool,
    /// This side has said its last word.
    is_done: bool,
}

impl Session {
    /// Output beyond which nothing but HELLO, GOODBYE and ABORT should be added.
    pub const OUTPUT_MAX: usize = 4096;

    /// A session that offers and asks for these; HELLO is the first that it has to send.
    ///
    /// # Errors
    ///
    /// [`UsageError::Services`] for services that exclude each other.
    pub fn new(local: Services, limits: &Limits) -> Result<Self> {
        local.check_own()?;
        let mut output = Vec::new();
        emit_message(MessageKind::Hello, &[local.bits()], &[], &mut output);
        Ok(Self {
            local,
            remote: None,
            frames: Frames::new(),
            output,
            sent: 0,
            own: Own::default(),
            other: Other::default(),
            requests_max: limits.requests,
            ids_max: 1,
            index_ended: false,
            archive_ended: false,
            ended: false,
            failed: false,
            is_done: false,
        })
    }

    /// Asks for up to this many chunks with one frame. One unless told otherwise: some servers answer the first only.
    #[must_use]
    pub const fn with_ids_per_request(mut self, ids: usize) -> Self {
        self.ids_max = if ids == 0 { 1 } else { ids };
        self
    }

    /// What the other side has said it offers and asks for.
    pub const fn remote(&self) -> Option<Services> {
        self.remote
    }

    /// Bytes to be written next. Requests are added to them as far as there is room.
    pub fn outgoing(&mut self) -> &[u8] {
        while self.remote.is_some() && !self.is_done && self.has_room() {
            let Some((id, priority)) = self.own.next() else { break };
            let mut ids = Vec::from(*id.as_bytes());
            // One frame, one priority.
            while ids.len() < 32 * self.ids_max {
                let Some(id) = self.own.next_as(priority) else { break };
                ids.extend_from_slice(id.as_bytes());
            }
            emit_message(MessageKind::Request, &[u64::from(priority == Priority::High)], &[&ids], &mut self.output);
        }
        &self.output[self.sent..]
    }

    /// Bytes of [`Self::outgoing`] were written.
    ///
    /// # Panics
    ///
    /// If there were not so many.
    pub fn sent(&mut self, count: usize) {
        assert!(count <= self.output.len() - self.sent, "no more than there is");
        self.sent += count;
        if self.sent == self.output.len() {
            self.output.clear();
            self.sent = 0;
        }
    }

    /// Whether more should be added to the output. Without this rule of all implementations two sides that both write
    /// could wait for each other.
    pub fn has_room(&self) -> bool {
        self.output.len() - self.sent <= Self::OUTPUT_MAX
    }

    /// Wants a chunk, or wants it sooner. `false` if it has had its answer in this session: there will be no other.
    pub fn request(&mut self, id: &ChunkId, priority: Priority) -> bool {
        self.own.add(id, priority)
    }

    /// Chunks that were asked for and have no answer yet.
    pub const fn unanswered(&self) -> usize {
        self.own.unanswered()
    }

    /// Whether anything that this side has asked for, or will, is still to come.
    pub const fn is_waiting(&self) -> bool {
        self.own.is_open()
    }

    /// The next chunk that the other side waits for, the urgent ones first. It must be answered: [`Self::chunk`] or
    /// [`Self::missing`].
    pub fn next_request(&mut self) -> Option<(ChunkId, Priority)> {
        self.other.next()
    }

    /// Requests of the other side that [`Self::next_request`] has not returned yet.
    pub const fn requests_waiting(&self) -> usize {
        self.other.waiting()
    }

    /// Answers with a chunk.
    ///
    /// # Errors
    ///
    /// [`UsageError::OutOfTurn`] for an id that is not to be answered, [`UsageError::ChunkFrame`] for a chunk that no
    /// frame can hold.
    pub fn chunk(&mut self, id: &ChunkId, chunk: &StoredChunk) -> Result<()> {
        let (flags, bytes) = match chunk {
            StoredChunk::Compressed(bytes) => (1, bytes),
            StoredChunk::Plain(bytes) => (0, bytes),
        };
        if bytes.is_empty() || bytes.len() > MESSAGE_CHUNK_MAX {
            return Err(UsageError::ChunkFrame(bytes.len()).into());
        }
        self.answer(id)?;
        emit_message(MessageKind::Chunk, &[flags], &[id.as_bytes(), bytes], &mut self.output);
        Ok(())
    }

    /// Answers that a chunk is not there.
    ///
    /// # Errors
    ///
    /// [`UsageError::OutOfTurn`] for an id that is not to be answered.
    pub fn missing(&mut self, id: &ChunkId) -> Result<()> {
        self.answer(id)?;
        emit_message(MessageKind::Missing, &[], &[id.as_bytes()], &mut self.output);
        Ok(())
    }

    fn answer(&mut self, id: &ChunkId) -> Result<()> {
        if self.other.answer(id) { Ok(()) } else { Err(UsageError::OutOfTurn.into()) }
    }

    /// Sends a piece of the index, of any length.
    ///
    /// # Errors
    ///
    /// [`UsageError::OutOfTurn`] before HELLO has come, or if no index is to be sent.
    pub fn index(&mut self, bytes: &[u8]) -> Result<()> {
        self.pass(MessageKind::Index, bytes)
    }

    /// Ends the index.
    ///
    /// # Errors
    ///
    /// As [`Self::index`].
    pub fn index_eof(&mut self) -> Result<()> {
        self.pass(MessageKind::IndexEof, &[])
    }

    /// Sends a piece of the archive, of any length.
    ///
    /// # Errors
    ///
    /// As [`Self::index`].
    pub fn archive(&mut self, bytes: &[u8]) -> Result<()> {
        self.pass(MessageKind::Archive, bytes)
    }

    /// Ends the archive.
    ///
    /// # Errors
    ///
    /// As [`Self::index`].
    pub fn archive_eof(&mut self) -> Result<()> {
        self.pass(MessageKind::ArchiveEof, &[])
    }

    fn pass(&mut self, kind: MessageKind, bytes: &[u8]) -> Result<()> {
        /// Bytes of index or archive in one frame, as upstream sends them.
        const PIECE: usize = 64 << 10;
        let (pushed, pulled) = match kind {
            MessageKind::Index | MessageKind::IndexEof => (Services::PUSH_INDEX, Services::PULL_INDEX),
            _ => (Services::PUSH_ARCHIVE, Services::PULL_ARCHIVE),
        };
        let wanted = |remote: Services| self.local.contains(pushed) || remote.contains(pulled);
        if !self.remote.is_some_and(wanted) {
            return Err(UsageError::OutOfTurn.into());
        }
        match kind {
            MessageKind::Index | MessageKind::Archive => {
                bytes.chunks(PIECE).for_each(|piece| emit_message(kind, &[], &[piece], &mut self.output));
            }
            _ => emit_message(kind, &[], &[], &mut self.output),
        }
        Ok(())
    }

    /// Says that this side is done. It asks for nothing after that.
    pub fn goodbye(&mut self) {
        self.is_done = true;
        emit_message(MessageKind::Goodbye, &[], &[], &mut self.output);
    }

    /// Says that this side has failed. It asks for nothing after that. Control characters of the reason become blanks.
    pub fn abort(&mut self, errno: u32, reason: &str) {
        self.is_done = true;
        let errno = if errno < 0x7fff_ffff { errno } else { 0 };
        let text: Vec<u8> = reason.bytes().map(|byte| if byte < b' ' { b' ' } else { byte }).take(1024).collect();
        emit_message(MessageKind::Abort, &[u64::from(errno)], &[&text, &[0]], &mut self.output);
    }
}
