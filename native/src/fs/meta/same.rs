//! Whether a file that exists already has all the metadata that one is to have.

use std::os::fd::BorrowedFd;

use casync_core::archive::{FileType, Metadata, Timestamp};
use casync_core::record::FeatureFlags;
use rustix::fs::{self as os, Stat};

use super::writer::{Inherited, MetadataWriter};
use crate::error::Result;
use crate::fs::Place;

impl MetadataWriter {
    /// Whether nothing would have to be changed in a regular file to make it the one that is archived with this metadata. Of
    /// what is not restored, mode and owner count all the same: they are to be what a new file in such a directory has.
    pub(crate) fn is_finished(
        &mut self,
        file: BorrowedFd<'_>,
        stat: &Stat,
        metadata: &Metadata,
        mode: u32,
        inherited: &Inherited,
    ) -> Result<bool> {
        let features = self.features;
        if stat.st_mode & 0o7777 != mode {
            return Ok(false);
        }
        let owner = (stat.st_uid, stat.st_gid);
        let is_owned = if features.intersects(FeatureFlags::UIDS | FeatureFlags::USER_NAMES) {
            self.owner_change(metadata, owner)?.is_none()
        } else {
            owner == self.own_in(inherited)
        };
        if !is_owned {
            return Ok(false);
        }
        if let Some(granularity) = features.time_granularity() {
            let mtime = Timestamp::from_unix(stat.st_mtime, stat.st_mtime_nsec as u32);
            if mtime.rounded(granularity) != metadata.mtime.rounded(granularity) {
                return Ok(false);
            }
        }
        let magic = os::fstatfs(file)?.f_type as u64;
        // What cannot be stored is not what was stored.
        let Ok(found) = self.reader().read(Place::Open(file), stat, FileType::Regular, magic) else { return Ok(false) };
        let same = |feature, equal: bool| !features.contains(feature) || equal;
        let flags = features & (FeatureFlags::CHATTR | FeatureFlags::FAT_ATTRS);
        Ok(found.flags & flags == metadata.flags & flags
            && same(FeatureFlags::XATTRS, found.xattrs == metadata.xattrs)
            && same(FeatureFlags::ACL, found.acl == metadata.acl)
            && same(FeatureFlags::SELINUX, found.selinux == metadata.selinux)
            && same(FeatureFlags::FCAPS, found.fcaps == metadata.fcaps)
            && same(FeatureFlags::QUOTA_PROJID, found.project_id == metadata.project_id))
    }
}
