//! The chunker: finds cuts in a stream that is pushed in pieces of any size.

use super::{ChunkSizes, Discriminator, find_candidate};
use crate::error::{Result, UsageError};
use crate::hash::WINDOW;

/// Finds where a stream is cut. Holds no more of it than the last 47 bytes.
///
/// The loop: hand over input until `push` has used it all; each `Some(n)` says that a chunk ends after the first `n`
/// bytes of what was handed over. What is left at the end of the stream is the last chunk.
///
/// ```
/// use casync_core::chunk::{ChunkSizes, Chunker};
///
/// let data: Vec<u8> = (0..500_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
/// let mut chunker = Chunker::new(ChunkSizes::default());
/// let mut lengths = vec![0];
/// for mut piece in data.chunks(1000) {
///     while let Some(cut) = chunker.push(piece)? {
///         *lengths.last_mut().unwrap() += cut;
///         lengths.push(0);
///         piece = &piece[cut..];
///     }
///     *lengths.last_mut().unwrap() += piece.len();
/// }
/// assert_eq!(lengths.iter().sum::<usize>(), data.len());
/// # Ok::<(), casync_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Chunker {
    rule: CutRule,
    /// Bytes of the current chunk that were pushed.
    filled: u64,
    /// The last bytes that were pushed, of the current chunk, at most 47; the newest at the end of the filled part.
    history: [u8; WINDOW - 1],
    held: usize,
}

impl Chunker {
    /// A chunker at the start of a stream.
    pub fn new(sizes: ChunkSizes) -> Self {
        Self { rule: CutRule::new(sizes), filled: 0, history: [0; WINDOW - 1], held: 0 }
    }

    /// The sizes in use.
    pub const fn sizes(&self) -> ChunkSizes {
        self.rule.sizes
    }

    /// Bytes in the current, unfinished chunk.
    pub const fn pending(&self) -> u64 {
        self.filled
    }

    /// Takes input up to the next cut.
    ///
    /// `Some(n)`: a chunk ends after `n` bytes; push the rest again. `None`: all of it belongs to the current chunk.
    ///
    /// # Errors
    ///
    /// [`UsageError::WindowTooLarge`] if a chunk grows past a maximum that is smaller than the window; from then on
    /// every call fails.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<usize>> {
        let available = self.filled + bytes.len() as u64;
        let first = match self.rule.first_end(self.filled, available) {
            Ok(Some(first)) => first,
            other => {
                self.keep(bytes);
                return other.map(|_| None);
            }
        };
        let last = available.min(self.rule.sizes.max());
        match self.find(bytes, first, last) {
            Some(cut) => {
                self.filled = 0;
                self.held = 0;
                Ok(Some(cut))
            }
            None => {
                self.keep(bytes);
                Ok(None)
            }
        }
    }

    /// Tests the chunk lengths from `first` to `last`; both lie within `bytes`.
    fn find(&self, bytes: &[u8], first: u64, last: u64) -> Option<usize> {
        let in_bytes = |length: u64| (length - self.filled) as usize;
        if let Some(discriminator) = &self.rule.discriminator {
            let (first, last) = (in_bytes(first), in_bytes(last));
            // Windows that begin before `bytes` are put together with the history.
            let across = last.min(WINDOW - 1);
            if first <= across {
                let mut joined = [0; 2 * (WINDOW - 1)];
                let begin = self.held + first - WINDOW;
                let tail = &self.history[begin..self.held];
                joined[..tail.len()].copy_from_slice(tail);
                joined[tail.len()..tail.len() + across].copy_from_slice(&bytes[..across]);
                if let Some(end) = find_candidate(&joined[..tail.len() + across], discriminator) {
                    return Some(end - tail.len());
                }
            }
            let inside = first.max(WINDOW);
            if inside <= last
                && let Some(end) = find_candidate(&bytes[inside - WINDOW..last], discriminator)
            {
                return Some(inside - WINDOW + end);
            }
        }
        (last == self.rule.sizes.max()).then(|| in_bytes(last))
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.filled += bytes.len() as u64;
        let room = self.history.len();
        let new = &bytes[bytes.len().saturating_sub(room)..];
        let old = self.held.min(room - new.len());
        self.history.copy_within(self.held - old..self.held, 0);
        self.history[old..old + new.len()].copy_from_slice(new);
        self.held = old + new.len();
    }
}

/// Where a chunk may end, given its length so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct CutRule {
    pub(super) sizes: ChunkSizes,
    /// `None` for chunks of a fixed size.
    pub(super) discriminator: Option<Discriminator>,
}

impl CutRule {
    pub(super) fn new(sizes: ChunkSizes) -> Self {
        Self { sizes, discriminator: (!sizes.is_fixed()).then(|| Discriminator::of(&sizes)) }
    }

    /// The shortest length to test, above `tested` and at most `available`; `None` if there is none yet.
    pub(super) fn first_end(&self, tested: u64, available: u64) -> Result<Option<u64>> {
        let shortest = match self.discriminator {
            // The hash needs a whole window, whatever the minimum.
            Some(_) => self.sizes.min().max(WINDOW as u64),
            None => self.sizes.max(),
        };
        // compat: upstream fails as late as this, so short input with such sizes works.
        if shortest > self.sizes.max() && available > self.sizes.max() {
            return Err(UsageError::WindowTooLarge.into());
        }
        let first = shortest.max(tested + 1);
        Ok((first <= available && first <= self.sizes.max()).then_some(first))
    }
}
