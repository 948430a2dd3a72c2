//! What an archive stores of a node, depending on its feature flags.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{FileType, IdShift, Metadata, Owner, Timestamp};
use crate::error::Result;
use crate::record::{AclEntry, FeatureFlags, XattrRecord};

/// Turns metadata as the host has it into metadata as an archive stores it.
///
/// ```
/// use casync_core::archive::{FileType, IdShift, Metadata, Selection, Timestamp};
/// use casync_core::record::FeatureFlags;
///
/// let selection = Selection::new(FeatureFlags::SEC_TIME, IdShift::default());
/// let mut metadata = Metadata { mtime: Timestamp::from_unix(7, 999), uid: 1000, ..Metadata::default() };
/// selection.apply(FileType::Regular, &mut metadata)?;
/// assert_eq!(metadata.mtime, Timestamp::from_unix(7, 0));
/// assert_eq!((metadata.uid, metadata.permissions), (0, 0o666));
/// # Ok::<(), casync_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Selection {
    features: FeatureFlags,
    shift: IdShift,
}

impl Selection {
    /// For archives with these feature flags, which get normalized.
    pub fn new(features: FeatureFlags, shift: IdShift) -> Self {
        Self { features: features.normalized(), shift }
    }

    /// The normalized feature flags.
    pub const fn features(&self) -> FeatureFlags {
        self.features
    }

    /// Whether nodes of this type are stored at all.
    pub const fn admits(&self, file_type: FileType) -> bool {
        self.features.contains(file_type.feature())
    }

    /// Rewrites `metadata`, whose owners and ACL entries carry the host's ids and names, as the archive stores it.
    ///
    /// # Errors
    ///
    /// [`crate::error::Unrepresentable`] for ids that the feature flags cannot hold.
    pub fn apply(&self, file_type: FileType, metadata: &mut Metadata) -> Result<()> {
        let features = self.features;
        let has_attributes = matches!(file_type, FileType::Directory | FileType::Regular);
        metadata.permissions = permissions(features, file_type, metadata.permissions);
        metadata.flags = if has_attributes {
            let possible = if file_type == FileType::Directory {
                FeatureFlags::FILE_FLAGS
            } else {
                FeatureFlags::FILE_FLAGS - (FeatureFlags::SUBVOLUME | FeatureFlags::SUBVOLUME_RO)
            };
            metadata.flags & features & possible
        } else {
            FeatureFlags::EMPTY
        };
        (metadata.uid, metadata.user) = self.owner(metadata.uid, metadata.user.take())?;
        (metadata.gid, metadata.group) = self.owner(metadata.gid, metadata.group.take())?;
        metadata.mtime = features
            .time_granularity()
            .map_or_else(Timestamp::default, |granularity| metadata.mtime.min(Timestamp::LAST).rounded(granularity));

        if has_attributes && features.contains(FeatureFlags::XATTRS) {
            metadata.xattrs.retain(|xattr| XattrRecord::is_stored(&xattr.name));
            metadata.xattrs.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        } else {
            metadata.xattrs = Vec::new();
        }
        self.acls(file_type, metadata)?;
        if !features.contains(FeatureFlags::SELINUX) {
            metadata.selinux = None;
        }
        if file_type != FileType::Regular || !features.contains(FeatureFlags::FCAPS) {
            metadata.fcaps = None;
        }
        if !has_attributes || !features.contains(FeatureFlags::QUOTA_PROJID) {
            metadata.project_id = None;
        }
        Ok(())
    }

    fn acls(&self, file_type: FileType, metadata: &mut Metadata) -> Result<()> {
        if file_type == FileType::Symlink || !self.features.contains(FeatureFlags::ACL) {
            metadata.acl = None;
            metadata.default_acl = None;
        }
        if file_type != FileType::Directory {
            metadata.default_acl = None;
        }
        if let Some(acl) = &mut metadata.acl {
            self.acl_entries(&mut acl.users)?;
            self.acl_entries(&mut acl.groups)?;
        }
        if let Some(acl) = &mut metadata.default_acl {
            self.acl_entries(&mut acl.users)?;
            self.acl_entries(&mut acl.groups)?;
        }
        Ok(())
    }

    fn acl_entries(&self, entries: &mut [AclEntry]) -> Result<()> {
        for entry in entries.iter_mut() {
            (entry.id, entry.name) = self.owner(entry.id, entry.name.take())?;
        }
        entries.sort_unstable();
        Ok(())
    }

    fn owner(&self, id: u32, name: Option<Box<[u8]>>) -> Result<(u32, Option<Box<[u8]>>)> {
        self.shift.select(Owner { id, name }, self.features)
    }
}

/// The permission bits that are stored (spec: catar.md 4.3).
fn permissions(features: FeatureFlags, file_type: FileType, bits: u32) -> u32 {
    let (open, closed) = if file_type == FileType::Directory { (0o777, 0o555) } else { (0o666, 0o444) };
    if file_type == FileType::Symlink {
        0o777
    } else if features.intersects(FeatureFlags::PERMISSIONS | FeatureFlags::ACL) {
        bits & 0o7777
    } else if features.contains(FeatureFlags::READ_ONLY) && bits & 0o222 == 0 {
        closed
    } else {
        open
    }
}
