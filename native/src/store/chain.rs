//! Seeds and several stores asked in order, and the loading of verified chunks from them.

use std::sync::Arc;

use casync_core::chunk::{ChunkId, PlainChunk, VerifiedChunk, verify_all};
use casync_core::hash::DigestAlgorithm;
use casync_core::index::Piece;
use rustix::io::Errno;

use super::ahead::{Ahead, Fetched, is_far};
use super::{Decompressor, Form, Lease, Store};
use crate::error::{Cause, Context as _, Error, Result};
use crate::seed::{Origin, SeedReader, Seeds};
use crate::ui::log;

/// What to try when no store has a good one.
const BAD_CHUNK: &str =
    "a store with a good one can be named with --extra-store=; `casync verify --repair` mends a store";

/// Stores in the order in which they are asked, after the seeds.
#[derive(Clone, Default)]
pub struct Chain {
    stores: Vec<Arc<dyn Store>>,
    seeds: Option<Arc<Seeds>>,
    /// What fetches from stores that take long; `None` if there is none.
    ahead: Option<Arc<Ahead>>,
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.stores.iter().map(|store| store.name())).finish()
    }
}

impl Chain {
    /// Bytes of chunks that are fetched before they are wanted, unless somebody says otherwise.
    const AHEAD: u64 = 16 << 20;

    /// Stores in the order in which to ask them.
    pub fn new(stores: Vec<Arc<dyn Store>>) -> Self {
        let ahead = Ahead::new(&stores, Self::AHEAD).map(Arc::new);
        Self { stores, seeds: None, ahead }
    }

    /// The same, with at most so many bytes of chunks that are fetched before they are wanted.
    #[must_use]
    pub fn with_memory(self, bytes: u64) -> Self {
        Self { ahead: Ahead::new(&self.stores, bytes).map(Arc::new), ..self }
    }

    /// The same with seeds, which are asked before the stores.
    #[must_use]
    pub fn with_seeds(self, seeds: Arc<Seeds>) -> Self {
        Self { seeds: Some(seeds), ..self }
    }

    /// The seeds.
    pub fn seeds(&self) -> Option<&Seeds> {
        self.seeds.as_deref()
    }

    /// The seeds, for others to keep.
    pub fn shared_seeds(&self) -> Option<Arc<Seeds>> {
        self.seeds.clone()
    }

    /// The stores, in the order in which they are asked.
    pub fn stores(&self) -> &[Arc<dyn Store>] {
        &self.stores
    }

    /// Whether there are stores that take long, so that it helps to say early what will be wanted.
    pub const fn looks_ahead(&self) -> bool {
        self.ahead.is_some()
    }

    /// Says that these chunks will be loaded, after all that were said before. What nobody has loaded when the lease is
    /// dropped is given up.
    pub(crate) fn announce(&self, pieces: &[Piece]) -> Lease {
        let Some(ahead) = &self.ahead else { return Lease::default() };
        ahead.announce(pieces.iter().filter(|piece| !self.is_here(piece)))
    }

    /// Whether a chunk is with the seeds.
    fn is_here(&self, piece: &Piece) -> bool {
        let seeds = self.seeds();
        seeds.is_some_and(|seeds| seeds.is_zeros(&piece.id, piece.size) || seeds.find(&piece.id).next().is_some())
    }

    /// Names of the stores, for messages.
    fn names(&self) -> String {
        let names: Vec<String> = self.stores.iter().map(|store| format!("{:?}", store.name())).collect();
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
    seed_reader: SeedReader,
    stored: Vec<u8>,
    spare: Vec<Vec<u8>>,
}

/// A chunk, and where it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The chunk.
    pub chunk: VerifiedChunk,
    /// Where it came from.
    pub origin: Origin,
}

/// What the first that has a chunk gives.
enum First {
    /// Bytes that are still to be verified.
    Chunk(PlainChunk, Origin),
    /// Nothing good; all have to be asked.
    Trouble,
    /// Nothing, and all have been asked.
    Failed(Error),
}

impl<'a> Loader<'a> {
    /// A loader for chunks with ids of this algorithm.
    ///
    /// # Errors
    ///
    /// If there is no memory for decompression.
    pub fn new(chain: &'a Chain, algorithm: DigestAlgorithm) -> Result<Self> {
        Ok(Self {
            chain,
            algorithm,
            decompressor: Decompressor::new()?,
            seed_reader: SeedReader::default(),
            stored: Vec::new(),
            spare: Vec::new(),
        })
    }

    /// The algorithm of the ids.
    pub const fn algorithm(&self) -> DigestAlgorithm {
        self.algorithm
    }

    /// Whether it helps to say early what will be wanted.
    pub const fn looks_ahead(&self) -> bool {
        self.chain.looks_ahead()
    }

    /// Says what will be loaded, see [`Chain::announce`].
    pub(crate) fn announce(&self, pieces: &[Piece]) -> Lease {
        self.chain.announce(pieces)
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
    pub fn load(&mut self, pieces: &[Piece]) -> Vec<Result<Loaded>> {
        let mut chunks = Vec::with_capacity(pieces.len());
        let mut ids = Vec::with_capacity(pieces.len());
        let mut results: Vec<Result<Origin, Result<Loaded>>> = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match self.first(piece) {
                First::Chunk(chunk, origin) => {
                    chunks.push(chunk);
                    ids.push(piece.id);
                    results.push(Ok(origin));
                }
                First::Trouble => results.push(Err(self.load_carefully(piece))),
                First::Failed(error) => results.push(Err(Err(error))),
            }
        }
        let mut verified = verify_all(chunks, &ids, self.algorithm).collect::<Vec<_>>().into_iter();
        let results = results.into_iter().zip(pieces);
        results
            .map(|(result, piece)| match result {
                Err(result) => result,
                Ok(origin) => {
                    let verified = verified.next().and_then(Result::ok);
                    self.note(origin, verified.is_some());
                    match verified {
                        Some(chunk) => Ok(Loaded { chunk, origin }),
                        None => self.load_carefully(piece),
                    }
                }
            })
            .collect()
    }

    fn note(&self, origin: Origin, good: bool) {
        if let (Origin::Seed(place), Some(seeds)) = (origin, self.chain.seeds()) {
            seeds.note(place, good);
        }
    }

    /// Loads one chunk.
    ///
    /// # Errors
    ///
    /// If no store has it, or all that have it have it wrong.
    pub fn load_one(&mut self, piece: &Piece) -> Result<Loaded> {
        self.load(std::slice::from_ref(piece)).pop().unwrap_or_else(|| Err(self.chain.missing(&piece.id)))
    }

    /// The chunk from the first seed or store that has it, unverified.
    fn first(&mut self, piece: &Piece) -> First {
        let chain = self.chain;
        if let Some((chunk, origin)) = self.first_seed(piece) {
            return First::Chunk(chunk, origin);
        }
        match chain.ahead.as_ref().and_then(|ahead| ahead.take(&piece.id)) {
            Some(Fetched::Found { form, stored, is_far }) => {
                let out = self.spare.pop().unwrap_or_default();
                let unpacked = self.decompressor.unpack(form, &stored, piece.size, out);
                return unpacked.map_or(First::Trouble, |chunk| First::Chunk(chunk, Origin::Store { is_far }));
            }
            Some(Fetched::Missing) => return First::Failed(chain.missing(&piece.id)),
            Some(Fetched::Failed(error)) => return First::Failed(error),
            None => {}
        }
        match self.first_store(piece) {
            Some((chunk, is_far)) => First::Chunk(chunk, Origin::Store { is_far }),
            None => First::Trouble,
        }
    }

    /// The chunk from the first seed that has it, unverified.
    fn first_seed(&mut self, piece: &Piece) -> Option<(PlainChunk, Origin)> {
        let seeds = self.chain.seeds()?;
        if seeds.is_zeros(&piece.id, piece.size) {
            let mut zeros = self.spare.pop().unwrap_or_default();
            zeros.clear();
            zeros.resize(usize::try_from(piece.size).ok()?, 0);
            return Some((PlainChunk::from_untrusted(zeros), Origin::Id));
        }
        for place in seeds.find(&piece.id) {
            let out = self.spare.pop().unwrap_or_default();
            match self.seed_reader.read(seeds, place, piece.size, out) {
                Some(chunk) => return Some((chunk, Origin::Seed(place))),
                None => seeds.note(place, false),
            }
        }
        None
    }

    /// The chunk from the first store that has it, unverified, and whether that is on another host; `None` at the slightest
    /// trouble with a store.
    fn first_store(&mut self, piece: &Piece) -> Option<(PlainChunk, bool)> {
        let chain = self.chain;
        for store in &chain.stores {
            // compat: upstream looks for the plain file first. The compressed one is the usual case, and both hold the
            // same bytes unless one is damaged, in which case the other is tried.
            for form in Form::ALL {
                if store.get(&piece.id, form, &mut self.stored).ok()? {
                    let out = self.spare.pop().unwrap_or_default();
                    let chunk = self.decompressor.unpack(form, &self.stored, piece.size, out).ok()?;
                    return Some((chunk, is_far(&**store)));
                }
            }
        }
        None
    }

    /// Tries every seed and every form in every store, and says what was wrong with the first store that had it.
    fn load_carefully(&mut self, piece: &Piece) -> Result<Loaded> {
        let chain = self.chain;
        if let Some(loaded) = self.any_seed(piece) {
            return Ok(loaded);
        }
        let mut first_error: Option<Error> = None;
        let mut stored = Vec::new();
        for store in &chain.stores {
            for form in Form::ALL {
                let mut tried = match store.get(&piece.id, form, &mut stored) {
                    Ok(false) => continue,
                    Ok(true) => self.checked(piece, form, &stored, &**store),
                    Err(error) => Err(error),
                };
                if tried.is_err() {
                    // A cache or a group may have another one.
                    store.reject(&piece.id);
                    if let Ok(true) = store.get(&piece.id, form, &mut stored) {
                        tried =
                            self.checked(piece, form, &stored, &**store).map_err(|error| tried.err().unwrap_or(error));
                    }
                }
                match tried {
                    Ok(chunk) => {
                        if let Some(error) = first_error {
                            log::info(format_args!("Bad chunk, taken from elsewhere: {error}"));
                        }
                        return Ok(Loaded { chunk, origin: Origin::Store { is_far: is_far(&**store) } });
                    }
                    Err(error) => first_error = first_error.or(Some(error)),
                }
            }
        }
        let bad = |error: Error| {
            let is_format = matches!(error.cause(), Cause::Format(_));
            if is_format { error.hint(BAD_CHUNK) } else { error }
        };
        Err(first_error.map_or_else(|| chain.missing(&piece.id), bad))
    }

    fn any_seed(&mut self, piece: &Piece) -> Option<Loaded> {
        let chain = self.chain;
        let seeds = chain.seeds()?;
        seeds.find(&piece.id).find_map(|place| {
            let chunk = self.seed_reader.read(seeds, place, piece.size, Vec::new())?;
            let chunk = chunk.verify(&piece.id, self.algorithm).ok()?;
            seeds.note(place, true);
            Some(Loaded { chunk, origin: Origin::Seed(place) })
        })
    }

    fn checked(&mut self, piece: &Piece, form: Form, stored: &[u8], store: &dyn Store) -> Result<VerifiedChunk> {
        self.check(piece, form, stored).context(|| format!("chunk {} from store {:?}", piece.id, store.name()))
    }

    fn check(&mut self, piece: &Piece, form: Form, stored: &[u8]) -> Result<VerifiedChunk> {
        let plain = self.decompressor.unpack(form, stored, piece.size, Vec::new())?;
        Ok(plain.verify(&piece.id, self.algorithm)?)
    }
}
