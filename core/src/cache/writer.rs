//! Writes a cache file.

use alloc::vec::Vec;

use super::{CacheEntry, CacheSettings, TAIL_MARK};
use crate::hash::{DigestAlgorithm, Hasher};
use crate::record::put;

/// Writes a cache file, entry by entry, to buffers of the caller.
///
/// ```
/// use casync_core::Limits;
/// use casync_core::archive::IdShift;
/// use casync_core::cache::{CacheSettings, CacheTable, CacheWriter};
/// use casync_core::chunk::ChunkSizes;
/// use casync_core::hash::Digest;
/// use casync_core::record::FeatureFlags;
///
/// let settings = CacheSettings {
///     features: FeatureFlags::ALL,
///     sizes: ChunkSizes::default(),
///     shift: IdShift::default(),
///     tree: Digest::default(),
/// };
/// let mut file = Vec::new();
/// let writer = CacheWriter::new(&settings, 1_700_000_000_000_000_000, &mut file);
/// writer.finish(&mut file);
/// let table = CacheTable::parse(file, &settings, &Limits::default())?;
/// assert!(table.is_empty());
/// # Ok::<(), casync_core::Error>(())
/// ```
#[derive(Debug)]
pub struct CacheWriter {
    hasher: Hasher,
    entries: u64,
}

impl CacheWriter {
    /// Writes the header. `started`: when the run began, in nanoseconds since 1970.
    pub fn new(settings: &CacheSettings, started: i64, out: &mut Vec<u8>) -> Self {
        let mut writer = Self { hasher: Hasher::new(DigestAlgorithm::Sha256), entries: 0 };
        writer.emit(&settings.header(started), out);
        writer
    }

    /// Writes an entry.
    pub fn push(&mut self, entry: &CacheEntry, out: &mut Vec<u8>) {
        let before = out.len();
        put(&[entry.mark.place, entry.length], out);
        out.extend_from_slice(entry.mark.fingerprint.as_bytes());
        out.extend_from_slice(entry.id.as_bytes());
        self.hasher.update(&out[before..]);
        self.entries += 1;
    }

    /// Writes the tail.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        let mut tail = Vec::new();
        put(&[TAIL_MARK, self.entries], &mut tail);
        self.emit(&tail, out);
        out.extend_from_slice(self.hasher.finish().as_bytes());
    }

    fn emit(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.hasher.update(bytes);
        out.extend_from_slice(bytes);
    }
}
