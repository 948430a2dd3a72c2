//! Garbage collection: which files of a store are chunks, and which of those some index uses (spec: seeds-and-cache.md 14).
//!
//! The shell reads indexes and directories; what a name means and whether its file may go is decided here. A store may be
//! inside anything and hold anything, so a file is only a chunk if its name and its directory's name say the same id.

use alloc::vec::Vec;
use core::str;

use crate::chunk::ChunkId;

/// The chunks that some index uses, 32 bytes of memory each.
///
/// ```
/// use casync_core::chunk::ChunkId;
/// use casync_core::gc::LiveSet;
/// use casync_core::hash::DigestAlgorithm;
///
/// let id = |text: &[u8]| ChunkId::of(text, DigestAlgorithm::Sha512_256);
/// let mut live = LiveSet::default();
/// for text in [b"tea", b"egg", b"tea"] {
///     live.insert(id(text));
/// }
/// live.settle();
/// assert!(live.contains(&id(b"egg")) && !live.contains(&id(b"ham")));
/// assert_eq!((live.references(), live.len()), (3, 2));
/// ```
#[derive(Clone, Debug, Default)]
pub struct LiveSet {
    /// Sorted and without repeats up to `settled`; in any order behind that.
    ids: Vec<ChunkId>,
    settled: usize,
    references: u64,
}

impl LiveSet {
    /// Ids that may wait at least before they are sorted in: each sorting goes over all ids.
    const WAITING_MIN: usize = 1 << 16;

    /// Adds the chunk of an index. [`Self::settle`] is to be called after the last.
    pub fn insert(&mut self, id: ChunkId) {
        self.ids.push(id);
        self.references += 1;
        // Indexes of backups name the same chunks over and over: repeats must not pile up.
        if self.ids.len() - self.settled > self.settled.max(Self::WAITING_MIN) {
            self.settle();
        }
    }

    /// Makes what was added known to [`Self::contains`].
    pub fn settle(&mut self) {
        if self.settled < self.ids.len() {
            // A sorted start costs this sort little.
            self.ids.sort();
            self.ids.dedup();
            self.settled = self.ids.len();
        }
    }

    /// Whether an index uses this chunk.
    pub fn contains(&self, id: &ChunkId) -> bool {
        let (settled, waiting) = self.ids.split_at(self.settled);
        settled.binary_search(id).is_ok() || waiting.contains(id)
    }

    /// Different chunks that were added, once they are settled.
    pub const fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether no index uses any chunk.
    pub const fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Chunks that were added, repeats included.
    pub const fn references(&self) -> u64 {
        self.references
    }
}

/// What a file in a store is by its name.
///
/// ```
/// use casync_core::gc::StoreFile;
///
/// let id = "897cc0be4d2949f8a0265400ff3866db465ac23f07213c845e345bff5d259e20";
/// let of = |name: &str| StoreFile::of(b"897c", name.as_bytes(), ".cacnk");
/// assert!(matches!(of(id), StoreFile::Chunk { compressed: false, .. }));
/// assert!(matches!(of(&format!("{id}.cacnk")), StoreFile::Chunk { compressed: true, .. }));
/// assert!(matches!(of(&format!("{id}.3f2a.tmp")), StoreFile::Temporary));
/// assert!(matches!(of("notes.txt"), StoreFile::Stranger));
/// // In another chunk's directory nobody would find it.
/// assert!(matches!(StoreFile::of(b"0000", id.as_bytes(), ".cacnk"), StoreFile::Stranger));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFile {
    /// A chunk.
    Chunk {
        /// Which one.
        id: ChunkId,
        /// Whether the name says that it is compressed.
        compressed: bool,
    },
    /// A chunk that is or was being written.
    Temporary,
    /// Anything else.
    Stranger,
}

impl StoreFile {
    /// Suffixes of compressed chunks, whatever the store is set to: today's, and those of stores of old.
    pub const SUFFIXES: [&str; 4] = [".cacnk", ".xz", ".gz", ".zst"];

    /// Tells by the name of the file, and of the directory of the store that it is in. `suffix` is what the store is set to
    /// for compressed chunks.
    pub fn of(directory: &[u8], name: &[u8], suffix: &str) -> Self {
        const DIGITS: usize = 64;
        let Some((digits, rest)) = name.split_at_checked(DIGITS) else { return Self::Stranger };
        let Some(id) = str::from_utf8(digits).ok().and_then(|digits| digits.parse::<ChunkId>().ok()) else {
            return Self::Stranger;
        };
        if directory != &digits[..4] {
            return Self::Stranger;
        }
        if rest.is_empty() {
            return Self::Chunk { id, compressed: false };
        }
        let is_suffix = |known: &str| rest == known.as_bytes();
        if is_suffix(suffix) || Self::SUFFIXES.into_iter().any(is_suffix) {
            return Self::Chunk { id, compressed: true };
        }
        let random = rest.strip_prefix(b".").and_then(|rest| rest.strip_suffix(b".tmp"));
        match random {
            Some(random) if (1..=16).contains(&random.len()) && random.iter().all(u8::is_ascii_hexdigit) => {
                Self::Temporary
            }
            _ => Self::Stranger,
        }
    }
}

/// Whether a directory in a store is one for chunks: four lower-case hexadecimal digits.
pub fn is_chunk_directory(name: &[u8]) -> bool {
    name.len() == 4 && name.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::hash::DigestAlgorithm;

    const ID: &str = "897cc0be4d2949f8a0265400ff3866db465ac23f07213c845e345bff5d259e20";

    fn id(number: u32) -> ChunkId {
        ChunkId::of(&number.to_le_bytes(), DigestAlgorithm::Sha512_256)
    }

    #[test]
    fn repeats_do_not_pile_up() {
        let mut live = LiveSet::default();
        for round in 0..10 {
            for number in 0..50_000 {
                live.insert(id(number));
            }
            assert!(live.ids.len() <= 50_000 + LiveSet::WAITING_MIN, "round {round}: {}", live.ids.len());
        }
        live.settle();
        assert_eq!((live.len(), live.references()), (50_000, 500_000));
        assert!((0..50_000).all(|number| live.contains(&id(number))));
        assert!((50_000..60_000).all(|number| !live.contains(&id(number))));
    }

    #[test]
    fn nothing_is_lost_before_it_is_settled() {
        let mut live = LiveSet::default();
        assert!(live.is_empty() && !live.contains(&id(1)));
        live.insert(id(1));
        assert!(live.contains(&id(1)));
        live.settle();
        live.insert(id(2));
        assert!(live.contains(&id(1)) && live.contains(&id(2)) && !live.contains(&id(3)));
    }

    #[test]
    fn names() {
        let (chunk, stranger) =
            (|compressed| StoreFile::Chunk { id: ID.parse().unwrap(), compressed }, StoreFile::Stranger);
        for (rest, expected) in [
            ("", chunk(false)),
            (".cacnk", chunk(true)),
            (".xz", chunk(true)),
            (".gz", chunk(true)),
            (".zst", chunk(true)),
            (".own", chunk(true)),
            (".0.tmp", StoreFile::Temporary),
            (".0123456789abcdef.tmp", StoreFile::Temporary),
            (".0123456789abcdef0.tmp", stranger),
            ("..tmp", stranger),
            (".tmp", stranger),
            (".xyz.tmp", stranger),
            (".cacnk.tmp", stranger),
            (".cacnk.bak", stranger),
            (".CACNK", stranger),
            ("0", stranger),
        ] {
            assert_eq!(StoreFile::of(b"897c", format!("{ID}{rest}").as_bytes(), ".own"), expected, "{rest}");
        }
        let shouted = ID.to_uppercase();
        for name in ["", "897c", &ID[..63], shouted.as_str(), "foo.cacnk"] {
            assert_eq!(StoreFile::of(b"897c", name.as_bytes(), ".cacnk"), stranger, "{name}");
        }
        for directory in ["897d", "897", "897cc", "", "."] {
            assert_eq!(StoreFile::of(directory.as_bytes(), ID.as_bytes(), ".cacnk"), stranger, "{directory}");
        }
        assert!(is_chunk_directory(b"00ff"));
        for name in ["..", ".", "00FF", "00f", "00fff", "default.castr"] {
            assert!(!is_chunk_directory(name.as_bytes()), "{name}");
        }
    }
}
