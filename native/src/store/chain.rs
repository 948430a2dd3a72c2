//! Several stores asked in order, and the loading of verified chunks from them.

use std::sync::Arc;

use casync_core::chunk::{ChunkId, PlainChunk, VerifiedChunk, verify_all};
use casync_core::hash::DigestAlgorithm;
use casync_core::index::Piece;
use rustix::io::Errno;

use super::{Decompressor, Form, Store};
use crate::error::{Context as _, Error, Result};
use crate::ui::log;

/// Stores in the order in which they are asked.
#[derive(Clone, Default)]
pub struct Chain(Vec<Arc<dyn Store>>);

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|store| store.name())).finish()
    }
}

impl Chain {
    /// Stores in the order in which to ask them.
    pub fn new(stores: Vec<Arc<dyn Store>>) -> Self {
        Self(stores)
    }

    /// The stores, in the order in which they are asked.
    pub fn stores(&self) -> &[Arc<dyn Store>] {
        &self.0
    }

    /// Names of the stores, for messages.
    fn names(&self) -> String {
        let names: Vec<String> = self.0.iter().map(|store| format!("{:?}", store.name())).collect();
        names.join(", ")
    }

    fn missing(&self, id: &ChunkId) -> Error {
        Error::new(Errno::NOENT, format!("chunk {id} is in none of the stores ({})", self.names()))
            .hint("name the store that holds it with --store= or --extra-store=")
    }
}

/// Loads verified chunks. Each worker has its own, with its own buffers.
#[derive(Debug)]
pub struct Loader<'a> {
    chain: &'a Chain,
    algorithm: DigestAlgorithm,
    decompressor: Decompressor,
    stored: Vec<u8>,
    spare: Vec<Vec<u8>>,
}

impl<'a> Loader<'a> {
    /// A loader for chunks with ids of this algorithm.
    ///
    /// # Errors
    ///
    /// If there is no memory for decompression.
    pub fn new(chain: &'a Chain, algorithm: DigestAlgorithm) -> Result<Self> {
        Ok(Self { chain, algorithm, decompressor: Decompressor::new()?, stored: Vec::new(), spare: Vec::new() })
    }

    /// Takes back the memory of a chunk that is not needed any more.
    pub fn recycle(&mut self, buffer: Vec<u8>) {
        /// Enough for one batch; more would only hold memory.
        const SPARE_MAX: usize = 64;
        if self.spare.len() < SPARE_MAX {
            self.spare.push(buffer);
        }
    }

    /// Loads chunks, in order. Several at once are verified faster than one by one.
    pub fn load(&mut self, pieces: &[Piece]) -> Vec<Result<VerifiedChunk>> {
        let mut chunks = Vec::with_capacity(pieces.len());
        let mut ids = Vec::with_capacity(pieces.len());
        let mut results: Vec<Option<Result<VerifiedChunk>>> = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match self.first(piece) {
                Some(chunk) => {
                    chunks.push(chunk);
                    ids.push(piece.id);
                    results.push(None);
                }
                None => results.push(Some(self.load_carefully(piece))),
            }
        }
        let mut verified = verify_all(chunks, &ids, self.algorithm).collect::<Vec<_>>().into_iter();
        let results = results.into_iter().zip(pieces);
        results
            .map(|(result, piece)| match result {
                Some(result) => result,
                None => match verified.next() {
                    Some(Ok(chunk)) => Ok(chunk),
                    _ => self.load_carefully(piece),
                },
            })
            .collect()
    }

    /// Loads one chunk.
    ///
    /// # Errors
    ///
    /// If no store has it, or all that have it have it wrong.
    pub fn load_one(&mut self, piece: &Piece) -> Result<VerifiedChunk> {
        self.load(std::slice::from_ref(piece)).pop().unwrap_or_else(|| Err(self.chain.missing(&piece.id)))
    }

    /// The chunk from the first store that has it, unverified; `None` at the slightest trouble.
    fn first(&mut self, piece: &Piece) -> Option<PlainChunk> {
        let chain = self.chain;
        for store in &chain.0 {
            // compat: upstream looks for the plain file first. The compressed one is the usual case, and both hold the
            // same bytes unless one is damaged, in which case the other is tried.
            for form in Form::ALL {
                if store.get(&piece.id, form, &mut self.stored).ok()? {
                    let out = self.spare.pop().unwrap_or_default();
                    return self.decompressor.unpack(form, &self.stored, piece.size, out).ok();
                }
            }
        }
        None
    }

    /// Tries every form in every store, and says what was wrong with the first.
    fn load_carefully(&mut self, piece: &Piece) -> Result<VerifiedChunk> {
        let chain = self.chain;
        let mut first_error: Option<Error> = None;
        let mut stored = Vec::new();
        for store in &chain.0 {
            for form in Form::ALL {
                let tried = match store.get(&piece.id, form, &mut stored) {
                    Ok(false) => continue,
                    Ok(true) => self
                        .check(piece, form, &stored)
                        .context(|| format!("chunk {} from store {:?}", piece.id, store.name())),
                    Err(error) => Err(error),
                };
                match tried {
                    Ok(chunk) => {
                        if let Some(error) = first_error {
                            log::info(format_args!("Bad chunk, taken from elsewhere: {error}"));
                        }
                        return Ok(chunk);
                    }
                    Err(error) => first_error = first_error.or(Some(error)),
                }
            }
        }
        Err(first_error.unwrap_or_else(|| chain.missing(&piece.id)))
    }

    fn check(&mut self, piece: &Piece, form: Form, stored: &[u8]) -> Result<VerifiedChunk> {
        let plain = self.decompressor.unpack(form, stored, piece.size, Vec::new())?;
        Ok(plain.verify(&piece.id, self.algorithm)?)
    }
}
