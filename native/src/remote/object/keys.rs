//! Keys of chunks.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use casync_core::chunk::ChunkId;
use casync_core::gc::StoreFile;
use object_store::path::Path;

use super::place::KeyStyle;
use crate::store::{Form, Layout};

/// Names chunks below a prefix, and finds out how others have named them.
///
/// The style is known if the URL says so, or once a chunk was found in one of them. Until then both are tried.
#[derive(Debug)]
pub(super) struct Keys {
    prefix: String,
    layout: Layout,
    told: Option<KeyStyle>,
    found: OnceLock<KeyStyle>,
    /// How many chunks were looked for in vain, up to a few.
    misses: AtomicU8,
}

/// What the key of a chunk says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) id: ChunkId,
    pub(super) form: Form,
    pub(super) style: KeyStyle,
}

impl Keys {
    pub(super) fn new(prefix: &Path, told: Option<KeyStyle>) -> Self {
        let prefix = if prefix.is_root() { String::new() } else { format!("{prefix}/") };
        let layout = Layout::from_environment();
        Self { prefix, layout, told, found: OnceLock::new(), misses: AtomicU8::new(0) }
    }

    /// The style, once it is known.
    pub(super) fn style(&self) -> Option<KeyStyle> {
        self.told.or_else(|| self.found.get().copied())
    }

    /// The styles in which to look for a chunk.
    pub(super) fn styles(&self) -> &'static [KeyStyle] {
        /// After so many misses in a row a store is empty rather than of the rarer style.
        const ENOUGH: u8 = 64;
        match self.style() {
            Some(KeyStyle::Prefixed) => &[KeyStyle::Prefixed],
            Some(KeyStyle::Flat) => &[KeyStyle::Flat],
            None if self.misses.load(Ordering::Relaxed) < ENOUGH => &[KeyStyle::Prefixed, KeyStyle::Flat],
            None => &[KeyStyle::Prefixed],
        }
    }

    /// Notes that a chunk was found or put in this style.
    pub(super) fn learn(&self, style: KeyStyle) {
        let _ = self.found.set(style);
    }

    /// Notes that a chunk was found in no style.
    pub(super) fn missed(&self) {
        if self.style().is_none() {
            let _ = self.misses.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |misses| misses.checked_add(1));
        }
    }

    /// The path of a chunk below the prefix.
    pub(super) fn path(&self, id: &ChunkId, form: Form, style: KeyStyle) -> String {
        let path = self.layout.path(id, form);
        match (style, path.split_once('/')) {
            (KeyStyle::Flat, Some((_, name))) => name.to_owned(),
            _ => path,
        }
    }

    /// The whole key of a path.
    pub(super) fn key(&self, path: &str) -> Path {
        // The prefix was parsed, and what is added is digits and a suffix.
        Path::parse(format!("{}{path}", self.prefix)).unwrap_or_default()
    }

    /// What an object is: its path below the prefix, and what chunk it is if it is one.
    pub(super) fn classify<'a>(&self, key: &'a Path) -> Option<(&'a str, Option<Named>)> {
        let path = key.as_ref().strip_prefix(&self.prefix)?;
        let (directory, name, style) = match path.rsplit_once('/') {
            Some((directory, name)) => (directory, name, KeyStyle::Prefixed),
            None => (path.get(..4).unwrap_or_default(), path, KeyStyle::Flat),
        };
        let chunk = match StoreFile::of(directory.as_bytes(), name.as_bytes(), self.layout.suffix()) {
            StoreFile::Chunk { id, compressed } => {
                let form = if compressed { Form::Compressed } else { Form::Plain };
                // Under another suffix than today's it would not be found, so it is not listed as a chunk either.
                (self.path(&id, form, style) == path).then_some(Named { id, form, style })
            }
            StoreFile::Temporary | StoreFile::Stranger => None,
        };
        Some((path, chunk))
    }
}

#[cfg(test)]
mod tests {
    use casync_core::hash::DigestAlgorithm;

    use super::*;

    #[test]
    fn both_ways() {
        let id = ChunkId::of(b"x", DigestAlgorithm::Sha512_256);
        for prefix in ["", "a b/c"] {
            let keys = Keys::new(&Path::parse(prefix).unwrap(), None);
            for style in [KeyStyle::Prefixed, KeyStyle::Flat] {
                for form in Form::ALL {
                    let path = keys.path(&id, form, style);
                    let key = keys.key(&path);
                    assert_eq!(keys.classify(&key), Some((path.as_str(), Some(Named { id, form, style }))), "{key}");
                }
            }
            for stranger in ["x.caidx", "0000/x", "default.castr/0000/x.cacnk"] {
                let key = keys.key(stranger);
                assert_eq!(keys.classify(&key), Some((stranger, None)));
            }
        }
        let keys = Keys::new(&Path::parse("a").unwrap(), None);
        assert_eq!(keys.classify(&Path::parse("ab/c").unwrap()), None);
    }

    #[test]
    fn learns() {
        let keys = Keys::new(&Path::default(), None);
        assert_eq!(keys.styles().len(), 2);
        keys.learn(KeyStyle::Flat);
        assert_eq!(keys.styles(), [KeyStyle::Flat]);
        let keys = Keys::new(&Path::default(), None);
        (0..100).for_each(|_| keys.missed());
        assert_eq!(keys.styles(), [KeyStyle::Prefixed]);
        let keys = Keys::new(&Path::default(), Some(KeyStyle::Flat));
        assert_eq!(keys.styles(), [KeyStyle::Flat]);
    }
}
