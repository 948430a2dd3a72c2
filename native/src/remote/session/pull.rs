//! The side that wants: index, archive and chunks from one process.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use casync_core::Limits;
use casync_core::chunk::{ChunkId, StoredChunk};
use casync_core::session::{Event, Priority, Services, Session};
use rustix::io::Errno;

use super::child::{Child, Complaints};
use super::place::{Operands, Verb, Way};
use super::wire::{For, Inbox, State, Wire};
use crate::error::{Error, Result};
use crate::remote::Settings;

/// Which of the two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Archive,
    Index,
}

/// What came of asking for a chunk.
#[derive(Debug)]
pub(super) enum Answer {
    Chunk(Arc<StoredChunk>),
    Missing,
    /// It was answered before and is not kept: this session will not answer again.
    Spent,
}

/// A session that pulls.
#[derive(Debug)]
pub(super) struct Pull {
    // First: when it closes, the process ends.
    wire: Closing<Pulled>,
    child: Child,
}

/// A wire that is closed when nobody wants anything of it any more.
#[derive(Debug)]
pub(super) struct Closing<I: Inbox>(pub(super) Arc<Wire<I>>);

impl<I: Inbox> Drop for Closing<I> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Pull {
    /// Starts the process. That it is there, and offers what is wanted, shows with the first answer.
    pub(super) fn start(way: &Way, operands: &Operands, settings: &Settings) -> Result<Self> {
        let wants = [
            (operands.store.is_some(), Services::PULL_CHUNKS),
            (operands.index.is_some(), Services::PULL_INDEX),
            (operands.archive.is_some(), Services::PULL_ARCHIVE),
        ];
        let services = wants.iter().filter(|(wanted, _)| *wanted).fold(Services::default(), |all, (_, one)| all | *one);
        let session = Session::new(services, &Limits::default())?;
        let command = way.command(Verb::Pull, operands, settings.rate_limit_bps);
        let (child, pipes) = Child::start(command, way.name(), Complaints::Shown)?;
        let wire = Wire::start(session, Pulled::default(), pipes, way.name(), settings.rate())?;
        Ok(Self { wire: Closing(wire), child })
    }

    /// Makes the caller the one who reads a stream. False: somebody else was.
    pub(super) fn claim(&self, kind: Kind) -> bool {
        self.wire.0.act(|state| !std::mem::replace(&mut state.inbox.stream(kind).claimed, true))
    }

    /// Reads a stream that was claimed to its end.
    pub(super) fn read(&self, kind: Kind, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        loop {
            let piece = self.wait(|state| {
                let stream = state.inbox.stream(kind);
                Ok(stream.pop().map(Some).or_else(|| stream.ended.then_some(None)))
            })?;
            match piece {
                Some(piece) => take(&piece)?,
                None => return Ok(()),
            }
        }
    }

    /// Asks for a chunk and waits for the answer. Any number of threads may do so at the same time.
    pub(super) fn chunk(&self, id: &ChunkId) -> Result<Answer> {
        self.wire.0.act(|state| {
            *state.inbox.wanted.entry(*id).or_default() += 1;
            state.session.request(id, Priority::High);
        });
        let answer = self.wait(|state| {
            let State { session, inbox, .. } = state;
            if inbox.missing.contains(id) {
                return Ok(Some(Answer::Missing));
            }
            if let Some(chunk) = inbox.held.get(id) {
                return Ok(Some(Answer::Chunk(Arc::clone(chunk))));
            }
            // False: it was answered.
            if !session.request(id, Priority::High) {
                return Ok(Some(Answer::Spent));
            }
            // Nobody may be there to read an index that keeps chunks from coming.
            if inbox.index.is_full() && !inbox.index.claimed {
                inbox.index.abandon();
            }
            Ok(None)
        });
        self.wire.0.act(|state| state.inbox.release(id));
        answer
    }

    fn wait<T>(&self, ready: impl FnMut(&mut State<Pulled>) -> Result<Option<T>>) -> Result<T> {
        self.wire.0.wait(For::Answer, ready).map_err(|error| self.child.explain(error))
    }
}

/// What has come.
#[derive(Debug, Default)]
struct Pulled {
    index: Stream,
    archive: Stream,
    /// Chunks that are kept a while: they are not sent twice.
    held: BTreeMap<ChunkId, Arc<StoredChunk>>,
    order: VecDeque<ChunkId>,
    bytes: usize,
    missing: BTreeSet<ChunkId>,
    /// How many threads wait for a chunk.
    wanted: BTreeMap<ChunkId, usize>,
}

impl Pulled {
    /// Bytes of chunks that are kept beyond those that somebody waits for.
    const HELD_MAX: usize = 16 << 20;

    const fn stream(&mut self, kind: Kind) -> &mut Stream {
        match kind {
            Kind::Archive => &mut self.archive,
            Kind::Index => &mut self.index,
        }
    }

    fn release(&mut self, id: &ChunkId) {
        if let Some(waiting) = self.wanted.get_mut(id) {
            *waiting -= 1;
            if *waiting == 0 {
                self.wanted.remove(id);
            }
        }
        self.shrink();
    }

    fn shrink(&mut self) {
        let mut looked_at = 0;
        while self.bytes > Self::HELD_MAX && looked_at < self.order.len() {
            let Some(oldest) = self.order.pop_front() else { return };
            if self.wanted.contains_key(&oldest) {
                self.order.push_back(oldest);
                looked_at += 1;
            } else if let Some(chunk) = self.held.remove(&oldest) {
                self.bytes -= size(&chunk);
            }
        }
    }
}

impl Inbox for Pulled {
    fn take(&mut self, _: &mut Session, event: Event<'_>) -> Result<()> {
        match event {
            Event::Index(bytes) => self.index.push(&bytes),
            Event::IndexEof => self.index.ended = true,
            Event::Archive(bytes) => self.archive.push(&bytes),
            Event::ArchiveEof => self.archive.ended = true,
            Event::Chunk { id, chunk } => {
                self.bytes += size(&chunk);
                self.order.push_back(id);
                self.held.insert(id, Arc::new(chunk));
                self.shrink();
            }
            Event::Missing(id) => {
                self.missing.insert(id);
            }
            // compat: upstream takes it for success, whatever has come.
            Event::Goodbye => {
                return Err(Error::new(Errno::PROTO, "it said goodbye before all that it was asked for had come"));
            }
            Event::Hello(_) | Event::Request | Event::Abort { .. } => {}
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.index.is_full() || self.archive.is_full()
    }
}

fn size(chunk: &StoredChunk) -> usize {
    match chunk {
        StoredChunk::Compressed(bytes) | StoredChunk::Plain(bytes) => bytes.len(),
    }
}

/// An index or archive on its way.
#[derive(Debug, Default)]
struct Stream {
    pieces: VecDeque<Vec<u8>>,
    bytes: usize,
    ended: bool,
    /// Somebody reads it.
    claimed: bool,
    /// Nobody will.
    abandoned: bool,
}

impl Stream {
    /// Bytes that wait for their reader.
    const BYTES_MAX: usize = 1 << 20;

    const fn is_full(&self) -> bool {
        self.bytes >= Self::BYTES_MAX
    }

    fn push(&mut self, bytes: &[u8]) {
        if !self.abandoned {
            self.bytes += bytes.len();
            self.pieces.push_back(bytes.to_vec());
        }
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        let piece = self.pieces.pop_front()?;
        self.bytes -= piece.len();
        Some(piece)
    }

    fn abandon(&mut self) {
        (self.abandoned, self.claimed) = (true, true);
        self.pieces.clear();
        self.bytes = 0;
    }
}
