//! An index: what it says, what its chunks are like, what it has in common with another one.

use casync_core::record::{INDEX_HEADER_SIZE, INDEX_ITEM_SIZE, INDEX_TAIL_SIZE};

use super::{Amount, ChunkMap, Chunks, Features, Histogram, Origin, Repeats, StoreFacts};
use crate::error::{Context as _, Result};
use crate::flow::input::Index;
use crate::store::Chain;

/// What there is to know of an index.
#[derive(Debug, serde::Serialize)]
pub struct IndexFacts {
    /// Bytes of the index itself.
    pub file_bytes: u64,
    /// Feature flags.
    pub features: Features,
    /// The digest of the ids.
    pub digest: &'static str,
    /// The sizes that the stream was cut with.
    pub chunk_size: Settings,
    /// Chunks and bytes of the stream.
    #[serde(flatten)]
    pub stream: Amount,
    /// The sizes of its chunks; `None` if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<SizesFound>,
    /// What the stream consists of, each chunk counted once.
    pub distinct: Amount,
    /// What occurs more than once.
    pub repeats: Repeats,
    /// How many chunks there are of which size.
    pub histogram: Histogram,
    /// What stores have of it, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreFacts>,
    /// What it has in common with an older index, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<AgainstFacts>,
}

/// Chunk sizes in bytes, as in the header.
#[derive(Debug, serde::Serialize)]
#[expect(missing_docs, reason = "there is no more to say")]
pub struct Settings {
    pub min: u64,
    pub avg: u64,
    pub max: u64,
}

/// Chunk sizes in bytes, as they have come out.
#[derive(Debug, serde::Serialize)]
pub struct SizesFound {
    /// The smallest, which may be the last chunk of the stream.
    pub min: u64,
    /// Rounded down.
    pub mean: u64,
    /// Of an even number of chunks, the mean of those in the middle, rounded down.
    pub median: u64,
    /// The largest.
    pub max: u64,
}

/// Where the chunks of a stream come from, for who has an older one. Each occurrence counts.
#[derive(Debug, serde::Serialize)]
pub struct AgainstFacts {
    /// At the same place of the older stream.
    pub in_place: Amount,
    /// Elsewhere in the older stream.
    pub moved: Amount,
    /// Of the largest size and all zeros.
    pub zeros: Amount,
    /// What is fetched, once more.
    pub repeats: Amount,
    /// What is fetched.
    pub fetch: Amount,
    /// What stores have of that, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetch_stored: Option<StoreFacts>,
}

/// All that inspecting an index gives.
#[derive(Debug)]
pub struct Inspected {
    /// Numbers.
    pub facts: IndexFacts,
    /// Where its chunks come from.
    pub map: ChunkMap,
    /// What becomes of the chunks of the older index.
    pub old: Option<ChunkMap>,
}

/// An index, and what to call it when it cannot be read.
#[derive(Debug)]
pub struct Named<'a> {
    /// The index.
    pub index: &'a mut Index,
    /// Its name.
    pub name: &'a str,
}

impl Named<'_> {
    fn chunks(&mut self, see: impl FnMut(u32)) -> Result<Chunks> {
        Chunks::of(self.index, see).context(|| format!("read the index \"{}\"", self.name))
    }
}

/// Looks at an index, and at an older one that is to be compared with.
///
/// # Errors
///
/// If an index or a store cannot be read.
pub fn inspect(mut new: Named<'_>, chain: Option<&Chain>, old: Option<Named<'_>>) -> Result<Inspected> {
    let mut sizes = Vec::new();
    let chunks = new.chunks(|size| sizes.push(size))?;
    let index = new.index;
    let histogram = Histogram::of(&sizes, index.sizes().max());
    let found = sizes_found(&mut sizes, chunks.total);
    drop(sizes);
    let mut distinct = Amount::default();
    chunks.distinct().for_each(|(_, size)| distinct.add(size));
    let store = chain.map(|chain| StoreFacts::of(chain, chunks.distinct())).transpose()?;

    let (map, old, against) = match old {
        None => (ChunkMap::of_origins(index, &chunks, None)?, None, None),
        Some(mut old) => {
            let old_chunks = old.chunks(|_| ())?;
            let old = old.index;
            let map = ChunkMap::of_origins(index, &chunks, Some((old, &old_chunks)))?;
            let has_zeros = map.of_origin(Origin::Zeros).chunks > 0;
            let zeros = has_zeros.then(|| super::count::zeros(index.algorithm(), index.sizes().max()));
            let fetched = chunks.distinct().filter(|(id, _)| Some(*id) != zeros && !old_chunks.contains(id));
            let fetch_stored = chain.map(|chain| StoreFacts::of(chain, fetched)).transpose()?;
            let against = AgainstFacts {
                in_place: map.of_origin(Origin::InPlace),
                moved: map.of_origin(Origin::Moved),
                zeros: map.of_origin(Origin::Zeros),
                repeats: map.of_origin(Origin::Repeat),
                fetch: map.of_origin(Origin::New),
                fetch_stored,
            };
            (map, Some(ChunkMap::of_uses(old, &chunks)?), Some(against))
        }
    };
    let settings = index.sizes();
    let facts = IndexFacts {
        file_bytes: (INDEX_HEADER_SIZE + INDEX_TAIL_SIZE) as u64 + INDEX_ITEM_SIZE as u64 * index.len(),
        features: index.features().into(),
        digest: index.algorithm().name(),
        chunk_size: Settings { min: settings.min(), avg: settings.avg(), max: settings.max() },
        stream: chunks.total,
        found,
        distinct,
        repeats: chunks.repeats(index.algorithm()),
        histogram,
        store,
        against,
    };
    Ok(Inspected { facts, map, old })
}

fn sizes_found(sizes: &mut [u32], total: Amount) -> Option<SizesFound> {
    let (min, max) = (*sizes.iter().min()?, *sizes.iter().max()?);
    let (below, &mut upper, _) = sizes.select_nth_unstable(sizes.len() / 2);
    let lower = below.iter().max().copied().filter(|_| total.chunks.is_multiple_of(2)).unwrap_or(upper);
    let median = (u64::from(lower) + u64::from(upper)) / 2;
    Some(SizesFound { min: min.into(), mean: total.bytes / total.chunks, median, max: max.into() })
}
