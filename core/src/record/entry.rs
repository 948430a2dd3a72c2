//! ENTRY: the start of every node (spec: catar.md 3).

use alloc::vec::Vec;

use super::header::{HEADER_SIZE, Header, RecordKind, put, read};

/// Bytes in an ENTRY record.
pub const ENTRY_SIZE: usize = 64;

/// The fields of an ENTRY record, as on the wire. [`crate::archive::Node`] gives them meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Feature flags, the same in every entry of an archive.
    pub features: u64,
    /// File type and permission bits.
    pub mode: u64,
    /// chattr, FAT and subvolume flags.
    pub flags: u64,
    /// Owning user.
    pub uid: u64,
    /// Owning group.
    pub gid: u64,
    /// Modification time in nanoseconds since 1970, modulo 2^64.
    pub mtime: u64,
}

impl Entry {
    /// Parses a whole record whose header has been checked.
    ///
    /// # Panics
    ///
    /// If `record` has fewer than [`ENTRY_SIZE`] bytes.
    pub fn parse(record: &[u8]) -> Self {
        let field = |index: usize| read(record, HEADER_SIZE + 8 * index);
        Self { features: field(0), mode: field(1), flags: field(2), uid: field(3), gid: field(4), mtime: field(5) }
    }

    /// Appends the record.
    pub fn emit(&self, out: &mut Vec<u8>) {
        Header { size: ENTRY_SIZE as u64, kind: RecordKind::Entry }.emit(out);
        put(&[self.features, self.mode, self.flags, self.uid, self.gid, self.mtime], out);
    }
}
