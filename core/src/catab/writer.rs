//! Writes a seed table.

use alloc::vec::Vec;

use super::record::{CatabHeader, SeedRoot, Tag, is_below, is_root};
use crate::cache::FileIdentity;
use crate::chunk::ChunkId;
use crate::error::{Result, UsageError};
use crate::hash::{DigestAlgorithm, Hasher};
use crate::record::put;

/// Writes a seed table, in the order of the stream: parts, and chunks as soon as all parts are there that they have bytes of.
///
/// ```
/// # use casync_core::cache::FileIdentity;
/// # use casync_core::catab::{CatabHeader, CatabWriter, SeedRoot};
/// # use casync_core::chunk::{ChunkId, ChunkSizes};
/// # use casync_core::record::FeatureFlags;
/// let (features, root) = (FeatureFlags::SHA512_256, SeedRoot::File(b"/images/root.raw".to_vec()));
/// let header = CatabHeader { features, sizes: ChunkSizes::default(), root };
/// let mut file = Vec::new();
/// let mut writer = CatabWriter::new(&header, &mut file)?;
/// let (device, inode, time) = (64_513, 12, (1_700_000_000, 0));
/// let identity = FileIdentity { device, inode, generation: None, size: 7, mtime: time, ctime: time };
/// writer.file(&identity, b"", &mut file)?;
/// writer.chunk(ChunkId::of(b"content", header.algorithm()), 7, &mut file)?;
/// writer.finish(&mut file)?;
/// # Ok::<(), casync_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CatabWriter {
    hasher: Hasher,
    max: u64,
    is_file: bool,
    size: u64,
    cut: u64,
}

impl CatabWriter {
    /// Appends the header to `out`.
    ///
    /// # Errors
    ///
    /// [`UsageError::SeedPath`] if the root's path is not absolute or has links.
    pub fn new(header: &CatabHeader, out: &mut Vec<u8>) -> Result<Self> {
        if !is_root(header.root.path()) {
            return Err(UsageError::SeedPath.into());
        }
        let start = out.len();
        header.emit(out);
        let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
        hasher.update(&out[start..]);
        let is_file = matches!(header.root, SeedRoot::File(_));
        Ok(Self { hasher, max: header.sizes.max(), is_file, size: 0, cut: 0 })
    }

    /// Bytes of the parts so far.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The next part is these bytes. Nothing happens if there are none.
    ///
    /// # Errors
    ///
    /// [`UsageError::OutOfTurn`] if the table is about a file.
    pub fn records(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        if self.grow(bytes.len() as u64, self.is_file)? {
            let start = out.len();
            put(&[Tag::Records as u64, bytes.len() as u64], out);
            out.extend_from_slice(bytes);
            self.hasher.update(&out[start..]);
        }
        Ok(())
    }

    /// The next part is a file, with the path from the root. Nothing happens if it is empty.
    ///
    /// # Errors
    ///
    /// [`UsageError::SeedPath`] if the path is not possible, [`UsageError::OutOfTurn`] for a second file below a file.
    pub fn file(&mut self, identity: &FileIdentity, path: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let fits = if self.is_file { path.is_empty() } else { is_below(path) };
        if !fits {
            return Err(UsageError::SeedPath.into());
        }
        if self.grow(identity.size, self.is_file && self.size > 0)? {
            let start = out.len();
            put(&[Tag::File as u64], out);
            identity.emit(out);
            put(&[path.len() as u64], out);
            out.extend_from_slice(path);
            self.hasher.update(&out[start..]);
        }
        Ok(())
    }

    /// The next part is so many bytes that cannot be had.
    ///
    /// # Errors
    ///
    /// [`UsageError::OutOfTurn`] behind a file that is the root.
    pub fn gap(&mut self, size: u64, out: &mut Vec<u8>) -> Result<()> {
        if self.grow(size, self.is_file && self.size > 0)? {
            self.put(&[Tag::Gap as u64, size], out);
        }
        Ok(())
    }

    /// The next chunk.
    ///
    /// # Errors
    ///
    /// [`UsageError::OutOfTurn`] if the parts do not reach that far or the chunk is larger than chunks may be.
    pub fn chunk(&mut self, id: ChunkId, size: u64, out: &mut Vec<u8>) -> Result<()> {
        if size == 0 || size > self.max.min(self.size - self.cut) {
            return Err(UsageError::OutOfTurn.into());
        }
        self.cut += size;
        let start = out.len();
        put(&[Tag::Chunk as u64, size], out);
        out.extend_from_slice(id.as_bytes());
        self.hasher.update(&out[start..]);
        Ok(())
    }

    /// Appends the tail.
    ///
    /// # Errors
    ///
    /// [`UsageError::OutOfTurn`] if there are more parts than chunks.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<()> {
        if self.cut != self.size {
            return Err(UsageError::OutOfTurn.into());
        }
        self.put(&[Tag::Tail as u64, self.size], out);
        out.extend_from_slice(self.hasher.finish().as_bytes());
        Ok(())
    }

    /// Makes room in the stream; false if none is needed.
    fn grow(&mut self, size: u64, misplaced: bool) -> Result<bool> {
        // As in all formats, streams stay below 2^63.
        match self.size.checked_add(size).filter(|&sum| sum <= i64::MAX as u64) {
            Some(sum) if !misplaced || size == 0 => self.size = sum,
            _ => return Err(UsageError::OutOfTurn.into()),
        }
        Ok(size > 0)
    }

    fn put(&mut self, numbers: &[u64], out: &mut Vec<u8>) {
        let start = out.len();
        put(numbers, out);
        self.hasher.update(&out[start..]);
    }
}
