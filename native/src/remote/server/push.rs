//! Takes what somebody else pushes.

use std::collections::VecDeque;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use casync_core::Limits;
use casync_core::chunk::{ChunkId, StoredChunk};
use casync_core::codec::Compression;
use casync_core::hash::DigestAlgorithm;
use casync_core::index::{IndexEvent, IndexReader, IndexStep};
use casync_core::session::{Event, Priority, Services, Session};
use rustix::io::Errno;

use super::end;
use crate::error::{Context as _, Error, Result};
use crate::flow::stop;
use crate::fs::output::AtomicFile;
use crate::remote::rate::Rate;
use crate::remote::session::wire::{For, Inbox, Wire};
use crate::store::{Compressor, Decompressor, Form, Store};

/// Where things are put.
#[derive(Default)]
pub struct PushService {
    /// The new archive.
    pub archive: Option<PathBuf>,
    /// The new index.
    pub index: Option<PathBuf>,
    /// Where chunks go.
    pub store: Option<Arc<dyn Store>>,
    /// Where else chunks may be already.
    pub others: Vec<Arc<dyn Store>>,
    /// Bytes a second; `None` is no limit.
    pub rate_limit_bps: Option<u64>,
}

impl std::fmt::Debug for PushService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushService")
            .field("archive", &self.archive)
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

/// What the client has said and nobody has looked at.
#[derive(Debug, Default)]
struct Pending {
    events: VecDeque<Event<'static>>,
    bytes: usize,
}

impl Inbox for Pending {
    fn take(&mut self, _: &mut Session, event: Event<'_>) -> Result<()> {
        self.bytes += size(&event);
        self.events.push_back(event.into_owned());
        Ok(())
    }

    fn is_full(&self) -> bool {
        /// Beside the frame that is just being read.
        const BYTES_MAX: usize = 1 << 20;
        self.bytes >= BYTES_MAX
    }
}

fn size(event: &Event<'_>) -> usize {
    match event {
        Event::Index(bytes) | Event::Archive(bytes) => bytes.len(),
        Event::Chunk { chunk: StoredChunk::Compressed(bytes) | StoredChunk::Plain(bytes), .. } => bytes.len(),
        _ => 0,
    }
}

/// Takes everything from one client, and gives it its names when it is complete.
///
/// # Errors
///
/// If the client misbehaves or leaves early, or something cannot be written. It was told; nothing of index and archive is
/// left, chunks stay.
pub fn push(service: PushService, pipes: (OwnedFd, OwnedFd)) -> Result<()> {
    let offers = [
        (service.store.is_some(), Services::WRITABLE_STORE),
        (service.index.is_some(), Services::WRITABLE_INDEX),
        (service.archive.is_some(), Services::WRITABLE_ARCHIVE),
    ];
    let offered = offers.iter().filter(|(is, _)| *is).fold(Services::default(), |all, (_, one)| all | *one);
    let session = Session::new(offered, &Limits::default())?;
    let rate = service.rate_limit_bps.map(Rate::of_run);
    let wire = Wire::start(session, Pending::default(), pipes, "the client".into(), rate)?;
    let taken = take_all(&wire, &service);
    end(&wire, taken)
}

fn take_all(wire: &Wire<Pending>, service: &PushService) -> Result<()> {
    let wanted = wire.hello()?;
    let mut taking = Taking::new(service, wanted)?;
    loop {
        let (waits, all) = wire.act(|state| (state.session.is_waiting(), state.inbox.events.is_empty()));
        if taking.is_complete() && !waits && all {
            break;
        }
        stop::check()?;
        let event = wire.wait(if waits { For::Answer } else { For::More }, |state| {
            let event = state.inbox.events.pop_front();
            state.inbox.bytes -= event.as_ref().map_or(0, size);
            Ok(event)
        })?;
        for id in taking.take(event)? {
            // False: it has come in this session already.
            wire.act(|state| state.session.request(&id, Priority::Low));
        }
    }
    taking.install()?;
    wire.act(|state| state.session.goodbye());
    Ok(())
}

/// Everything on its way to its name.
struct Taking<'a> {
    service: &'a PushService,
    archive: Option<AtomicFile>,
    index: Option<IndexTaking>,
    archive_ended: bool,
    /// Chunks are asked for as the index names them.
    wants_chunks: bool,
    decompressor: Decompressor,
    compressor: Compressor,
}

struct IndexTaking {
    file: AtomicFile,
    reader: IndexReader,
    algorithm: DigestAlgorithm,
    ended: bool,
}

impl<'a> Taking<'a> {
    fn new(service: &'a PushService, wanted: Services) -> Result<Self> {
        let create = |path: &Path| AtomicFile::create(path, 0o666);
        let archive = service.archive.as_deref().filter(|_| wanted.contains(Services::PUSH_ARCHIVE));
        let index = service.index.as_deref().filter(|_| wanted.contains(Services::PUSH_INDEX));
        let index = index.map(create).transpose()?.map(|file| IndexTaking {
            file,
            reader: IndexReader::new(&Limits::default()),
            algorithm: DigestAlgorithm::default(),
            ended: false,
        });
        Ok(Self {
            service,
            archive: archive.map(create).transpose()?,
            index,
            archive_ended: false,
            wants_chunks: wanted.contains(Services::PUSH_INDEX_CHUNKS),
            decompressor: Decompressor::new()?,
            compressor: Compressor::new(Compression::Zstd)?,
        })
    }

    fn is_complete(&self) -> bool {
        let archive = self.archive.is_none() || self.archive_ended;
        archive && self.index.as_ref().is_none_or(|index| index.ended)
    }

    /// Takes one message; returns the chunks that are now wanted.
    fn take(&mut self, event: Event<'_>) -> Result<Vec<ChunkId>> {
        match event {
            Event::Archive(bytes) => {
                if let Some(archive) = &mut self.archive {
                    archive.write_all(&bytes).context(|| "write the archive")?;
                }
            }
            Event::ArchiveEof => self.archive_ended = true,
            Event::Index(bytes) => return self.take_index(&bytes),
            Event::IndexEof => {
                if let Some(index) = &mut self.index {
                    index.ended = true;
                    let reader = std::mem::replace(&mut index.reader, IndexReader::new(&Limits::default()));
                    reader.finish().map_err(Error::in_index)?;
                }
            }
            Event::Chunk { id, chunk } => self.take_chunk(&id, chunk).context(|| format!("take chunk {id}"))?,
            Event::Missing(id) => {
                return Err(Error::new(Errno::NOENT, format!("the client does not have chunk {id} of its index")));
            }
            Event::Goodbye => return Err(Error::new(Errno::PROTO, "the client said goodbye before it had sent all")),
            Event::Hello(_) | Event::Request | Event::Abort { .. } => {}
        }
        Ok(Vec::new())
    }

    fn take_index(&mut self, bytes: &[u8]) -> Result<Vec<ChunkId>> {
        let Some(index) = &mut self.index else { return Ok(Vec::new()) };
        index.file.write_all(bytes).context(|| "write the index")?;
        let (mut rest, mut ids) = (bytes, Vec::new());
        while let IndexStep::Did { used, event } = index.reader.step(rest).map_err(Error::in_index)? {
            rest = &rest[used..];
            match event {
                IndexEvent::Header { features, .. } => index.algorithm = DigestAlgorithm::of(features),
                IndexEvent::Chunk { id, .. } => ids.push(id),
            }
        }
        if !self.wants_chunks {
            ids.clear();
        }
        let mut missing = Vec::new();
        for id in ids {
            if !self.has(&id)? {
                missing.push(id);
            }
        }
        Ok(missing)
    }

    fn has(&self, id: &ChunkId) -> Result<bool> {
        if self.service.store.as_ref().map_or(Ok(false), |store| store.hold(id))? {
            return Ok(true);
        }
        for other in &self.service.others {
            if other.has(id)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn take_chunk(&mut self, id: &ChunkId, chunk: StoredChunk) -> Result<()> {
        let (Some(store), Some(index)) = (&self.service.store, &self.index) else { return Ok(()) };
        let (form, bytes) = match &chunk {
            StoredChunk::Compressed(bytes) => (Form::Compressed, bytes),
            StoredChunk::Plain(bytes) => (Form::Plain, bytes),
        };
        let plain = self.decompressor.unpack_any(form, bytes, Limits::default().chunk, Vec::new())?;
        let verified = plain.verify(id, index.algorithm)?;
        match form {
            Form::Compressed => store.put(id, form, bytes)?,
            // compat: chunks are stored compressed, however they come.
            Form::Plain => store.put(id, Form::Compressed, self.compressor.compress(verified.bytes())?)?,
        };
        Ok(())
    }

    fn install(self) -> Result<()> {
        if let Some(archive) = self.archive {
            archive.install()?;
        }
        self.index.map_or(Ok(()), |index| index.file.install())
    }
}
