//! Which objects are served by one process: an index and a store with the same prefix (spec: remote.md 1, Prefix).
//!
//! Nothing is started before something is asked for, so that all that belongs together is known by then.

use std::ffi::OsString;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use casync_core::chunk::{ChunkId, StoredChunk};

use super::place::{Operands, Way};
use super::pull::{Answer, Kind, Pull};
use super::push::{Push, Pushing};
use super::upload::ChunkUpload;
use crate::error::Result;
use crate::locator;
use crate::remote::Settings;

/// What goes to, or comes from, one place.
#[derive(Debug)]
pub(super) struct Link {
    way: Way,
    settings: Settings,
    state: Mutex<LinkState>,
}

#[derive(Debug, Default)]
struct LinkState {
    operands: Operands,
    /// Sessions that pull: the first with all that there is, others for chunks that are wanted once more.
    pulls: Vec<Arc<Pull>>,
    push: Option<Arc<Push>>,
    upload: Option<Arc<ChunkUpload>>,
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Archive,
    Index,
    Store,
}

/// Links that something may join: those to the same place that have no process yet.
static LINKS: Mutex<Vec<Weak<Link>>> = Mutex::new(Vec::new());

impl Link {
    /// Sessions with one store at the same time, each of which answers for a chunk once.
    const PULLS_MAX: usize = 8;

    /// The link for one more object.
    pub(super) fn join(way: Way, role: Role, path: OsString, settings: &Settings) -> Arc<Self> {
        let mut links = LINKS.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|link| link.strong_count() > 0);
        for link in links.iter().filter_map(Weak::upgrade).filter(|link| link.way == way) {
            let mut state = link.lock();
            if state.is_fresh()
                && let Some(place) = state.operands.free(role)
            {
                *place = Some(path);
                drop(state);
                return link;
            }
        }
        let link = Self::alone(way, role, path, settings);
        // An archive is neither with an index nor with a store.
        if role != Role::Archive {
            links.push(Arc::downgrade(&link));
        }
        link
    }

    /// A link for one object alone.
    pub(super) fn alone(way: Way, role: Role, path: OsString, settings: &Settings) -> Arc<Self> {
        let mut operands = Operands::default();
        *operands.place(role) = Some(path);
        let state = Mutex::new(LinkState { operands, ..LinkState::default() });
        Arc::new(Self { way, settings: settings.clone(), state })
    }

    fn lock(&self) -> MutexGuard<'_, LinkState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first session that pulls.
    fn pull(&self) -> Result<Arc<Pull>> {
        let mut state = self.lock();
        if let Some(pull) = state.pulls.first() {
            return Ok(Arc::clone(pull));
        }
        let pull = Arc::new(Pull::start(&self.way, &state.operands, &self.settings)?);
        state.pulls.push(Arc::clone(&pull));
        Ok(pull)
    }

    /// One more session for chunks; the oldest makes room for it.
    fn pull_again(&self, tried: usize) -> Result<()> {
        let mut state = self.lock();
        // Somebody else may have been faster.
        if state.pulls.len() > tried {
            return Ok(());
        }
        let operands = Operands { store: state.operands.store.clone(), ..Operands::default() };
        let pull = Arc::new(Pull::start(&self.way, &operands, &self.settings)?);
        if state.pulls.len() >= Self::PULLS_MAX {
            state.pulls.remove(0);
        }
        state.pulls.push(pull);
        Ok(())
    }

    /// A chunk; `None` if it is not there.
    pub(super) fn chunk(&self, id: &ChunkId) -> Result<Option<Arc<StoredChunk>>> {
        loop {
            self.pull()?;
            let pulls = self.lock().pulls.clone();
            for pull in &pulls {
                match pull.chunk(id)? {
                    Answer::Chunk(chunk) => return Ok(Some(chunk)),
                    Answer::Missing => return Ok(None),
                    Answer::Spent => {}
                }
            }
            self.pull_again(pulls.len().min(Self::PULLS_MAX - 1))?;
        }
    }

    /// Reads the archive or index.
    pub(super) fn read(&self, kind: Kind, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let pull = self.pull()?;
        if pull.claim(kind) {
            return pull.read(kind, take);
        }
        // It is sent once in a session.
        let mut operands = Operands::default();
        let role = if kind == Kind::Archive { Role::Archive } else { Role::Index };
        *operands.place(role) = self.lock().operands.place(role).clone();
        let pull = Pull::start(&self.way, &operands, &self.settings)?;
        pull.claim(kind);
        pull.read(kind, take)
    }

    /// Begins to write the archive or index. If the link has a store as well, the chunks of the index go there.
    pub(super) fn write(&self, kind: Kind) -> Result<Pushing> {
        let mut state = self.lock();
        let mut operands = state.operands.clone();
        let chunks = kind == Kind::Index && operands.store.is_some();
        if kind == Kind::Index && !chunks {
            // compat: without a store an old server waits for ever; with one it does not touch it, since no chunks go there.
            operands.store = operands.index.as_deref().map(|index| self.store_beside(index));
        }
        let push = Push::start(&self.way, &operands, kind, chunks, &self.settings)?;
        if chunks {
            state.push = Some(Arc::clone(&push));
        }
        Ok(Pushing(push))
    }

    fn store_beside(&self, index: &std::ffi::OsStr) -> OsString {
        match &self.way {
            Way::Helper { .. } => locator::default_store(index),
            Way::Ssh(_) => {
                // A path, even if it looks like something else.
                let path = std::path::Path::new(index);
                path.with_file_name("default.castr").into_os_string()
            }
        }
    }

    /// Gives a chunk. True: it was not given before.
    pub(super) fn put(&self, id: &ChunkId, chunk: StoredChunk) -> Result<bool> {
        let mut state = self.lock();
        if let Some(push) = state.push.clone() {
            drop(state);
            return push.put(id, chunk);
        }
        let upload = match &state.upload {
            Some(upload) => Arc::clone(upload),
            None => {
                let store = state.operands.store.clone().unwrap_or_default();
                let upload = ChunkUpload::start(&self.way, &store, (id, &chunk), &self.settings)?;
                Arc::clone(state.upload.insert(Arc::new(upload)))
            }
        };
        drop(state);
        upload.put(id, chunk)
    }

    /// All chunks were given.
    pub(super) fn finish_chunks(&self) -> Result<()> {
        let mut state = self.lock();
        if let Some(push) = &state.push {
            push.complete();
        }
        let upload = state.upload.take();
        drop(state);
        upload.map_or(Ok(()), |upload| upload.finish())
    }
}

impl LinkState {
    /// Whether no process knows yet what it is to serve.
    const fn is_fresh(&self) -> bool {
        self.pulls.is_empty() && self.push.is_none() && self.upload.is_none()
    }
}

impl Operands {
    const fn place(&mut self, role: Role) -> &mut Option<OsString> {
        match role {
            Role::Archive => &mut self.archive,
            Role::Index => &mut self.index,
            Role::Store => &mut self.store,
        }
    }

    /// The place for one more object, if it can be with the others.
    fn free(&mut self, role: Role) -> Option<&mut Option<OsString>> {
        let can_be = role != Role::Archive && self.archive.is_none();
        Some(self.place(role)).filter(|place| can_be && place.is_none())
    }
}
