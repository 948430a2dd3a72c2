//! Whether stored bytes are the chunk that their id names, where no index says which digest ids are.

use casync_core::CHUNK_MAX;
use casync_core::chunk::{ChunkId, VerifiedChunk};
use casync_core::hash::DigestAlgorithm;

use super::{Decompressor, Form};
use crate::error::Result;

/// Examines chunks, one after the other.
#[derive(Debug)]
pub struct Examiner {
    decompressor: Decompressor,
    /// What to try, the most likely first.
    algorithms: Vec<DigestAlgorithm>,
}

impl Examiner {
    /// For ids of this digest; without one all are tried.
    ///
    /// # Errors
    ///
    /// If there is no memory for decompression.
    pub fn new(known: Option<DigestAlgorithm>) -> Result<Self> {
        let algorithms = match known {
            Some(algorithm) => vec![algorithm],
            None => vec![DigestAlgorithm::Sha512_256, DigestAlgorithm::Sha256],
        };
        Ok(Self { decompressor: Decompressor::new()?, algorithms })
    }

    /// The same, for a digest that is known this time.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn examine_as(
        &mut self,
        id: &ChunkId,
        form: Form,
        stored: &[u8],
        known: Option<DigestAlgorithm>,
    ) -> Result<VerifiedChunk> {
        let Some(algorithm) = known else { return self.examine(id, form, stored) };
        let plain = self.decompressor.unpack_any(form, stored, CHUNK_MAX, Vec::new())?;
        Ok(plain.verify(id, algorithm)?)
    }

    /// The chunk, if the bytes are that of the id.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn examine(&mut self, id: &ChunkId, form: Form, stored: &[u8]) -> Result<VerifiedChunk> {
        let plain = self.decompressor.unpack_any(form, stored, CHUNK_MAX, Vec::new())?;
        let first = self.algorithms.first().copied().unwrap_or_default();
        let Some(other) = self.algorithms.get(1).copied() else { return Ok(plain.verify(id, first)?) };
        match plain.clone().verify(id, first) {
            Ok(chunk) => Ok(chunk),
            Err(error) => {
                let chunk = plain.verify(id, other).map_err(|_| error)?;
                // The chunks of one store have ids of one digest.
                self.algorithms.swap(0, 1);
                Ok(chunk)
            }
        }
    }
}
