//! Which blocks an overlay has.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::Errno;

use super::header::BLOCK;
use crate::error::{Error, Result};

/// Words in a page of the bitmap's file.
const PAGE_WORDS: usize = BLOCK as usize / 8;

/// One bit for each block, and one for each page of bits that was changed since it was written.
#[derive(Debug)]
pub(super) struct Bitmap {
    words: Vec<AtomicU64>,
    changed: Vec<AtomicU64>,
}

impl Bitmap {
    /// All of them clear.
    ///
    /// # Errors
    ///
    /// If there is no memory for so many.
    pub(super) fn new(blocks: u64) -> Result<Self> {
        let pages = usize::try_from(blocks.div_ceil(BLOCK * 8)).map_err(|_| Errno::FBIG)?;
        let zeros = |count: usize| -> Result<Vec<AtomicU64>> {
            let mut words = Vec::new();
            words.try_reserve_exact(count).map_err(|_| Error::new(Errno::NOMEM, "no memory for its bitmap"))?;
            words.resize_with(count, AtomicU64::default);
            Ok(words)
        };
        Ok(Self { words: zeros(pages * PAGE_WORDS)?, changed: zeros(pages.div_ceil(64))? })
    }

    /// Bytes that it takes in the file, whole blocks.
    pub(super) fn file_size(&self) -> u64 {
        self.words.len() as u64 * 8
    }

    /// Takes in what a file says.
    pub(super) fn read(&self, file: &File, offset: u64) -> Result<()> {
        let mut page = vec![0; BLOCK as usize];
        for (number, words) in self.words.chunks(PAGE_WORDS).enumerate() {
            file.read_exact_at(&mut page, offset + number as u64 * BLOCK)?;
            let (bytes, _) = page.as_chunks::<8>();
            words.iter().zip(bytes).for_each(|(word, bytes)| word.store(u64::from_le_bytes(*bytes), Ordering::Relaxed));
        }
        Ok(())
    }

    /// Whether a block is here.
    pub(super) fn has(&self, block: u64) -> bool {
        let (word, bit) = place(block);
        self.words[word].load(Ordering::Acquire) & bit != 0
    }

    /// The first block of a range that is not as this one; the end of the range if there is none.
    pub(super) fn run(&self, mut blocks: Range<u64>, here: bool) -> u64 {
        while blocks.start < blocks.end && self.has(blocks.start) == here {
            blocks.start += 1;
            // Whole words at once.
            let alike = if here { u64::MAX } else { 0 };
            while blocks.start.is_multiple_of(64)
                && blocks.start + 64 <= blocks.end
                && self.words[place(blocks.start).0].load(Ordering::Acquire) == alike
            {
                blocks.start += 64;
            }
        }
        blocks.start
    }

    /// Says that blocks are here. Their data is written already.
    pub(super) fn set(&self, blocks: Range<u64>) {
        for block in blocks {
            let (word, bit) = place(block);
            if self.words[word].fetch_or(bit, Ordering::AcqRel) & bit == 0 {
                let (word, bit) = place((word / PAGE_WORDS) as u64);
                self.changed[word].fetch_or(bit, Ordering::AcqRel);
            }
        }
    }

    /// The pages that were changed, as they are to be in the file; from now on they count as unchanged.
    pub(super) fn take_changed(&self) -> Vec<(u64, Vec<u8>)> {
        let mut pages = Vec::new();
        for (at, word) in self.changed.iter().enumerate() {
            let mut bits = word.swap(0, Ordering::AcqRel);
            while bits != 0 {
                let number = at * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let words = &self.words[number * PAGE_WORDS..(number + 1) * PAGE_WORDS];
                let bytes = words.iter().flat_map(|word| word.load(Ordering::Acquire).to_le_bytes()).collect();
                pages.push((number as u64, bytes));
            }
        }
        pages
    }

    /// Pages count as changed after all.
    pub(super) fn mark_changed(&self, pages: impl Iterator<Item = u64>) {
        for page in pages {
            let (word, bit) = place(page);
            self.changed[word].fetch_or(bit, Ordering::AcqRel);
        }
    }
}

const fn place(block: u64) -> (usize, u64) {
    ((block / 64) as usize, 1 << (block % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_end_where_blocks_differ() {
        let bitmap = Bitmap::new(100_000).unwrap();
        for range in [3..5, 64..256, 70_000..70_001] {
            bitmap.set(range);
        }
        let runs = [(0, 3, false), (3, 5, true), (5, 64, false), (64, 256, true), (256, 70_000, false)];
        for (start, end, here) in runs {
            assert_eq!(bitmap.run(start..100_000, here), end, "{start}");
        }
        assert_eq!(bitmap.run(70..200, true), 200);
        assert_eq!(bitmap.run(70_001..100_000, false), 100_000);
    }

    #[test]
    fn changed_pages_are_taken_once() {
        let bitmap = Bitmap::new(100_000).unwrap();
        bitmap.set(40_000..40_001);
        let pages = bitmap.take_changed();
        assert_eq!(pages.len(), 1);
        assert_eq!((pages[0].0, pages[0].1[(40_000 - 32_768) / 8]), (1, 1));
        assert!(bitmap.take_changed().is_empty());
        bitmap.set(40_000..40_001);
        assert!(bitmap.take_changed().is_empty(), "nothing new");
        bitmap.mark_changed([1].into_iter());
        assert_eq!(bitmap.take_changed(), pages);
    }
}
