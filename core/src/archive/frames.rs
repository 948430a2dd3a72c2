//! The directories that are open between the root and the current place, while an archive is written or read.

use alloc::vec::Vec;

use crate::hash::name_hash;
use crate::name::Name;

/// A directory whose GOODBYE has not come yet.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Where its ENTRY record starts.
    pub(super) entry: u64,
    /// (name hash, start of FILENAME, end) of its finished entries; positions count from `entry`.
    pub(super) children: Vec<(u64, u64, u64)>,
    /// The entry under way or last finished; names must ascend.
    pub(super) last: Option<Name>,
    /// Where the FILENAME record of the entry under way starts.
    child_start: u64,
}

impl Frame {
    pub(super) const fn new(entry: u64) -> Self {
        Self { entry, children: Vec::new(), last: None, child_start: 0 }
    }

    /// Whether `name` may be the next entry's.
    pub(super) fn admits(&self, name: &Name) -> bool {
        self.last.as_ref().is_none_or(|last| last < name)
    }

    /// Starts an entry whose FILENAME record begins at `start`.
    pub(super) fn open_child(&mut self, name: Name, start: u64) {
        self.child_start = start;
        self.last = Some(name);
    }

    /// Ends the entry under way at `end`.
    pub(super) fn close_child(&mut self, end: u64) {
        let name = self.last.as_ref().expect("because an entry is under way");
        self.children.push((name_hash(name), self.child_start - self.entry, end - self.entry));
    }
}
