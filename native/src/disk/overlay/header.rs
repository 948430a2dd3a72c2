//! The first block of an overlay's file.
//!
//! ```text
//! 0   8   magic
//! 8   8   version: 1
//! 16  8   bytes in a block: 4096
//! 24  8   bytes in the disk
//! 32  32  identity of the image that it lies over
//! ```
//!
//! Numbers are little-endian; the rest of the block is zeros.

use std::fs::File;

use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::fs::blob;

/// Bytes in a block.
pub(super) const BLOCK: u64 = 4096;

const MAGIC: [u8; 8] = *b"caoverly";
const VERSION: u64 = 1;

/// What an overlay belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Bytes in the disk.
    pub(super) size: u64,
    /// Which image it is.
    pub(super) image: [u8; 32],
}

impl Header {
    pub(super) fn emit(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BLOCK as usize);
        bytes.extend_from_slice(&MAGIC);
        for number in [VERSION, BLOCK, self.size] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.image);
        bytes.resize(BLOCK as usize, 0);
        bytes
    }

    /// Fails unless a file begins with this very header.
    pub(super) fn check(&self, file: &File) -> Result<()> {
        let mut bytes = vec![0; BLOCK as usize];
        let filled = blob::read_at(file, &mut bytes, 0)?;
        let expected = self.emit();
        let start = |bytes: &[u8], from: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[from + i]));
        if filled < bytes.len() || bytes[..8] != MAGIC {
            return Err(Error::new(Errno::BADMSG, "it is no overlay"));
        }
        if start(&bytes, 8) != VERSION || start(&bytes, 16) != BLOCK {
            return Err(Error::new(Errno::OPNOTSUPP, "it is an overlay of a kind that this program does not know"));
        }
        if bytes != expected {
            return Err(Error::new(Errno::STALE, "it belongs to another image")
                .hint("what is written to one image makes no sense over another one; name a new file"));
        }
        Ok(())
    }
}
