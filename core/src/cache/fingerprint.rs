//! What stands for payload that is not read.

use alloc::vec::Vec;

use crate::record::put;

/// A file in a certain state: whoever changes its contents changes this, too.
///
/// That is so where the change time moves with every change and cannot be set. Within the granularity of the clock it
/// does not move, so the shell has to tell which files had been left alone for long enough when they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileIdentity {
    /// The file system.
    pub device: u64,
    /// The inode.
    pub inode: u64,
    /// Tells files apart that had the same inode one after the other, where the file system has such a number.
    pub generation: Option<u32>,
    /// Bytes in the file.
    pub size: u64,
    /// Time of the last modification: seconds and nanoseconds.
    pub mtime: (i64, u32),
    /// Time of the last change of anything.
    pub ctime: (i64, u32),
}

impl FileIdentity {
    /// Appends it, as fingerprints have it.
    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        let generation = self.generation.map_or(u64::MAX, u64::from);
        let time = |(seconds, nanoseconds): (i64, u32)| [seconds.cast_unsigned(), nanoseconds.into()];
        put(&[self.device, self.inode, generation, self.size], out);
        put(&time(self.mtime), out);
        put(&time(self.ctime), out);
    }
}
