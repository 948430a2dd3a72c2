//! GOODBYE: the end of a directory and a table for finding its entries by name (spec: catar.md 6).
//!
//! ```text
//! size, type | n items of (offset, size, hash) | tail of (entry offset, size, marker)
//! ```
//!
//! The items form a search tree by hash, laid out as a heap: the children of position i are 2i + 1 and 2i + 2.

use alloc::vec::Vec;

use super::header::{HEADER_SIZE, Header, RecordKind, put, read};
use crate::error::{Malformed, Result};

/// Bytes in a table without items.
pub const GOODBYE_MIN: u64 = 40;
/// Bytes in one item, and in the tail.
pub const GOODBYE_ITEM: u64 = 24;

/// Marks the tail.
const TAIL_MARKER: u64 = 0x5744_6fa5_3370_2943;

/// Where one directory entry lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoodbyeItem {
    /// SipHash of the name ([`crate::hash::name_hash`]).
    pub hash: u64,
    /// Distance from the start of the GOODBYE record back to the entry's FILENAME record.
    pub offset: u64,
    /// Bytes from the start of the FILENAME record to the end of the entry's last record.
    pub size: u64,
}

impl GoodbyeItem {
    /// Parses the 24 bytes of an item.
    ///
    /// # Panics
    ///
    /// If `bytes` is shorter.
    pub fn parse(bytes: &[u8]) -> Self {
        Self { offset: read(bytes, 0), size: read(bytes, 8), hash: read(bytes, 16) }
    }

    fn emit(&self, out: &mut Vec<u8>) {
        put(&[self.offset, self.size, self.hash], out);
    }
}

/// The last 24 bytes of a GOODBYE record, by which it can be found from behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoodbyeTail {
    /// Distance from the start of the GOODBYE record back to the directory's own ENTRY record.
    pub entry_offset: u64,
    /// Bytes in the GOODBYE record.
    pub size: u64,
}

impl GoodbyeTail {
    /// Parses the 24 bytes of a tail.
    ///
    /// # Errors
    ///
    /// [`Malformed::Goodbye`] without the marker or for an impossible size.
    ///
    /// # Panics
    ///
    /// If `bytes` is shorter.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let tail = Self { entry_offset: read(bytes, 0), size: read(bytes, 8) };
        let possible = tail.size >= GOODBYE_MIN && (tail.size - GOODBYE_MIN).is_multiple_of(GOODBYE_ITEM);
        if possible && read(bytes, 16) == TAIL_MARKER { Ok(tail) } else { Err(Malformed::Goodbye.into()) }
    }

    /// Number of items in the record.
    pub const fn items(&self) -> u64 {
        (self.size - GOODBYE_MIN) / GOODBYE_ITEM
    }

    /// Appends a whole GOODBYE record for entries with these FILENAME positions.
    ///
    /// `entries` holds (hash, start, end) of each, in any order; `start` and `end` count from the directory's ENTRY
    /// record, as does `position`, the place of this record. The list is left sorted.
    pub fn emit_table(entries: &mut [(u64, u64, u64)], position: u64, out: &mut Vec<u8>) {
        let size = GOODBYE_MIN + GOODBYE_ITEM * entries.len() as u64;
        entries.sort_unstable();
        Header { size, kind: RecordKind::Goodbye }.emit(out);
        for rank in heap_order(entries.len()) {
            let (hash, start, end) = entries[rank];
            GoodbyeItem { hash, offset: position - start, size: end - start }.emit(out);
        }
        put(&[position, size, TAIL_MARKER], out);
    }

    /// Distance from the start of a GOODBYE record to item `index`.
    pub const fn item_offset(index: u64) -> u64 {
        HEADER_SIZE as u64 + GOODBYE_ITEM * index
    }
}

/// For each position of a table of `count` items the rank of the item that stands there.
///
/// The tree is complete: all levels full but the last, which is filled from the left.
///
/// ```
/// use casync_core::record::heap_order;
///
/// assert_eq!(heap_order(5), [3, 1, 4, 0, 2]);
/// ```
pub fn heap_order(count: usize) -> Vec<usize> {
    let mut ranks = alloc::vec![0; count];
    // In-order walk without recursion: leftmost first, then each node's right child's leftmost, or the first ancestor
    // of which this is in the left part.
    let leftmost = |mut position: usize| {
        while 2 * position + 1 < count {
            position = 2 * position + 1;
        }
        position
    };
    let mut position = leftmost(0);
    for rank in 0..count {
        ranks[position] = rank;
        position = if 2 * position + 2 < count {
            leftmost(2 * position + 2)
        } else {
            // Right children are even; climb out of them, then one step up.
            while position != 0 && position.is_multiple_of(2) {
                position = (position - 1) / 2;
            }
            position.saturating_sub(1) / 2
        };
    }
    ranks
}
