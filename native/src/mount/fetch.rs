//! Where the pieces of an image come from.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use casync_core::chunk::VerifiedChunk;
use casync_core::hash::DigestAlgorithm;
use casync_core::index::Piece;

use super::chunks::Jobs;
use crate::error::{Error, Result};
use crate::remote::RemoteFile;
use crate::store::{Chain, Loader, Tools};

/// The bytes of one piece.
#[derive(Clone, Debug)]
pub enum Block {
    /// A chunk that belongs to its id.
    Chunk(VerifiedChunk),
    /// A part of a file that has no digests.
    Range(Vec<u8>),
}

impl Block {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Chunk(chunk) => chunk.bytes(),
            Self::Range(bytes) => bytes,
        }
    }

    /// Gives the memory away.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Chunk(chunk) => chunk.into_bytes(),
            Self::Range(bytes) => bytes,
        }
    }
}

/// A source of blocks. Each loader thread calls [`Self::work`] once and stays in it.
pub trait Fetch: Send + Sync + Debug + 'static {
    /// Serves jobs until there are no more.
    ///
    /// # Errors
    ///
    /// If the thread cannot begin to work.
    fn work(&self, jobs: &Jobs<'_>) -> Result<()>;

    /// Loads some pieces in the thread of who waits for them, which saves two changes of threads for each read.
    fn load_here(&self, jobs: &Jobs<'_>, pieces: &[Piece]);

    /// How many blocks at the same time make sense, since each mostly waits; 0 if none waits.
    fn width(&self) -> usize;
}

/// Chunks from seeds and stores, verified.
#[derive(Debug)]
pub struct ChunkFetch {
    chain: Chain,
    algorithm: DigestAlgorithm,
    /// Of loaders in the threads of readers.
    tools: Mutex<Vec<Tools>>,
}

impl ChunkFetch {
    /// For chunks with ids of this algorithm.
    pub const fn new(chain: Chain, algorithm: DigestAlgorithm) -> Self {
        Self { chain, algorithm, tools: Mutex::new(Vec::new()) }
    }

    fn tools(&self) -> MutexGuard<'_, Vec<Tools>> {
        self.tools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn load(&self, loader: &mut Loader<'_>, jobs: &Jobs<'_>, pieces: &[Piece]) {
        jobs.spare().for_each(|buffer| loader.recycle(buffer));
        let results = loader.load(pieces);
        jobs.done(pieces, results.into_iter().map(|result| result.map(|loaded| Block::Chunk(loaded.chunk))));
    }
}

impl Fetch for ChunkFetch {
    fn work(&self, jobs: &Jobs<'_>) -> Result<()> {
        let mut loader = Loader::new(&self.chain, self.algorithm)?;
        while let Some(pieces) = jobs.next() {
            self.load(&mut loader, jobs, &pieces);
        }
        Ok(())
    }

    fn load_here(&self, jobs: &Jobs<'_>, pieces: &[Piece]) {
        let tools = self.tools().pop();
        let loader = match tools {
            Some(tools) => Ok(Loader::with(&self.chain, self.algorithm, tools)),
            None => Loader::new(&self.chain, self.algorithm),
        };
        match loader {
            Ok(mut loader) => {
                self.load(&mut loader, jobs, pieces);
                self.tools().push(loader.into_tools());
            }
            Err(error) => jobs.done(pieces, pieces.iter().map(|_| Err(error.clone()))),
        }
    }

    fn width(&self) -> usize {
        self.chain.stores().iter().map(|store| store.width()).max().unwrap_or(0)
    }
}

/// Ranges of a file on another host.
#[derive(Debug)]
pub struct RangeFetch(Arc<dyn RemoteFile>);

impl RangeFetch {
    /// Requests that one file is worth: most servers answer more, but the file is one, and the reader mostly one as well.
    const WIDTH: usize = 8;

    /// For a file whose size is known, and that can be read at any offset.
    pub fn new(file: Arc<dyn RemoteFile>) -> Self {
        Self(file)
    }

    fn load(&self, piece: &Piece) -> Result<Block> {
        let mut bytes = vec![0; usize::try_from(piece.size).unwrap_or(usize::MAX)];
        let filled = self.0.read_at(piece.start, &mut bytes)?;
        if filled < bytes.len() {
            let at = piece.start + filled as u64;
            return Err(Error::new(rustix::io::Errno::IO, format!("{} ends at {at}, it was longer", self.0.name())));
        }
        Ok(Block::Range(bytes))
    }
}

impl Fetch for RangeFetch {
    fn work(&self, jobs: &Jobs<'_>) -> Result<()> {
        while let Some(pieces) = jobs.next() {
            self.load_here(jobs, &pieces);
        }
        Ok(())
    }

    fn load_here(&self, jobs: &Jobs<'_>, pieces: &[Piece]) {
        jobs.done(pieces, pieces.iter().map(|piece| self.load(piece)));
    }

    fn width(&self) -> usize {
        Self::WIDTH
    }
}
