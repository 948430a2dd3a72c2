//! Hand-made archives, right and wrong: records put together without the checks of the encoder.

use casync_core::hash::name_hash;
use casync_core::record::{Entry, FeatureFlags, GoodbyeItem, HEADER_SIZE, Header, RecordKind, heap_order};

/// A record with any body.
pub fn record(kind: RecordKind, body: &[u8]) -> Vec<u8> {
    let mut bytes = header(kind, (HEADER_SIZE + body.len()) as u64);
    bytes.extend_from_slice(body);
    bytes
}

/// A header that announces any size.
pub fn header(kind: RecordKind, size: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    Header { size, kind }.emit(&mut bytes);
    bytes
}

/// An ENTRY record with nothing but features and mode.
pub fn entry(features: FeatureFlags, mode: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    Entry { features: features.bits(), mode, ..Entry::default() }.emit(&mut bytes);
    bytes
}

/// A directory's ENTRY record without any feature.
pub fn directory_entry() -> Vec<u8> {
    entry(FeatureFlags::EMPTY, 0o040_777)
}

/// A regular file without any feature.
pub fn file(payload: &[u8]) -> Vec<u8> {
    [entry(FeatureFlags::EMPTY, 0o100_666), record(RecordKind::Payload, payload)].concat()
}

/// A FILENAME record.
pub fn filename(name: &[u8]) -> Vec<u8> {
    record(RecordKind::Filename, &[name, b"\0"].concat())
}

/// A directory without any feature, in the making: children, then a table that may say anything.
#[derive(Clone, Debug)]
pub struct Directory {
    bytes: Vec<u8>,
    items: Vec<GoodbyeItem>,
}

impl Directory {
    /// A directory that begins with `entry` and other records of metadata.
    pub fn new(entry: Vec<u8>) -> Self {
        Self { bytes: entry, items: Vec::new() }
    }

    /// Bytes so far, which is where the next child's FILENAME or the table will be.
    pub fn position(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Adds a child.
    #[must_use]
    pub fn with(mut self, name: &[u8], node: &[u8]) -> Self {
        // The distance back from the table is known at the end; until then it is the distance from the start.
        let start = self.position();
        self.bytes.extend_from_slice(&filename(name));
        self.bytes.extend_from_slice(node);
        self.items.push(GoodbyeItem { hash: name_hash(name), offset: start, size: self.position() - start });
        self
    }

    /// Ends the directory with the right table.
    pub fn finish(self) -> Vec<u8> {
        self.finish_with(|_| {})
    }

    /// Ends the directory with a table whose items, in the order of names and as they should be, `change` has changed.
    /// They are put into the order of a search tree after that.
    pub fn finish_with(mut self, change: impl FnOnce(&mut Vec<GoodbyeItem>)) -> Vec<u8> {
        let table = self.position();
        for item in &mut self.items {
            item.offset = table - item.offset;
        }
        change(&mut self.items);
        // By place, where the hashes are equal: the farthest back comes first.
        self.items.sort_by_key(|item| (item.hash, u64::MAX - item.offset));
        let items: Vec<GoodbyeItem> = heap_order(self.items.len()).into_iter().map(|rank| self.items[rank]).collect();
        self.bytes.extend_from_slice(&goodbye(table, &items));
        self.bytes
    }
}

/// A GOODBYE record with these items in this order.
pub fn goodbye(entry_offset: u64, items: &[GoodbyeItem]) -> Vec<u8> {
    const MARKER: u64 = 0x5744_6fa5_3370_2943;
    let size = 40 + 24 * items.len() as u64;
    let numbers = items.iter().flat_map(|item| [item.offset, item.size, item.hash]);
    let body: Vec<u8> = numbers.chain([entry_offset, size, MARKER]).flat_map(u64::to_le_bytes).collect();
    record(RecordKind::Goodbye, &body)
}
