//! The chunks of an index, handed out to workers that need them in no order.

use casync_core::index::Piece;

use super::Index;
use crate::error::Result;
use crate::flow::Budget;

/// Chunks that no worker has taken.
#[derive(Debug)]
pub struct Batches<'a> {
    index: &'a mut Index,
    next: u64,
    /// Bytes that one worker may hold at a time.
    share: u64,
}

impl<'a> Batches<'a> {
    /// Chunks that are loaded and verified together.
    const BATCH: usize = 32;

    /// All chunks of an index, for as many workers as the budget allows.
    pub const fn new(index: &'a mut Index, budget: Budget) -> Self {
        Self { index, next: 0, share: budget.memory / 2 / budget.jobs as u64 }
    }

    /// The next chunks; none at the end.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn take(&mut self) -> Result<Vec<Piece>> {
        let mut pieces = Vec::with_capacity(Self::BATCH);
        let mut bytes = 0;
        while pieces.len() < Self::BATCH {
            let Some(piece) = self.index.get(self.next)? else { break };
            bytes += piece.size;
            if !pieces.is_empty() && bytes > self.share {
                break;
            }
            pieces.push(piece);
            self.next += 1;
        }
        Ok(pieces)
    }
}
