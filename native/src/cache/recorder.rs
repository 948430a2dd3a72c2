//! Writes a cache file while the index is written.

use std::io::Write as _;

use casync_core::cache::{CacheEntry, CacheSettings, CacheWriter};

use super::Clock;
use crate::error::{Context as _, Error, Result};
use crate::fs::output::AtomicFile;

/// Bytes that are written at a time.
const PIECE: usize = 64 << 10;

/// Records what will be in the next cache file. It never stops a run: it takes note of its first error and does no more.
#[derive(Debug)]
pub struct Recorder {
    file: AtomicFile,
    writer: CacheWriter,
    bytes: Vec<u8>,
    clock: Clock,
    failed: Option<Error>,
}

impl Recorder {
    pub(super) fn new(file: AtomicFile, settings: &CacheSettings, clock: Clock) -> Self {
        let mut bytes = Vec::with_capacity(PIECE + PIECE / 4);
        let writer = CacheWriter::new(settings, clock.started(), &mut bytes);
        Self { file, writer, bytes, clock, failed: None }
    }

    /// Records a chunk.
    pub fn push(&mut self, entry: &CacheEntry) {
        self.writer.push(entry, &mut self.bytes);
        if self.bytes.len() >= PIECE {
            self.write();
        }
    }

    fn write(&mut self) {
        if self.failed.is_none() {
            self.failed = self.file.write_all(&self.bytes).err().map(Error::from);
        }
        self.bytes.clear();
    }

    /// Puts the file into its place. To be called when the index that it is about is in its place.
    ///
    /// # Errors
    ///
    /// If something could not be written; the file from the run before then stays, which is as right as it was.
    pub fn install(mut self) -> Result<()> {
        if !self.clock.is_steady() {
            let why = "the clock was set back meanwhile, so that file times say nothing";
            return Err(Error::new(rustix::io::Errno::STALE, why));
        }
        let mut tail = std::mem::take(&mut self.bytes);
        self.writer.finish(&mut tail);
        self.bytes = tail;
        if self.failed.is_none() {
            self.failed = self.file.write_all(&self.bytes).err().map(Error::from);
        }
        match self.failed {
            Some(error) => Err(error).context(|| "write"),
            None => self.file.install(),
        }
    }
}
