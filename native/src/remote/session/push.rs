//! The side that gives: an index with its chunks, an index or an archive, to one process.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use casync_core::Limits;
use casync_core::chunk::{ChunkId, StoredChunk};
use casync_core::session::{Event, Services, Session};
use rustix::io::Errno;

use super::child::{Child, Complaints};
use super::kept::{Kept, Place};
use super::place::{Operands, Verb, Way};
use super::pull::{Closing, Kind};
use super::wire::{For, Inbox, State, Wire};
use crate::error::{Context as _, Error, Result};
use crate::remote::{Settings, Upload};

/// A session that pushes.
#[derive(Debug)]
pub(super) struct Push {
    wire: Closing<Pushed>,
    child: Child,
    kind: Kind,
}

/// What the session has to give, and what it was told.
#[derive(Debug)]
struct Pushed {
    kept: Kept,
    /// All chunks are in `kept`: what is not there will not come.
    complete: bool,
    /// The index or archive was ended.
    ended: bool,
    /// Requests that wait for their chunk.
    parked: Vec<ChunkId>,
    /// Requests that are being answered.
    busy: usize,
    goodbye: bool,
}

impl Push {
    /// Time that the other side has to end once it has said goodbye.
    const END: Duration = Duration::from_secs(60);

    /// Starts the process. `chunks`: those of the index go there as well.
    pub(super) fn start(
        way: &Way,
        operands: &Operands,
        kind: Kind,
        chunks: bool,
        settings: &Settings,
    ) -> Result<Arc<Self>> {
        let services = match kind {
            Kind::Archive => Services::PUSH_ARCHIVE,
            Kind::Index if chunks => Services::PUSH_CHUNKS | Services::PUSH_INDEX | Services::PUSH_INDEX_CHUNKS,
            Kind::Index => Services::PUSH_INDEX,
        };
        let session = Session::new(services, &Limits::default())?;
        let command = way.command(Verb::Push, operands, settings.rate_limit_bps);
        let (child, pipes) = Child::start(command, way.name(), Complaints::Shown)?;
        let kept = Kept::default();
        let inbox = Pushed { kept, complete: !chunks, ended: false, parked: Vec::new(), busy: 0, goodbye: false };
        let wire = Wire::start(session, inbox, pipes, way.name(), settings.rate())?;
        if chunks {
            let wire = Arc::clone(&wire);
            let answer = move || {
                if let Err(error) = answer_all(&wire) {
                    wire.fail(error);
                }
            };
            std::thread::Builder::new().spawn(answer).context(|| "start a thread")?;
        }
        Ok(Arc::new(Self { wire: Closing(wire), child, kind }))
    }

    /// Keeps a compressed chunk until the other side asks for it. True: it was not kept already.
    pub(super) fn put(&self, id: &ChunkId, chunk: StoredChunk) -> Result<bool> {
        self.wire.0.act(|state| state.inbox.kept.insert(id, chunk))
    }

    /// There will be no more chunks.
    pub(super) fn complete(&self) {
        self.wire.0.act(|state| state.inbox.complete = true);
    }

    fn write(&self, bytes: &[u8]) -> Result<()> {
        self.wait(For::Answer, |state| {
            if state.session.remote().is_none() || !state.session.has_room() {
                return Ok(None);
            }
            match self.kind {
                Kind::Archive => state.session.archive(bytes)?,
                Kind::Index => state.session.index(bytes)?,
            }
            Ok(Some(()))
        })
    }

    fn finish(&self) -> Result<()> {
        self.complete();
        self.wait(For::Answer, |state| {
            if state.session.remote().is_none() {
                return Ok(None);
            }
            state.inbox.ended = true;
            match self.kind {
                Kind::Archive => state.session.archive_eof()?,
                Kind::Index => state.session.index_eof()?,
            }
            Ok(Some(()))
        })?;
        self.wait(For::Answer, |state| Ok(state.inbox.goodbye.then_some(())))?;
        self.wire.0.close();
        // compat: upstream gives the index its name after that, and does not look at what becomes of it.
        match self.child.finish(Self::END) {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(Error::new(Errno::IO, format!("the other side failed in the end: {status}"))),
            None => Err(Error::new(Errno::TIMEDOUT, "the other side does not end")),
        }
    }

    fn wait<T>(&self, what: For, ready: impl FnMut(&mut State<Pushed>) -> Result<Option<T>>) -> Result<T> {
        self.wire.0.wait(what, ready).map_err(|error| self.child.explain(error))
    }
}

/// Answers requests until the session is over.
fn answer_all(wire: &Wire<Pushed>) -> Result<()> {
    /// What to do for a request.
    enum Do {
        Send(ChunkId, Place),
        Refuse(ChunkId),
        End,
    }
    loop {
        let next = wire.wait(For::More, |state| {
            let over = state.is_over() || state.inbox.goodbye;
            let State { session, inbox, .. } = state;
            if over {
                return Ok(Some(Do::End));
            }
            if !session.has_room() {
                return Ok(None);
            }
            let parked = inbox.parked.iter().position(|id| inbox.complete || inbox.kept.contains(id));
            let mut next = parked.map(|at| inbox.parked.remove(at));
            while next.is_none()
                && let Some((id, _)) = session.next_request()
            {
                if inbox.complete || inbox.kept.contains(&id) { next = Some(id) } else { inbox.parked.push(id) }
            }
            Ok(next.map(|id| match inbox.kept.take(&id) {
                Some(place) => {
                    inbox.busy += 1;
                    Do::Send(id, place)
                }
                None => Do::Refuse(id),
            }))
        });
        match next {
            Ok(Do::End) => return Ok(()),
            Ok(Do::Refuse(id)) => wire.act(|state| state.session.missing(&id))?,
            Ok(Do::Send(id, place)) => {
                let chunk = place.load()?;
                wire.act(|state| {
                    state.inbox.busy -= 1;
                    state.session.chunk(&id, &chunk)
                })
                .context(|| format!("send chunk {id}"))?;
            }
            // Whoever writes the index hears of it.
            Err(_) => return Ok(()),
        }
    }
}

impl Inbox for Pushed {
    fn take(&mut self, session: &mut Session, event: Event<'_>) -> Result<()> {
        if event == Event::Goodbye {
            // compat: upstream takes it for success at any time.
            let open = !self.parked.is_empty() || self.busy > 0 || session.requests_waiting() > 0;
            if !self.ended || open {
                return Err(Error::new(Errno::PROTO, "it said goodbye before it had everything"));
            }
            self.goodbye = true;
        }
        Ok(())
    }
}

/// The index or archive of a session, for who writes it.
#[derive(Debug)]
pub(super) struct Pushing(pub(super) Arc<Push>);

impl Write for Pushing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        /// As much as one frame holds.
        const PIECE: usize = 64 << 10;
        let piece = &bytes[..bytes.len().min(PIECE)];
        if !piece.is_empty() {
            self.0.write(piece).map_err(io::Error::other)?;
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Upload for Pushing {
    fn finish(self: Box<Self>) -> Result<()> {
        self.0.finish()
    }
}

impl Drop for Pushing {
    fn drop(&mut self) {
        // Before its end, so that nothing gets a name there.
        self.0.wire.0.close();
    }
}
