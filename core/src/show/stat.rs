//! `stat`: everything about one node.

use core::fmt;

use super::mode::{CHATTR, FAT, FlagColumns};
use super::{CivilTime, Escaped, ModeString, ShownPath};
use crate::archive::{Content, IdShift, Node};
use crate::hash::Digest;
use crate::record::FeatureFlags;

/// The lines of `stat`, each with its newline.
#[derive(Clone, Copy, Debug)]
pub struct StatText<'a> {
    /// Path from the root of the archive; empty for the root.
    pub path: &'a [u8],
    /// The node.
    pub node: &'a Node,
    /// Which of the node's metadata count.
    pub features: FeatureFlags,
    /// Which owner is the host's root, and shown as such without being stored so.
    pub shift: IdShift,
    /// Offset of its ENTRY record.
    pub offset: u64,
    /// How far local time is ahead of UTC at the node's modification time, in seconds.
    pub utc_offset: i32,
    /// Payload digest of a regular file, or of a block device.
    // compat: upstream shows one for block devices too, that of nothing: archives hold none of their content.
    pub digest: Option<Digest>,
    /// Hardlink digest of anything but a directory.
    pub hardlink_digest: Option<Digest>,
    /// Whether FAT attributes were looked for: archives always show theirs.
    pub fat_attributes: bool,
    /// Whether a project id of 0 is shown: real directories know theirs, archives do not store it.
    pub zero_project_id: bool,
}

impl fmt::Display for StatText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Node { metadata, content } = self.node;
        writeln!(f, "    File: {}", ShownPath(self.path))?;
        writeln!(f, "    Mode: {}", ModeString::of(self.node))?;
        if matches!(content, Content::Directory | Content::Regular { .. }) {
            writeln!(f, "FileAttr: {}", FlagColumns(metadata.flags, &CHATTR))?;
            if self.fat_attributes {
                writeln!(f, " FATAttr: {}", FlagColumns(metadata.flags, &FAT))?;
            }
        }
        writeln!(f, "  Offset: {}", self.offset)?;
        if self.features.time_granularity().is_some() {
            writeln!(f, "    Time: {}", CivilTime::new(metadata.mtime, self.utc_offset))?;
        }
        if let Content::Regular { size } = content {
            writeln!(f, "    Size: {size}")?;
        }
        self.owner(f, "    User", metadata.user.as_deref(), metadata.uid)?;
        self.owner(f, "   Group", metadata.group.as_deref(), metadata.gid)?;
        match metadata.project_id {
            Some(id) => writeln!(f, "  ProjID: {id}")?,
            None if self.zero_project_id => f.write_str("  ProjID: 0\n")?,
            None => {}
        }
        match content {
            Content::Symlink { target } => writeln!(f, "  Target: {}", Escaped(target))?,
            Content::Block(device) | Content::Character(device) => writeln!(f, "  Device: {device}")?,
            _ => {}
        }
        for xattr in &metadata.xattrs {
            writeln!(f, "   XAttr: {} → {}", Escaped(&xattr.name), Escaped(&xattr.value))?;
        }
        if let Some(digest) = self.digest {
            writeln!(f, "  Digest: {digest}")?;
        }
        if let Some(digest) = self.hardlink_digest {
            writeln!(f, "HLDigest: {digest}")?;
        }
        Ok(())
    }
}

impl StatText<'_> {
    fn owner(&self, f: &mut fmt::Formatter<'_>, label: &str, name: Option<&[u8]>, id: u32) -> fmt::Result {
        let numeric = self.features.intersects(FeatureFlags::UIDS);
        let root = self.shift.to_host(id) == Some(0);
        let name = name.or_else(|| root.then_some(b"root"));
        let name = name.filter(|_| self.features.contains(FeatureFlags::USER_NAMES));
        match (name, numeric) {
            (Some(name), true) => writeln!(f, "{label}: {} ({id})", Escaped(name)),
            (Some(name), false) => writeln!(f, "{label}: {}", Escaped(name)),
            (None, true) => writeln!(f, "{label}: {id}"),
            (None, false) => Ok(()),
        }
    }
}
