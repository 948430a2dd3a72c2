//! File modes and file flags as strings of letters.

use core::fmt;

use crate::archive::{FileType, Node};
use crate::record::FeatureFlags;

/// Type and permissions as `ls` shows them, except that the sticky bit shows on directories only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModeString {
    file_type: FileType,
    permissions: u32,
}

impl ModeString {
    /// The mode of a node.
    pub const fn of(node: &Node) -> Self {
        Self { file_type: node.content.file_type(), permissions: node.metadata.permissions }
    }
}

impl fmt::Display for ModeString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.file_type {
            FileType::Socket => 's',
            FileType::Directory => 'd',
            FileType::Regular => '-',
            FileType::Block => 'b',
            FileType::Character => 'c',
            FileType::Symlink => 'l',
            FileType::Fifo => 'p',
        };
        let set = |bit: u32| self.permissions & bit != 0;
        let letter = |bit, letter| if set(bit) { letter } else { '-' };
        let execute = |bit, special, with: char| match (set(special), set(bit)) {
            (true, true) => with,
            (true, false) => with.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        };
        let sticky = if self.file_type == FileType::Directory { 0o1000 } else { 0 };
        write!(
            f,
            "{kind}{}{}{}{}{}{}{}{}{}",
            letter(0o400, 'r'),
            letter(0o200, 'w'),
            execute(0o100, 0o4000, 's'),
            letter(0o040, 'r'),
            letter(0o020, 'w'),
            execute(0o010, 0o2000, 's'),
            letter(0o004, 'r'),
            letter(0o002, 'w'),
            execute(0o001, sticky, 't'),
        )
    }
}

/// chattr flags, one column each.
pub(super) const CHATTR: [(FeatureFlags, char); 10] = [
    (FeatureFlags::FLAG_SYNC, 'S'),
    (FeatureFlags::FLAG_DIRSYNC, 'D'),
    (FeatureFlags::FLAG_IMMUTABLE, 'i'),
    (FeatureFlags::FLAG_APPEND, 'a'),
    (FeatureFlags::FLAG_NODUMP, 'd'),
    (FeatureFlags::FLAG_NOATIME, 'A'),
    (FeatureFlags::FLAG_COMPR, 'c'),
    (FeatureFlags::FLAG_NOCOMP, 'N'),
    (FeatureFlags::FLAG_NOCOW, 'C'),
    (FeatureFlags::FLAG_PROJINHERIT, 'P'),
];

/// FAT attributes, one column each.
pub(super) const FAT: [(FeatureFlags, char); 3] =
    [(FeatureFlags::FLAG_HIDDEN, 'h'), (FeatureFlags::FLAG_SYSTEM, 's'), (FeatureFlags::FLAG_ARCHIVE, 'a')];

/// Shows flags in columns.
pub(super) struct FlagColumns<'a>(pub(super) FeatureFlags, pub(super) &'a [(FeatureFlags, char)]);

impl fmt::Display for FlagColumns<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.1.iter().try_for_each(|&(flag, letter)| write!(f, "{}", if self.0.contains(flag) { letter } else { '-' }))
    }
}
