//! Chunks without an index, to a server that only takes chunks for an index (spec: remote.md 13).
//!
//! The server is told of an index that never ends, with the ids of the chunks. Between them are *marks*: random ids that no
//! chunk has. When the server asks for a mark, it has looked for all ids before it; what it did not ask for it has. A mark
//! after the last chunk tells that all were stored. Then the connection is closed, and the server drops the index.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use casync_core::chunk::{ChunkId, ChunkSizes, StoredChunk};
use casync_core::hash::DigestAlgorithm;
use casync_core::index::IndexWriter;
use casync_core::record::FeatureFlags;
use casync_core::session::{Event, Services, Session};
use casync_core::{CHUNK_MAX, Limits};
use rustix::io::Errno;

use super::child::{Child, Complaints};
use super::kept::Kept;
use super::place::{Operands, Verb, Way};
use super::pull::Closing;
use super::wire::{For, Inbox, State, Wire};
use crate::error::{Error, Result};
use crate::remote::Settings;
use crate::sys;

/// A session that gives chunks only.
#[derive(Debug)]
pub(super) struct ChunkUpload {
    wire: Closing<Offered>,
    child: Child,
}

/// What was offered and has not been decided.
#[derive(Debug)]
struct Offered {
    writer: IndexWriter,
    /// Bytes of the index that were not given to the session.
    index: Vec<u8>,
    kept: Kept,
    /// Marks that were not asked for yet, oldest first, each with the ids between it and the one before.
    marks: VecDeque<(ChunkId, Vec<ChunkId>)>,
    /// Ids since the last mark.
    open: Vec<ChunkId>,
}

impl ChunkUpload {
    /// Ids between two marks.
    const BATCH: usize = 64;

    /// Bytes of chunks that may be undecided before new ones have to wait.
    const UNDECIDED_MAX: usize = 16 << 20;

    /// Time that the other side has to end.
    const END: Duration = Duration::from_secs(10);

    /// Starts the process. `chunk` is one of those that will come, to tell the digest by.
    pub(super) fn start(
        way: &Way,
        store: &OsString,
        (id, chunk): (&ChunkId, &StoredChunk),
        settings: &Settings,
    ) -> Result<Self> {
        let algorithm = algorithm_of(id, chunk)?;
        let services = Services::PUSH_CHUNKS | Services::PUSH_INDEX | Services::PUSH_INDEX_CHUNKS;
        let session = Session::new(services, &Limits::default())?;
        // It is made beside the store, under a temporary name, and never gets this one.
        let mut index = store.clone();
        index.push(format!(".{}.caibx", sys::random_hex()));
        let operands = Operands { archive: None, index: Some(index), store: Some(store.clone()) };
        let command = way.command(Verb::Push, &operands, settings.rate_limit_bps);
        let (child, pipes) = Child::start(command, way.name(), Complaints::NotAboutTheEnd)?;
        let features = FeatureFlags::EXCLUDE_NODUMP | FeatureFlags::EXCLUDE_FILE | algorithm.flag();
        let sizes = ChunkSizes::new(1, 1 << 16, CHUNK_MAX)?;
        let mut index = Vec::new();
        let writer = IndexWriter::new(features.normalized(), sizes, &mut index);
        let inbox = Offered { writer, index, kept: Kept::default(), marks: VecDeque::new(), open: Vec::new() };
        let wire = Wire::start(session, inbox, pipes, way.name(), settings.rate())?;
        let answering = Arc::clone(&wire);
        let answer = move || {
            if let Err(error) = answer_all(&answering) {
                answering.fail(error);
            }
        };
        std::thread::Builder::new().spawn(answer)?;
        Ok(Self { wire: Closing(wire), child })
    }

    /// Offers a chunk. Waits while many are undecided.
    pub(super) fn put(&self, id: &ChunkId, chunk: StoredChunk) -> Result<bool> {
        let is_full = |state: &State<Offered>| state.inbox.kept.bytes() > Self::UNDECIDED_MAX;
        self.wire.0.act(
            |state| {
                if is_full(state) && !state.inbox.open.is_empty() { state.inbox.mark() } else { Ok(()) }
            },
        )?;
        let mut chunk = Some(chunk);
        self.wait(|state| {
            if is_full(state) {
                return Ok(None);
            }
            let new = chunk.take().is_some_and(|chunk| state.inbox.kept.hold(id, chunk));
            if new {
                state.inbox.offer(*id)?;
                if state.inbox.open.len() >= Self::BATCH {
                    state.inbox.mark()?;
                }
            }
            Ok(Some(new))
        })
    }

    /// Waits until all chunks are stored, and ends the session.
    pub(super) fn finish(&self) -> Result<()> {
        // One for what was not asked for, and one for what was.
        for _ in 0..2 {
            self.wire.0.act(|state| state.inbox.mark())?;
            self.wait(|state| {
                let idle = state.session.requests_waiting() == 0 && state.session.outgoing().is_empty();
                Ok((idle && state.inbox.marks.is_empty() && state.inbox.kept.bytes() == 0).then_some(()))
            })?;
        }
        self.wire.0.close();
        self.child.finish(Self::END);
        Ok(())
    }

    fn wait<T>(&self, ready: impl FnMut(&mut State<Offered>) -> Result<Option<T>>) -> Result<T> {
        self.wire.0.wait(For::Answer, ready).map_err(|error| self.child.explain(error))
    }
}

impl Offered {
    fn offer(&mut self, id: ChunkId) -> Result<()> {
        self.open.push(id);
        Ok(self.writer.push(id, 1, &mut self.index)?)
    }

    /// Adds a mark behind what was offered.
    fn mark(&mut self) -> Result<()> {
        let mark = ChunkId::of(&sys::random_u64().to_le_bytes(), DigestAlgorithm::Sha256);
        self.writer.push(mark, 1, &mut self.index)?;
        self.marks.push_back((mark, std::mem::take(&mut self.open)));
        Ok(())
    }
}

/// Sends index and chunks until the session is over.
fn answer_all(wire: &Wire<Offered>) -> Result<()> {
    let mut ahead = false;
    loop {
        let next = wire.wait(For::More, |state| {
            if state.is_over() {
                return Ok(Some(false));
            }
            if state.session.remote().is_none() || !state.session.has_room() {
                return Ok(None);
            }
            while let Some((id, _)) = state.session.next_request() {
                if let Some(place) = state.inbox.kept.take(&id) {
                    state.session.chunk(&id, &place.load()?)?;
                    return Ok(Some(true));
                }
                // Anything but the oldest mark is a chunk that went to the other side already.
                if state.inbox.marks.front().is_some_and(|(mark, _)| *mark == id)
                    && let Some((_, ids)) = state.inbox.marks.pop_front()
                {
                    ids.iter().for_each(|id| drop(state.inbox.kept.take(id)));
                    return Ok(Some(true));
                }
            }
            if state.inbox.index.is_empty() {
                return Ok(None);
            }
            // An item counts once a byte after it is there, and the first byte of the next one is known: where it ends.
            let mut piece = std::mem::take(&mut state.inbox.index);
            if ahead {
                piece.remove(0);
            }
            ahead = true;
            piece.push((state.inbox.writer.stream_size() + 1) as u8);
            state.session.index(&piece)?;
            Ok(Some(true))
        });
        match next {
            Ok(true) => {}
            // Whoever offers chunks hears of it.
            Ok(false) | Err(_) => return Ok(()),
        }
    }
}

impl Inbox for Offered {
    fn take(&mut self, _: &mut Session, event: Event<'_>) -> Result<()> {
        match event {
            Event::Goodbye => Err(Error::new(Errno::PROTO, "it said goodbye to an index that has not ended")),
            _ => Ok(()),
        }
    }
}

/// The digest that a chunk's id is of.
fn algorithm_of(id: &ChunkId, chunk: &StoredChunk) -> Result<DigestAlgorithm> {
    let plain = chunk.clone().decode(&Limits::default())?;
    let fits = |algorithm: &DigestAlgorithm| ChunkId::of(plain.untrusted_bytes(), *algorithm) == *id;
    let known = [DigestAlgorithm::Sha512_256, DigestAlgorithm::Sha256];
    known.into_iter().find(fits).ok_or_else(|| Error::new(Errno::BADMSG, format!("chunk {id} has another id")))
}
