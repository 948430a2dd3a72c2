//! The bytes that a question holds of what it was given.

use alloc::vec::Vec;
use core::ops::Range;

use super::Ask;
use crate::error::{Result, UsageError};

/// One piece of the archive.
#[derive(Clone, Debug)]
pub(super) struct Window {
    start: u64,
    bytes: Vec<u8>,
    /// What was asked for last and has not come.
    wanted: Option<Range<u64>>,
    limit: usize,
}

impl Window {
    pub(super) const fn new(limit: usize) -> Self {
        Self { start: 0, bytes: Vec::new(), wanted: None, limit }
    }

    /// The bytes of a range, if they are here.
    pub(super) fn get(&mut self, range: Range<u64>) -> Ask<&[u8]> {
        match self.position(&range) {
            Some(place) => Ask::Ready(&self.bytes[place]),
            None => {
                self.wanted = Some(range.clone());
                Ask::Need(range)
            }
        }
    }

    /// All that is here from `start` on, up to `end`, if that is anything; else asks for the next `hint` bytes.
    pub(super) fn get_some(&mut self, start: u64, end: u64, hint: u64) -> Ask<&[u8]> {
        let held = self.start + self.bytes.len() as u64;
        let range = if (self.start..held).contains(&start) {
            start..end.min(held)
        } else {
            start..end.min(start.saturating_add(hint))
        };
        self.get(range)
    }

    /// Takes bytes; what exceeds the limit around the wanted range is dropped.
    pub(super) fn provide(&mut self, start: u64, bytes: &[u8]) -> Result<()> {
        let refused = UsageError::NotAskedFor;
        let wanted = self.wanted.take().ok_or(refused)?;
        let end = start.saturating_add(bytes.len() as u64);
        if start > wanted.start || end < wanted.end {
            self.wanted = Some(wanted);
            return Err(refused.into());
        }
        let limit = (self.limit as u64).max(wanted.end - wanted.start);
        let spare = limit - (wanted.end - wanted.start);
        // Tables are read backwards from their tails, nodes forwards: keep some of both sides.
        let from = start.max(wanted.start.saturating_sub(spare / 2));
        let to = end.min(from.saturating_add(limit));
        self.bytes.clear();
        self.bytes.extend_from_slice(&bytes[(from - start) as usize..(to - start) as usize]);
        self.start = from;
        Ok(())
    }

    fn position(&self, range: &Range<u64>) -> Option<Range<usize>> {
        let start = usize::try_from(range.start.checked_sub(self.start)?).ok()?;
        let length = usize::try_from(range.end - range.start).ok()?;
        let end = start.checked_add(length)?;
        (end <= self.bytes.len()).then_some(start..end)
    }
}
