//! The stream of an index as its reader jumps through it: only the chunks that it comes to are loaded.

use std::collections::VecDeque;
use std::ops::Range;

use casync_core::archive::{Located, Tree};
use casync_core::index::Piece;

use super::random::{RandomSource, places};
use super::{ByteSource, Index};
use crate::error::Result;
use crate::store::{Chain, Loader};

/// Reads where it is told to, chunk by chunk and without looking ahead: for who skips most of a stream, and knows by the
/// index what to skip.
#[derive(Debug)]
pub struct Seeker<'a> {
    source: RandomSource<'a>,
    /// The chunk used last, and where it starts.
    bytes: Vec<u8>,
    start: u64,
    position: u64,
}

impl<'a> Seeker<'a> {
    /// At the start of the stream.
    ///
    /// # Errors
    ///
    /// If there is no memory for decompression.
    pub fn new(index: &'a mut Index, chain: &'a Chain) -> Result<Self> {
        let loader = Box::new(Loader::new(chain, index.algorithm())?);
        let source = RandomSource::Chunks { index, loader, cache: VecDeque::new() };
        Ok(Self { source, bytes: Vec::new(), start: 0, position: 0 })
    }

    /// Bytes in the stream.
    pub fn size(&self) -> u64 {
        self.source.size()
    }

    /// The chunk that holds the byte at an offset, without loading it; `None` past the end.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn piece_at(&mut self, offset: u64) -> Result<Option<Piece>> {
        let RandomSource::Chunks { index, .. } = &mut self.source else { return Ok(None) };
        let number = index.position(offset)?;
        index.get(number)
    }

    /// The bytes from an offset to the end of the chunk that holds it; empty past the end. The position stays.
    ///
    /// # Errors
    ///
    /// If the chunk cannot be had.
    pub fn bytes_at(&mut self, offset: u64) -> Result<&[u8]> {
        if !(self.start..self.start + self.bytes.len() as u64).contains(&offset) {
            self.bytes.clear();
            if offset >= self.size() {
                return Ok(&[]);
            }
            self.start = self.source.read(offset..offset + 1, &mut self.bytes)?;
        }
        Ok(&self.bytes[usize::try_from(offset - self.start).unwrap_or(usize::MAX)..])
    }

    /// Where the entries of a directory lie.
    ///
    /// # Errors
    ///
    /// If the archive cannot be read or is damaged.
    pub fn places(&mut self, tree: &Tree, directory: Located) -> Result<Vec<Range<u64>>> {
        places(tree, &mut self.source, directory)
    }
}

impl ByteSource for Seeker<'_> {
    fn fill(&mut self) -> Result<&[u8]> {
        self.bytes_at(self.position)
    }

    fn consume(&mut self, count: usize) {
        self.position += count as u64;
    }

    fn skip(&mut self, count: u64) -> Result<()> {
        self.position = self.position.saturating_add(count).min(self.size());
        Ok(())
    }

    fn position(&self) -> u64 {
        self.position
    }
}
