//! A directory of this host as a side of a comparison.

use casync_core::archive::Content;
use casync_core::record::FeatureFlags;
use rustix::io::Errno;

use super::side::{Head, Side};
use crate::error::{Context as _, Result};
use crate::fs::blob;
use crate::fs::walk::{OpenFile, Step, Walk};

/// A directory, read as an archive with certain feature flags would store it.
#[derive(Debug)]
pub struct DirectorySide {
    walk: Walk,
    features: FeatureFlags,
    file: Option<File>,
    buffer: Vec<u8>,
    /// Bytes of the buffer that were not consumed.
    held: std::ops::Range<usize>,
}

#[derive(Debug)]
struct File {
    open: OpenFile,
    size: u64,
    read: u64,
}

impl DirectorySide {
    /// Bytes that are read at once.
    const PIECE: usize = 256 << 10;

    /// A tree that a walk goes through; `features` are those it stores.
    pub fn new(walk: Walk, features: FeatureFlags) -> Self {
        Self { walk, features, file: None, buffer: Vec::new(), held: 0..0 }
    }

    fn fill(&mut self) -> Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let left = usize::try_from(file.size - file.read).unwrap_or(usize::MAX);
        self.buffer.resize(Self::PIECE, 0);
        let wanted = Self::PIECE.min(left);
        while self.held.is_empty() && wanted > 0 {
            match rustix::io::read(&file.open.fd, &mut self.buffer[..wanted]) {
                Ok(0) => return Err(blob::shrunk(file.size, file.read)),
                Ok(count) => {
                    file.read += count as u64;
                    self.held = 0..count;
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }
}

impl Side for DirectorySide {
    fn features(&self) -> FeatureFlags {
        self.features
    }

    fn next(&mut self) -> Result<Option<Head>> {
        self.held = 0..0;
        if let Some(file) = self.file.take().filter(|file| file.read > 0) {
            file.open.check_unchanged().context(|| format!("read {:?}", self.walk.shown_path()))?;
        }
        Ok(match self.walk.next()? {
            None => None,
            Some(Step::Leave) => Some(Head::Leave),
            Some(Step::Node { name, node, file }) => {
                if let (Content::Regular { size }, Some(open)) = (&node.content, file) {
                    self.file = Some(File { open, size: *size, read: 0 });
                }
                Some(Head::Node { name, node })
            }
        })
    }

    fn payload(&mut self) -> Result<&[u8]> {
        if self.held.is_empty() {
            self.fill().context(|| format!("read {:?}", self.walk.shown_path()))?;
        }
        Ok(&self.buffer[self.held.clone()])
    }

    fn consume(&mut self, count: usize) -> Result<()> {
        self.held.start += count;
        Ok(())
    }
}
