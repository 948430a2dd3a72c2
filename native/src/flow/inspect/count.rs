//! The different chunks of an index, and how often each occurs.

use casync_core::Limits;
use casync_core::chunk::ChunkId;
use casync_core::error::{Error as CoreError, Limited};
use casync_core::hash::{DigestAlgorithm, Hasher};

use super::Amount;
use crate::error::{Error, Result};
use crate::flow::input::Index;
use crate::flow::stop;

/// The different chunks of an index, 40 bytes of memory each.
#[derive(Debug)]
pub struct Chunks {
    /// In ascending order of ids, each once.
    chunks: Vec<Chunk>,
    /// All chunks of the index.
    pub total: Amount,
}

#[derive(Clone, Copy, Debug)]
struct Chunk {
    id: ChunkId,
    /// Chunks are not larger than 2^27 bytes.
    size: u32,
    /// An index that is held in memory has fewer than 2^32 chunks.
    count: u32,
}

/// Chunks that occur more than once.
#[derive(Debug, serde::Serialize)]
pub struct Repeats {
    /// All occurrences but the first of each.
    #[serde(flatten)]
    pub sum: Amount,
    /// How many different chunks these are.
    pub ids: u64,
    /// Those that save most, at most [`Repeats::TOP`].
    pub top: Vec<Repeated>,
}

/// A chunk that occurs more than once.
#[derive(Debug, serde::Serialize)]
pub struct Repeated {
    /// Its id.
    pub id: String,
    /// Bytes in it.
    pub size: u64,
    /// How often it occurs.
    pub count: u64,
    /// Whether it is all zeros.
    pub zeros: bool,
}

impl Repeats {
    /// Chunks that are listed.
    const TOP: usize = 5;
}

impl Chunks {
    /// Counts the chunks of an index; `see` is shown the size of each.
    ///
    /// # Errors
    ///
    /// If the index cannot be read, or is too large to be held.
    pub fn of(index: &mut Index, mut see: impl FnMut(u32)) -> Result<Self> {
        let max = Limits::default().index_chunks;
        if index.len() > max {
            let error = CoreError::Limit { what: Limited::IndexChunks, value: index.len(), max };
            return Err(Error::in_index(error));
        }
        let mut chunks = Vec::new();
        let mut total = Amount::default();
        for number in 0..index.len() {
            stop::check()?;
            let Some(piece) = index.get(number)? else { break };
            total.add(piece.size);
            let size = u32::try_from(piece.size).unwrap_or(u32::MAX);
            see(size);
            chunks.push(Chunk { id: piece.id, size, count: 1 });
        }
        chunks.sort_unstable_by_key(|chunk| chunk.id);
        chunks.dedup_by(|next, first| {
            let same = next.id == first.id;
            first.count += u32::from(same);
            same
        });
        Ok(Self { chunks, total })
    }

    /// Whether a chunk of this id is among them.
    pub fn contains(&self, id: &ChunkId) -> bool {
        self.place(id).is_some()
    }

    /// Number of a chunk among the different ones.
    pub(super) fn place(&self, id: &ChunkId) -> Option<usize> {
        self.chunks.binary_search_by(|chunk| chunk.id.cmp(id)).ok()
    }

    /// How many different ones there are.
    pub(super) const fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Id and size of the different chunks, in no order that means anything.
    pub fn distinct(&self) -> impl Iterator<Item = (ChunkId, u64)> + '_ {
        self.chunks.iter().map(|chunk| (chunk.id, chunk.size.into()))
    }

    /// What occurs more than once.
    pub fn repeats(&self, algorithm: DigestAlgorithm) -> Repeats {
        let mut sum = Amount::default();
        let mut repeated: Vec<&Chunk> = Vec::new();
        for chunk in self.chunks.iter().filter(|chunk| chunk.count > 1) {
            let more = u64::from(chunk.count - 1);
            sum.chunks += more;
            sum.bytes += more * u64::from(chunk.size);
            repeated.push(chunk);
        }
        let ids = repeated.len() as u64;
        // By what they save, and then by id: the same every time.
        let saved = |chunk: &Chunk| u64::from(chunk.count - 1) * u64::from(chunk.size);
        repeated.sort_by_key(|chunk| (std::cmp::Reverse(saved(chunk)), chunk.id));
        repeated.truncate(Repeats::TOP);
        let top = repeated.into_iter().map(|chunk| Repeated {
            id: chunk.id.to_string(),
            size: chunk.size.into(),
            count: chunk.count.into(),
            zeros: chunk.id == zeros(algorithm, chunk.size.into()),
        });
        Repeats { sum, ids, top: top.collect() }
    }
}

/// The id of a chunk that is all zeros.
pub(super) fn zeros(algorithm: DigestAlgorithm, size: u64) -> ChunkId {
    const ZEROS: [u8; 4096] = [0; 4096];
    let mut hasher = Hasher::new(algorithm);
    let mut left = size;
    while left > 0 {
        let piece = left.min(ZEROS.len() as u64);
        hasher.update(&ZEROS[..piece as usize]);
        left -= piece;
    }
    hasher.finish().into()
}
