//! Which parts of written data become holes (spec: filesystem.md 9).

use std::ops::Range;

use casync_core::chunk::is_zero;

/// Smallest hole, and what holes are aligned to: the block size of nearly every file system.
const BLOCK: usize = 4096;

/// The ranges of `bytes` that hold data when they are written at `offset`; between them lie whole blocks of zeros.
pub(crate) fn data_ranges(bytes: &[u8], offset: u64) -> impl Iterator<Item = Range<usize>> {
    // compat: upstream counts blocks from the start of each buffer; blocks of the file are what can become a hole.
    let head = (BLOCK - (offset % BLOCK as u64) as usize) % BLOCK;
    let mut at = 0;
    std::iter::from_fn(move || {
        let is_hole = |at: usize| {
            at >= head
                && (at - head).is_multiple_of(BLOCK)
                && at + BLOCK <= bytes.len()
                && is_zero(&bytes[at..at + BLOCK])
        };
        while is_hole(at) {
            at += BLOCK;
        }
        let start = at;
        if start >= bytes.len() {
            return None;
        }
        while at < bytes.len() && !is_hole(at) {
            at = if at < head { head.min(bytes.len()) } else { (at + BLOCK).min(bytes.len()) };
        }
        Some(start..at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(bytes: &[u8], offset: u64) -> Vec<(usize, usize)> {
        data_ranges(bytes, offset).map(|range| (range.start, range.end)).collect()
    }

    #[test]
    fn whole_blocks_of_zeros_are_left_out() {
        let mut bytes = vec![0; 5 * BLOCK];
        assert_eq!(ranges(&bytes, 0), []);
        assert_eq!(ranges(&bytes, 8 * BLOCK as u64), []);
        bytes[2 * BLOCK + 7] = 1;
        assert_eq!(ranges(&bytes, 0), [(2 * BLOCK, 3 * BLOCK)]);
        bytes[3 * BLOCK] = 1;
        assert_eq!(ranges(&bytes, 0), [(2 * BLOCK, 4 * BLOCK)]);
    }

    #[test]
    fn only_blocks_of_the_file_count() {
        let bytes = vec![0; 2 * BLOCK];
        // The first and the last block of the file are only touched.
        assert_eq!(ranges(&bytes, 1), [(0, BLOCK - 1), (2 * BLOCK - 1, 2 * BLOCK)]);
        assert_eq!(ranges(&bytes[..100], 50), [(0, 100)]);
        assert_eq!(ranges(&[], 0), []);
    }

    #[test]
    fn data_and_holes_cover_everything_once() {
        let bytes: Vec<u8> = (0..20 * BLOCK).map(|i| u8::from(i / 3000 % 5 == 0)).collect();
        for offset in [0, 1, 4095, 4096, 5000] {
            let mut rebuilt = vec![0; bytes.len()];
            let mut end = 0;
            for range in data_ranges(&bytes, offset) {
                assert!(range.start >= end && range.start < range.end, "{range:?} after {end}");
                end = range.end;
                rebuilt[range.clone()].copy_from_slice(&bytes[range]);
            }
            assert_eq!(rebuilt, bytes, "at {offset}");
        }
    }
}
