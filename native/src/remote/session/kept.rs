//! Compressed chunks that the other side may ask for: some in memory, the others in a file without a name.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use casync_core::chunk::{ChunkId, StoredChunk};

use crate::error::{Context as _, Result};
use crate::remote::spool;

/// Where chunks are until they are asked for.
#[derive(Debug, Default)]
pub(super) struct Kept {
    places: BTreeMap<ChunkId, Place>,
    /// Those in memory, oldest first, and some that are gone.
    order: VecDeque<ChunkId>,
    bytes: usize,
    file: Option<Arc<File>>,
    /// Bytes in the file.
    end: u64,
}

/// Where a chunk is.
#[derive(Debug)]
pub(super) enum Place {
    Memory(StoredChunk),
    File { file: Arc<File>, offset: u64, length: usize },
}

impl Kept {
    /// Bytes in memory.
    const MEMORY: usize = 16 << 20;

    /// Bytes of those in memory.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn contains(&self, id: &ChunkId) -> bool {
        self.places.contains_key(id)
    }

    /// Keeps a chunk; when there are many, the oldest one goes to the file. False: it was there.
    pub(super) fn insert(&mut self, id: &ChunkId, chunk: StoredChunk) -> Result<bool> {
        if !self.hold(id, chunk) {
            return Ok(false);
        }
        while self.bytes > Self::MEMORY
            && let Some(oldest) = self.order.pop_front()
        {
            self.spill(&oldest)?;
        }
        Ok(true)
    }

    /// Keeps a chunk in memory, however many there are. False: it was there.
    pub(super) fn hold(&mut self, id: &ChunkId, chunk: StoredChunk) -> bool {
        if self.contains(id) {
            return false;
        }
        self.bytes += size(&chunk);
        self.order.push_back(*id);
        self.places.insert(*id, Place::Memory(chunk));
        true
    }

    /// Takes a chunk out.
    pub(super) fn take(&mut self, id: &ChunkId) -> Option<Place> {
        let place = self.places.remove(id)?;
        if let Place::Memory(chunk) = &place {
            self.bytes -= size(chunk);
        }
        Some(place)
    }

    fn spill(&mut self, id: &ChunkId) -> Result<()> {
        // A plain one is rare: only a compressed one has a mark of its own in the file.
        let Some(Place::Memory(StoredChunk::Compressed(bytes))) = self.places.get(id) else { return Ok(()) };
        let what = || "keep chunks until the other side asks for them";
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => Arc::clone(self.file.insert(Arc::new(File::from(spool::file().context(what)?)))),
        };
        file.write_all_at(bytes, self.end).context(what)?;
        let (offset, length) = (self.end, bytes.len());
        self.end += length as u64;
        self.bytes -= length;
        self.places.insert(*id, Place::File { file, offset, length });
        Ok(())
    }
}

impl Place {
    /// The chunk.
    pub(super) fn load(self) -> Result<StoredChunk> {
        match self {
            Self::Memory(chunk) => Ok(chunk),
            Self::File { file, offset, length } => {
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, offset).context(|| "read a chunk that was kept")?;
                Ok(StoredChunk::Compressed(bytes))
            }
        }
    }
}

fn size(chunk: &StoredChunk) -> usize {
    match chunk {
        StoredChunk::Compressed(bytes) | StoredChunk::Plain(bytes) => bytes.len(),
    }
}
