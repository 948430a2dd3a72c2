//! What is served.

use std::rc::Rc;

use casync_core::archive::Tree;
use casync_core::hash::{DigestAlgorithm, Hasher};
use casync_core::index::{IndexTable, IndexWriter};
use casync_core::{Limits, Result};

use super::{Request, Visit};

/// What an index is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A tree: the index is a `.caidx`.
    Archive,
    /// An image: the index is a `.caibx`.
    Image,
}

/// How an index is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The path in front of everything.
    pub base: String,
    /// Chunks that one answer's contents may take.
    pub max_chunks: usize,
    /// Of everything that does not change.
    pub cache_control: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { base: "/".into(), max_chunks: 900, cache_control: "public, max-age=31536000, immutable".into() }
    }
}

/// An index that is served.
#[derive(Debug)]
pub struct Site {
    pub(super) table: Rc<IndexTable>,
    pub(super) kind: Kind,
    pub(super) settings: Settings,
    pub(super) tree: Tree,
    /// Names the index, and with it every byte of the stream.
    tag: String,
}

impl Site {
    /// Serves this index.
    ///
    /// # Errors
    ///
    /// None for an index that was read.
    pub fn new(table: Rc<IndexTable>, kind: Kind, settings: Settings, limits: &Limits) -> Result<Self> {
        let tree = Tree::new(table.stream_size(), limits).expecting(table.features());
        let tag = digest(&table)?;
        Ok(Self { table, kind, settings, tree, tag })
    }

    /// Begins to answer a request.
    pub fn visit(self: &Rc<Self>, request: Request) -> Visit {
        Visit::new(self.clone(), request)
    }

    /// All chunks of the stream.
    pub const fn table(&self) -> &Rc<IndexTable> {
        &self.table
    }

    /// The tag of what lies at a place of the stream: never that of other bytes.
    pub(super) fn etag(&self, place: &str) -> String {
        format!("\"{}-{place}\"", self.tag)
    }

    /// How far of a range the chunks go that one answer may take.
    pub(super) fn reach(&self, from: u64, to: u64) -> u64 {
        let first = if from < to { self.table.at(from) } else { None };
        let last = first.and_then(|first| self.table.get((first.number + self.settings.max_chunks).checked_sub(1)?));
        last.map_or(to, |last| to.min(last.range().end))
    }
}

/// Half the digits of the index file's digest.
fn digest(table: &IndexTable) -> Result<String> {
    let mut hasher = Hasher::new(DigestAlgorithm::Sha512_256);
    let mut bytes = Vec::new();
    let mut writer = IndexWriter::new(table.features(), table.sizes(), &mut bytes);
    for piece in table.iter() {
        writer.push(piece.id, piece.size, &mut bytes)?;
        hasher.update(&bytes);
        bytes.clear();
    }
    writer.finish(&mut bytes)?;
    hasher.update(&bytes);
    let mut digits = hasher.finish().to_string();
    digits.truncate(32);
    Ok(digits)
}
