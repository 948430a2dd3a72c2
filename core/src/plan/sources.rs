//! The chunks that a stream needs, each once, and who claims them.

use alloc::vec::Vec;

use crate::chunk::{ChunkId, ChunkSizes};
use crate::error::{Error, Limited, Result};
use crate::hash::{DigestAlgorithm, Hasher};
use crate::limits::Limits;

/// Chunks of a stream, and the sources that supply them.
///
/// Sources are asked in order: either the host offers every chunk that a source has ([`claim`](Self::claim)), or it asks
/// the source for every chunk that nobody has claimed so far ([`next_unclaimed`](Self::next_unclaimed),
/// [`claim_at`](Self::claim_at)).
///
/// ```
/// use casync_core::Limits;
/// use casync_core::chunk::{ChunkId, ChunkSizes};
/// use casync_core::hash::DigestAlgorithm;
/// use casync_core::plan::{Plan, Sum};
///
/// let algorithm = DigestAlgorithm::Sha512_256;
/// let [old, new] = [b"old", b"new"].map(|bytes| ChunkId::of(bytes, algorithm));
/// let mut builder = Plan::builder(algorithm, ChunkSizes::default(), &Limits::default());
/// for id in [old, new, old] {
///     builder.push(id, 3)?;
/// }
/// let mut plan = builder.finish();
/// let seed = plan.add_source();
/// assert!(plan.claim(&old, seed));
/// assert_eq!(plan.supplied(seed), Sum { chunks: 1, bytes: 3 });
/// assert_eq!(plan.repeats(), Sum { chunks: 1, bytes: 3 });
/// assert_eq!(plan.next_unclaimed(0).map(|(_, id, _)| id), Some(new));
/// assert_eq!(plan.missing(), Sum { chunks: 1, bytes: 3 });
/// # Ok::<(), casync_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Plan {
    /// In ascending order of ids, each once.
    wanted: Vec<Wanted>,
    total: Sum,
    zeros: Sum,
    repeats: Sum,
    supplied: Vec<Sum>,
}

/// 40 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Wanted {
    id: ChunkId,
    /// Chunks are smaller than 2^27 bytes.
    size: u32,
    /// Number of the source, or [`Self::NOBODY`].
    source: u32,
}

impl Wanted {
    const NOBODY: u32 = u32::MAX;
}

/// A source of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source(u32);

/// How much something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Chunks.
    pub chunks: u64,
    /// Bytes in them.
    pub bytes: u64,
}

impl Sum {
    const fn add(&mut self, size: u64) {
        self.chunks += 1;
        self.bytes = self.bytes.saturating_add(size);
    }
}

impl Plan {
    /// Starts with a stream that was cut with these sizes.
    pub fn builder(algorithm: DigestAlgorithm, sizes: ChunkSizes, limits: &Limits) -> PlanBuilder {
        PlanBuilder {
            algorithm,
            max: sizes.max(),
            limit: limits.index_chunks,
            zeros_id: None,
            wanted: Vec::new(),
            total: Sum::default(),
            zeros: Sum::default(),
        }
    }

    /// Adds a source, behind those that are there.
    pub fn add_source(&mut self) -> Source {
        self.supplied.push(Sum::default());
        Source((self.supplied.len() - 1) as u32)
    }

    /// A source has this chunk. False: nobody needs it, or somebody has claimed it already.
    pub fn claim(&mut self, id: &ChunkId, source: Source) -> bool {
        self.wanted.binary_search_by(|wanted| wanted.id.cmp(id)).is_ok_and(|at| self.claim_at(at, source))
    }

    /// A source has the chunk at this place, which [`Self::next_unclaimed`] gave. False: somebody has claimed it already.
    pub fn claim_at(&mut self, place: usize, source: Source) -> bool {
        let wanted = self.wanted.get_mut(place).filter(|wanted| wanted.source == Wanted::NOBODY);
        let (Some(wanted), Some(sum)) = (wanted, self.supplied.get_mut(source.0 as usize)) else { return false };
        wanted.source = source.0;
        sum.add(wanted.size.into());
        true
    }

    /// The first chunk at or behind a place that nobody has claimed: its place, id and size.
    pub fn next_unclaimed(&self, from: usize) -> Option<(usize, ChunkId, u64)> {
        let rest = self.wanted.get(from..)?;
        let at = rest.iter().position(|wanted| wanted.source == Wanted::NOBODY)?;
        Some((from + at, rest[at].id, rest[at].size.into()))
    }

    /// All of the stream.
    pub const fn total(&self) -> Sum {
        self.total
    }

    /// Chunks of the largest size that are all zeros: nobody has to supply them.
    pub const fn zeros(&self) -> Sum {
        self.zeros
    }

    /// Chunks that occurred before in the stream, all zeros apart.
    pub const fn repeats(&self) -> Sum {
        self.repeats
    }

    /// Chunks that a source supplies, each counted once.
    pub fn supplied(&self, source: Source) -> Sum {
        self.supplied.get(source.0 as usize).copied().unwrap_or_default()
    }

    /// Chunks that no source has, each counted once.
    pub fn missing(&self) -> Sum {
        let mut missing = Sum::default();
        let unclaimed = self.wanted.iter().filter(|wanted| wanted.source == Wanted::NOBODY);
        unclaimed.for_each(|wanted| missing.add(wanted.size.into()));
        missing
    }
}

/// A plan whose index is being read.
#[derive(Clone, Debug)]
pub struct PlanBuilder {
    algorithm: DigestAlgorithm,
    max: u64,
    limit: u64,
    /// Id of the largest chunk of zeros, once there is a chunk of that size.
    zeros_id: Option<ChunkId>,
    wanted: Vec<Wanted>,
    total: Sum,
    zeros: Sum,
}

impl PlanBuilder {
    /// Adds the next chunk of the stream.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] for more chunks than `limits.index_chunks`, those of zeros apart, and for impossible sizes.
    pub fn push(&mut self, id: ChunkId, size: u64) -> Result<()> {
        let fit = u32::try_from(size).ok().filter(|_| size <= crate::CHUNK_MAX);
        let fit = fit.ok_or(Error::Limit { what: Limited::Chunk, value: size, max: crate::CHUNK_MAX })?;
        if size == self.max && id == self.zeros_id() {
            self.zeros.add(size);
        } else {
            let chunks = self.wanted.len() as u64 + 1;
            if chunks > self.limit {
                return Err(Error::Limit { what: Limited::IndexChunks, value: chunks, max: self.limit });
            }
            self.wanted.push(Wanted { id, size: fit, source: Wanted::NOBODY });
        }
        self.total.add(size);
        Ok(())
    }

    /// All chunks have been added.
    pub fn finish(self) -> Plan {
        let Self { mut wanted, total, zeros, .. } = self;
        let mut repeats = Sum::default();
        wanted.sort_unstable();
        wanted.dedup_by(|next, first| {
            let same = next.id == first.id;
            if same {
                repeats.add(next.size.into());
            }
            same
        });
        Plan { wanted, total, zeros, repeats, supplied: Vec::new() }
    }

    fn zeros_id(&mut self) -> ChunkId {
        let (algorithm, max) = (self.algorithm, self.max);
        *self.zeros_id.get_or_insert_with(|| {
            const ZEROS: [u8; 4096] = [0; 4096];
            let mut hasher = Hasher::new(algorithm);
            let mut left = max;
            while left > 0 {
                let piece = left.min(ZEROS.len() as u64);
                hasher.update(&ZEROS[..piece as usize]);
                left -= piece;
            }
            hasher.finish().into()
        })
    }
}
