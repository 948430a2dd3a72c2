//! An archive decoder together with the piece of input that it is working on.

use casync_core::archive::{Decoder, Event, Step};
use casync_core::error::UsageError;
use casync_core::{Limits, Result};

/// Splits the core's `step(input)` in two, for hosts that cannot lend their memory: `feed`, then `step` until it is done.
#[derive(Debug)]
pub(crate) struct Feed {
    decoder: Decoder,
    piece: Vec<u8>,
    used: usize,
}

impl Feed {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { decoder: Decoder::new(limits), piece: Vec::new(), used: 0 }
    }

    /// Hands over the next piece; the one before must have been used up.
    pub(crate) fn feed(&mut self, piece: Vec<u8>) -> Result<()> {
        if self.used < self.piece.len() {
            return Err(UsageError::OutOfTurn.into());
        }
        self.piece = piece;
        self.used = 0;
        Ok(())
    }

    /// The next event; `None` once the piece is used up.
    pub(crate) fn step(&mut self) -> Result<Option<Event<'_>>> {
        Ok(match self.decoder.step(&self.piece[self.used..])? {
            Step::More => {
                self.used = self.piece.len();
                None
            }
            Step::Did { used, event } => {
                self.used += used;
                Some(event)
            }
        })
    }

    /// Passes over payload; returns by how much later than the end of this piece the next one has to start.
    pub(crate) fn skip(&mut self, bytes: u64) -> Result<u64> {
        self.decoder.skip_payload(bytes)?;
        let held = (self.piece.len() - self.used) as u64;
        let skipped = held.min(bytes);
        // No more than the piece's length, so it fits.
        self.used += skipped as usize;
        Ok(bytes - skipped)
    }

    #[cfg(feature = "bindgen")]
    pub(crate) const fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    pub(crate) fn finish(&self) -> Result<()> {
        self.decoder.finish()
    }
}
