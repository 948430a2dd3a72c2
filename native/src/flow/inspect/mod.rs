//! What there is to know of a file by looking at it: facts, for text, JSON and pages alike.

mod archive;
mod chunk;
mod count;
mod histogram;
mod index;
mod map;
mod stored;

use casync_core::record::FeatureFlags;

pub use archive::{ArchiveFacts, Kinds, LargestFile, Metadata};
pub use chunk::{ChunkFacts, Ids, id_in};
pub use count::{Chunks, Repeated, Repeats};
pub use histogram::{Bucket, Histogram};
pub use index::{AgainstFacts, IndexFacts, Inspected, Named, Settings, SizesFound, inspect};
pub use map::{Cell, ChunkMap, Origin, Run, Use};
pub use stored::StoreFacts;

/// Some chunks, and the bytes in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Amount {
    /// Chunks.
    pub chunks: u64,
    /// Bytes in them.
    pub bytes: u64,
}

impl Amount {
    /// Adds a chunk.
    pub const fn add(&mut self, size: u64) {
        self.chunks += 1;
        self.bytes += size;
    }
}

/// What a writer stored of each node, or left out.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Features {
    /// As in the file, in hexadecimal.
    pub bits: String,
    /// What `--with=` calls them.
    pub names: Vec<&'static str>,
    /// What was left out: `nodump`, `submounts`, `caexclude`.
    pub left_out: Vec<&'static str>,
}

impl From<FeatureFlags> for Features {
    fn from(flags: FeatureFlags) -> Self {
        let left_out = [
            (FeatureFlags::EXCLUDE_NODUMP, "nodump"),
            (FeatureFlags::EXCLUDE_SUBMOUNTS, "submounts"),
            (FeatureFlags::EXCLUDE_FILE, "caexclude"),
        ];
        let left_out = left_out.into_iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, name)| name);
        Self { bits: format!("{flags:016x}"), names: flags.names().collect(), left_out: left_out.collect() }
    }
}
