//! Serves what somebody else pulls.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;

use casync_core::Limits;
use casync_core::chunk::{ChunkId, StoredChunk, VerifiedChunk};
use casync_core::codec::Compression;
use casync_core::hash::DigestAlgorithm;
use casync_core::session::{Event, Services, Session};

use super::{Source, end};
use crate::error::{Context as _, Error, Result};
use crate::flow::Failure;
use crate::remote::rate::Rate;
use crate::remote::session::wire::{For, Inbox, State, Wire};
use crate::store::{Compressor, Decompressor, Form, Store};
use crate::ui::log;

/// What is served.
#[derive(Default)]
pub struct PullService {
    /// The archive.
    pub archive: Option<Source>,
    /// The index.
    pub index: Option<Source>,
    /// Where chunks are looked for, in this order.
    pub stores: Vec<Arc<dyn Store>>,
    /// Bytes a second; `None` is no limit.
    pub rate_limit_bps: Option<u64>,
}

impl std::fmt::Debug for PullService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stores: Vec<&str> = self.stores.iter().map(|store| store.name()).collect();
        f.debug_struct("PullService").field("stores", &stores).finish_non_exhaustive()
    }
}

/// What the client has said.
#[derive(Debug, Default)]
struct Served {
    /// Requests that are being answered.
    busy: usize,
    /// Streams that are not at their end.
    streams: usize,
    /// It said that it is done.
    goodbye: bool,
}

impl Inbox for Served {
    fn take(&mut self, _: &mut Session, event: Event<'_>) -> Result<()> {
        self.goodbye |= event == Event::Goodbye;
        Ok(())
    }
}

/// Serves one client, until it is done.
///
/// # Errors
///
/// If it misbehaves, or what it wants cannot be read. It was told.
pub fn pull(service: PullService, pipes: (OwnedFd, OwnedFd)) -> Result<()> {
    let offers = [
        (!service.stores.is_empty(), Services::READABLE_STORE),
        (service.index.is_some(), Services::READABLE_INDEX),
        (service.archive.is_some(), Services::READABLE_ARCHIVE),
    ];
    let offered = offers.iter().filter(|(is, _)| *is).fold(Services::default(), |all, (_, one)| all | *one);
    let session = Session::new(offered, &Limits::default())?;
    let rate = service.rate_limit_bps.map(Rate::of_run);
    let wire = Wire::start(session, Served::default(), pipes, "the client".into(), rate)?;
    let served = serve(&wire, service);
    end(&wire, served)
}

fn serve(wire: &Wire<Served>, service: PullService) -> Result<()> {
    /// Threads for stores on this host, which do not wait.
    const LOCAL_WIDTH: usize = 4;
    /// The same for others: each chunk is held by one.
    const WIDTH_MAX: usize = 64;
    let PullService { archive, index, stores, .. } = service;
    // compat: a client that leaves without a word has what it wanted.
    let left =
        |state: &mut State<Served>| state.session.remote().map(Some).or_else(|| state.has_ended().then_some(None));
    let Some(wanted) = wire.wait(For::Answer, |state| Ok(left(state)))? else { return Ok(()) };
    let failure = Failure::default();
    let archive = archive.filter(|_| wanted.contains(Services::PULL_ARCHIVE));
    let index = index.filter(|_| wanted.contains(Services::PULL_INDEX));
    wire.act(|state| state.inbox.streams = usize::from(archive.is_some()) + usize::from(index.is_some()));
    let width = stores.iter().map(|store| store.width()).max().unwrap_or(0).clamp(LOCAL_WIDTH, WIDTH_MAX);
    thread::scope(|scope| {
        let (failure, stores) = (&failure, &stores);
        if let Some(archive) = archive {
            failure.spawn(scope, || over(wire, failure, send(wire, archive, Session::archive, Session::archive_eof)));
        }
        if let Some(index) = index {
            failure.spawn(scope, || over(wire, failure, send(wire, index, Session::index, Session::index_eof)));
        }
        if wanted.contains(Services::PULL_CHUNKS) {
            for _ in 0..width {
                failure.spawn(scope, || over(wire, failure, answer_all(wire, stores)));
            }
        }
        let done = wire.wait(For::Room, |state| {
            failure.check()?;
            Ok(is_done(state).then_some(()))
        });
        over(wire, failure, done);
    });
    failure.into_result()
}

/// Takes note of how a thread ended, so that the others end.
fn over(wire: &Wire<Served>, failure: &Failure, result: Result<()>) {
    if let Some(error) = result.err() {
        failure.set(error.clone());
        wire.fail(error);
    }
    wire.act(|_| ());
}

/// Whether nothing more is to be said.
fn is_done(state: &State<Served>) -> bool {
    let quiet = state.inbox.busy == 0 && state.inbox.streams == 0 && state.session.requests_waiting() == 0;
    quiet && (state.inbox.goodbye || state.has_ended()) || state.is_over()
}

/// Sends an index or archive.
fn send(
    wire: &Wire<Served>,
    source: Source,
    piece: impl Fn(&mut Session, &[u8]) -> casync_core::Result<()>,
    eof: impl Fn(&mut Session) -> casync_core::Result<()>,
) -> Result<()> {
    let room = |state: &mut State<Served>| Ok((state.is_over() || state.session.has_room()).then_some(()));
    source.read(&mut |bytes| {
        wire.wait(For::Room, room)?;
        wire.act(|state| piece(&mut state.session, bytes)).map_err(Error::from)
    })?;
    wire.act(|state| {
        state.inbox.streams -= 1;
        eof(&mut state.session)
    })?;
    Ok(())
}

/// A thread that answers requests.
fn answer_all(wire: &Wire<Served>, stores: &[Arc<dyn Store>]) -> Result<()> {
    let mut finder = Finder::new()?;
    loop {
        let next = wire.wait(For::Room, |state| {
            if is_done(state) {
                return Ok(Some(None));
            }
            let next = if state.session.has_room() { state.session.next_request() } else { None };
            state.inbox.busy += usize::from(next.is_some());
            Ok(next.map(Some))
        })?;
        let Some((id, _)) = next else { return Ok(()) };
        let found = finder.find(stores, &id);
        wire.act(|state| {
            state.inbox.busy -= 1;
            match found? {
                Some(chunk) => state.session.chunk(&id, &chunk).context(|| format!("send chunk {id}")),
                None => Ok(state.session.missing(&id)?),
            }
        })?;
    }
}

/// Looks for chunks, with buffers of its own.
struct Finder {
    decompressor: Decompressor,
    compressor: Compressor,
    /// The digest that fitted last, first.
    algorithms: [DigestAlgorithm; 2],
}

impl Finder {
    fn new() -> Result<Self> {
        Ok(Self {
            decompressor: Decompressor::new()?,
            compressor: Compressor::new(Compression::Zstd)?,
            algorithms: [DigestAlgorithm::Sha512_256, DigestAlgorithm::Sha256],
        })
    }

    /// A chunk that is what its id says. One that is not, or cannot be read, counts as missing here, which the log tells.
    fn find(&mut self, stores: &[Arc<dyn Store>], id: &ChunkId) -> Result<Option<StoredChunk>> {
        let mut stored = Vec::new();
        for store in stores {
            for form in Form::ALL {
                let found = match store.get(id, form, &mut stored) {
                    Ok(false) => continue,
                    Ok(true) => self.check(id, form, &stored),
                    Err(error) => Err(error),
                };
                match found {
                    Ok(_) if form == Form::Compressed => {
                        return Ok(Some(StoredChunk::Compressed(std::mem::take(&mut stored))));
                    }
                    // compat: what is not compressed in the store is compressed on its way.
                    Ok(chunk) => {
                        let frame = self.compressor.compress(chunk.bytes())?;
                        return Ok(Some(StoredChunk::Compressed(frame.to_vec())));
                    }
                    Err(error) => log::error(format_args!("Not served: chunk {id} from {:?}: {error}", store.name())),
                }
            }
        }
        Ok(None)
    }

    fn check(&mut self, id: &ChunkId, form: Form, stored: &[u8]) -> Result<VerifiedChunk> {
        let limits = Limits::default();
        let chunk = self.decompressor.unpack_any(form, stored, limits.chunk, Vec::new())?;
        let [first, second] = self.algorithms;
        if ChunkId::of(chunk.untrusted_bytes(), first) != *id {
            self.algorithms = [second, first];
        }
        let verified = chunk.verify(id, self.algorithms[0]);
        if verified.is_err() {
            self.algorithms = [first, second];
        }
        Ok(verified?)
    }
}
