//! The stores behind the server. Everything here blocks.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use casync_core::chunk::{ChunkId, VerifiedChunk};
use casync_core::codec::Compression;
use casync_core::hash::DigestAlgorithm;

use crate::error::{Context as _, Error, Result};
use crate::store::{Compressor, Examiner, Form, LocalStore, Put, Store};
use crate::ui::log;

/// A store that chunks are served from.
#[derive(Clone)]
pub enum Source {
    /// Files on this host, which go out as they are.
    Local(Arc<LocalStore>),
    /// Anything else; what comes from there is verified before it is sent on.
    Other(Arc<dyn Store>),
}

/// What is served, and under which names.
pub struct Stores {
    /// In the order in which they are asked.
    pub sources: Vec<Source>,
    /// Where uploads go.
    pub target: Option<Arc<dyn Store>>,
    /// Last component of the store's path in URLs.
    pub names: Vec<String>,
    /// The digest of ids, if it is known.
    pub digest: Option<DigestAlgorithm>,
    /// How to compress what a store has only plain.
    pub compression: Compression,
    /// Examiners that wait for work: each has memory for decompression.
    examiners: Mutex<Vec<Examiner>>,
}

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.sources).finish()
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Source").field(&self.store().name()).finish()
    }
}

impl Source {
    fn store(&self) -> &dyn Store {
        match self {
            Self::Local(store) => &**store,
            Self::Other(store) => &**store,
        }
    }
}

/// A chunk to be sent.
#[derive(Debug)]
pub(super) enum Found {
    /// The file of it.
    File(File, u64, SystemTime),
    /// Its bytes in the form that was asked for.
    Bytes(Vec<u8>),
}

impl Stores {
    /// Stores in the order in which they are asked; `names` are what their path in URLs may end in.
    pub fn new(sources: Vec<Source>, names: Vec<String>) -> Self {
        let compression = Compression::default();
        Self { sources, target: None, names, digest: None, compression, examiners: Mutex::default() }
    }

    /// Those that take uploads into this store.
    #[must_use]
    pub fn writable(self, target: Arc<dyn Store>) -> Self {
        Self { target: Some(target), ..self }
    }

    /// How many chunks it makes sense to look for at once.
    pub(super) fn width(&self) -> usize {
        self.sources.iter().map(|source| source.store().width()).max().unwrap_or(0)
    }

    /// Whether all answers come from this host's disks.
    pub(super) fn are_local(&self) -> bool {
        self.sources.iter().all(|source| matches!(source, Source::Local(_)))
    }

    /// Looks for a chunk.
    ///
    /// # Errors
    ///
    /// If no store has it and one could not be asked, or has it wrong.
    pub(super) fn find(&self, id: &ChunkId, form: Form) -> Result<Option<Found>> {
        let mut first_error = None;
        for source in &self.sources {
            let found = match source {
                Source::Local(store) => self.find_local(store, id, form),
                Source::Other(store) => self.find_other(&**store, id, form),
            };
            match found {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => {}
                Err(error) => {
                    log::info(format_args!("Chunk {id} from store {:?}: {error}", source.store().name()));
                    first_error = first_error.or(Some(error));
                }
            }
        }
        first_error.map_or(Ok(None), Err)
    }

    fn find_local(&self, store: &LocalStore, id: &ChunkId, form: Form) -> Result<Option<Found>> {
        if let Some((file, stat)) = store.file(id, form)? {
            let modified = UNIX_EPOCH + Duration::from_secs(u64::try_from(stat.st_mtime).unwrap_or(0));
            return Ok(Some(Found::File(file, stat.st_size as u64, modified)));
        }
        let mut stored = Vec::new();
        if !store.get(id, form.other(), &mut stored)? {
            return Ok(None);
        }
        let chunk = self.examine(id, form.other(), &stored)?;
        self.in_form(chunk, form).map(Some)
    }

    fn find_other(&self, store: &dyn Store, id: &ChunkId, form: Form) -> Result<Option<Found>> {
        let mut stored = Vec::new();
        for there in [form, form.other()] {
            if store.get(id, there, &mut stored)? {
                let chunk = self.examine(id, there, &stored)?;
                return if there == form {
                    Ok(Some(Found::Bytes(stored)))
                } else {
                    self.in_form(chunk, form).map(Some)
                };
            }
        }
        Ok(None)
    }

    fn in_form(&self, chunk: VerifiedChunk, form: Form) -> Result<Found> {
        Ok(Found::Bytes(match form {
            Form::Plain => chunk.into_bytes(),
            Form::Compressed => Compressor::new(self.compression)?.compress(chunk.bytes())?.to_vec(),
        }))
    }

    /// Stores an uploaded chunk, if it is the one that its id names.
    ///
    /// # Errors
    ///
    /// [`Refused::Wrong`] if it is not; else what the store says.
    pub(super) fn store(&self, id: &ChunkId, form: Form, bytes: &[u8]) -> Result<Put, Refused> {
        self.examine(id, form, bytes).map_err(Refused::Wrong)?;
        let target = self.target.as_ref().ok_or(Refused::ReadOnly)?;
        target.put(id, form, bytes).map_err(Refused::Failed)
    }

    fn examine(&self, id: &ChunkId, form: Form, stored: &[u8]) -> Result<VerifiedChunk> {
        /// More are not often at work at once.
        const SPARE: usize = 8;
        let spare = self.examiners.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut examiner = match spare {
            Some(examiner) => examiner,
            None => Examiner::new(self.digest)?,
        };
        let examined = examiner.examine(id, form, stored).context(|| format!("chunk {id}"));
        let mut waiting = self.examiners.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < SPARE {
            waiting.push(examiner);
        }
        examined
    }
}

/// Why a chunk was not stored.
#[derive(Debug)]
pub(super) enum Refused {
    /// Nothing can be stored.
    ReadOnly,
    /// It is not the chunk that its id names.
    Wrong(Error),
    /// The store failed.
    Failed(Error),
}
