//! What stands for payload that is not read.

use alloc::vec::Vec;

use crate::record::{put, read};

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
    /// Appends it, as fingerprints and seed tables have it.
    pub(crate) fn emit(&self, out: &mut Vec<u8>) {
        let generation = self.generation.map_or(u64::MAX, u64::from);
        let time = |(seconds, nanoseconds): (i64, u32)| [seconds.cast_unsigned(), nanoseconds.into()];
        put(&[self.device, self.inode, generation, self.size], out);
        put(&time(self.mtime), out);
        put(&time(self.ctime), out);
    }

    /// Reads the 64 bytes; `None` if no file can have what they say.
    ///
    /// # Panics
    ///
    /// If there are fewer.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let generation = match read(bytes, 16) {
            u64::MAX => None,
            generation => Some(u32::try_from(generation).ok()?),
        };
        let time = |at| {
            let nanoseconds = u32::try_from(read(bytes, at + 8)).ok().filter(|&part| part < 1_000_000_000)?;
            Some((read(bytes, at).cast_signed(), nanoseconds))
        };
        let (device, inode, size) = (read(bytes, 0), read(bytes, 8), read(bytes, 24));
        Some(Self { device, inode, generation, size, mtime: time(32)?, ctime: time(48)? })
    }
}
