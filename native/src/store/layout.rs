//! File names in a local store (spec: store-and-digests.md 1).

use std::fmt::Write as _;

use casync_core::chunk::ChunkId;

use super::Form;

/// Suffix of compressed chunks unless `CASYNC_COMPRESSED_CHUNK_SUFFIX` says otherwise.
const COMPRESSED_SUFFIX: &str = ".cacnk";

/// Names files of chunks.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    suffix: String,
}

impl Layout {
    /// With the suffix from the environment.
    pub(crate) fn from_environment() -> Self {
        let suffix = std::env::var("CASYNC_COMPRESSED_CHUNK_SUFFIX").ok().filter(|suffix| !suffix.is_empty());
        Self { suffix: suffix.unwrap_or_else(|| COMPRESSED_SUFFIX.to_owned()) }
    }

    /// Suffix of compressed chunks.
    pub(crate) fn suffix(&self) -> &str {
        &self.suffix
    }

    /// Path of a chunk below the store: `iiii/I.cacnk` or `iiii/I`.
    pub(crate) fn path(&self, id: &ChunkId, form: Form) -> String {
        let suffix = match form {
            Form::Compressed => self.suffix.as_str(),
            Form::Plain => "",
        };
        let mut path = String::with_capacity(5 + 64 + suffix.len());
        let _ = write!(path, "{:04x}/{id}{suffix}", id.prefix());
        path
    }

    /// Path of a chunk while it is written: `iiii/I.XXXX.tmp`.
    pub(crate) fn temporary(id: &ChunkId, random: u64) -> String {
        format!("{:04x}/{id}.{random:x}.tmp", id.prefix())
    }

    /// Name of a prefix directory.
    pub(super) fn prefix(id: &ChunkId) -> String {
        format!("{:04x}", id.prefix())
    }

    /// The prefix that a directory of this name is for.
    pub(super) fn parse_prefix(name: &[u8]) -> Option<u16> {
        let lower = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
        let valid = name.len() == 4 && name.iter().all(lower);
        let text = std::str::from_utf8(name).ok().filter(|_| valid)?;
        u16::from_str_radix(text, 16).ok()
    }
}
