//! A directory's goodbye table, read from behind.

use super::window::Window;
use super::{Ask, Located};
use crate::error::{Error, Malformed, Result};
use crate::record::{ENTRY_SIZE, GOODBYE_ITEM, GoodbyeItem, GoodbyeTail, HEADER_SIZE, Header, RecordKind};

/// Where a goodbye table lies. Every number has been checked against the directory's bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    directory: Located,
    /// Offset of the GOODBYE record.
    start: u64,
    /// Number of entries in the directory.
    pub(super) items: u64,
}

fn broken(place: u64) -> Error {
    Error::from(Malformed::Goodbye).at(place)
}

/// An entry by its item: from FILENAME to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Child {
    /// Offset of the FILENAME record.
    pub(super) start: u64,
    /// Offset of the first byte behind the entry.
    pub(super) end: u64,
}

impl Table {
    /// Reads the tail.
    pub(super) fn open(directory: Located, window: &mut Window) -> Result<Ask<Self>> {
        let smallest = directory.entry.saturating_add(ENTRY_SIZE as u64 + GoodbyeTail::item_offset(1));
        if directory.end < smallest {
            return Err(broken(directory.end));
        }
        let place = directory.end - GOODBYE_ITEM;
        let tail = match window.get(place..directory.end) {
            Ask::Ready(bytes) => GoodbyeTail::parse(bytes).map_err(|error| error.at(place))?,
            Ask::Need(range) => return Ok(Ask::Need(range)),
        };
        let start = directory.end.checked_sub(tail.size).ok_or_else(|| broken(place))?;
        if tail.entry_offset < ENTRY_SIZE as u64 || start.checked_sub(tail.entry_offset) != Some(directory.entry) {
            return Err(broken(place));
        }
        Ok(Ask::Ready(Self { directory, start, items: tail.items() }))
    }

    /// Checks the header.
    pub(super) fn check(&self, window: &mut Window) -> Result<Ask<()>> {
        match window.get(self.start..self.start + HEADER_SIZE as u64) {
            Ask::Ready(bytes) => {
                let expected = Header { size: self.directory.end - self.start, kind: RecordKind::Goodbye };
                match Header::parse(bytes) {
                    Ok(header) if header == expected => Ok(Ask::Ready(())),
                    _ => Err(Error::from(Malformed::Goodbye).at(self.start)),
                }
            }
            Ask::Need(range) => Ok(Ask::Need(range)),
        }
    }

    /// Reads item `index`: the name's hash and the entry's place.
    pub(super) fn item(&self, index: u64, window: &mut Window) -> Result<Ask<(u64, Child)>> {
        let place = self.start + GoodbyeTail::item_offset(index);
        let item = match window.get(place..place + GOODBYE_ITEM) {
            Ask::Ready(bytes) => GoodbyeItem::parse(bytes),
            Ask::Need(range) => return Ok(Ask::Need(range)),
        };
        let child = self.start.checked_sub(item.offset).and_then(|start| {
            let end = start.checked_add(item.size)?;
            let first = self.directory.entry + ENTRY_SIZE as u64;
            // A FILENAME and an ENTRY are the least.
            let smallest = start.checked_add(18 + ENTRY_SIZE as u64)?;
            (start >= first && end >= smallest && end <= self.start).then_some(Child { start, end })
        });
        let child = child.ok_or_else(|| broken(place))?;
        Ok(Ask::Ready((item.hash, child)))
    }

    /// Checks that the entries, the last one first, follow each other without gap up to the table.
    ///
    /// Entries that overlap could hold each other over and over: walking through them would take for ever.
    pub(super) fn check_children(&self, children: &[Child]) -> Result<()> {
        let mut end = self.start;
        for child in children {
            if child.end != end {
                return Err(broken(self.start));
            }
            end = child.start;
        }
        Ok(())
    }
}
