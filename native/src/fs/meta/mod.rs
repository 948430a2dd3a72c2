//! Metadata of nodes, one attribute family a file, *read* beside *apply*.

pub(crate) mod acl;
pub(crate) mod chattr;
pub(crate) mod fat;
pub(crate) mod fcaps;
mod owner;
mod project;
mod same;
pub(crate) mod selinux;
mod subvolume;
mod time;
mod writer;
mod xattr;

use std::ffi::CStr;
use std::os::fd::{AsFd as _, BorrowedFd};

use casync_core::archive::{FileType, Metadata, Selection, Timestamp};
use casync_core::record::FeatureFlags;
use rustix::fs::{Mode, OFlags, Stat};
use rustix::io::Errno;

pub(crate) use acl::AclParts;
pub(crate) use owner::{OwnerIds, OwnerNames};
pub(crate) use writer::{Created, Inherited, MetadataWriter, Node};

use super::Place;
use super::beneath::{self, Mounts};
use crate::error::{Error, Result};

/// Reads what an archive stores of nodes.
#[derive(Debug)]
pub(crate) struct MetadataReader {
    selection: Selection,
    names: OwnerNames,
    xattrs: xattr::Lister,
    /// File systems (by device number) that know no chattr flags.
    without_chattr: Vec<u64>,
    /// The flags that were asked for last, by device and inode: who asks to leave a node out asks once more to store it.
    last_chattr: Option<((u64, u64), FeatureFlags)>,
}

impl MetadataReader {
    pub(crate) fn new(selection: Selection) -> Self {
        Self {
            selection,
            names: OwnerNames::default(),
            xattrs: xattr::Lister::new(selection.features()),
            without_chattr: Vec::new(),
            last_chattr: None,
        }
    }

    pub(crate) const fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Reads and selects. `magic` is the file system's type.
    pub(crate) fn read(&mut self, place: Place<'_>, stat: &Stat, file_type: FileType, magic: u64) -> Result<Metadata> {
        let features = self.selection.features();
        let names = features.contains(FeatureFlags::USER_NAMES);
        let mut metadata = Metadata {
            permissions: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            mtime: Timestamp::from_unix(stat.st_mtime, stat.st_mtime_nsec as u32),
            user: if names { self.names.user(stat.st_uid) } else { None },
            group: if names { self.names.group(stat.st_gid) } else { None },
            ..Metadata::default()
        };
        if let Place::Open(file) = place
            && matches!(file_type, FileType::Directory | FileType::Regular)
        {
            metadata.flags = self.chattr(place, stat)?;
            if features.intersects(FeatureFlags::FAT_ATTRS) {
                metadata.flags |= fat::read(file, magic)?;
            }
            if features.contains(FeatureFlags::SUBVOLUME) && file_type == FileType::Directory {
                metadata.flags |= subvolume::read(file, stat, magic, features)?;
            }
            if features.contains(FeatureFlags::QUOTA_PROJID) {
                metadata.project_id = project::read(file, magic)?;
            }
        }
        self.xattrs.read(place, file_type, &mut self.names, &mut metadata)?;
        self.selection.apply(file_type, &mut metadata).map_err(Error::from)?;
        Ok(metadata)
    }

    /// The chattr flags, if they are stored or tell what to leave out.
    pub(crate) fn chattr(&mut self, place: Place<'_>, stat: &Stat) -> Result<FeatureFlags> {
        let wanted = FeatureFlags::CHATTR | FeatureFlags::EXCLUDE_NODUMP;
        let Place::Open(file) = place else { return Ok(FeatureFlags::EMPTY) };
        if !self.selection.features().intersects(wanted) || self.without_chattr.contains(&stat.st_dev) {
            return Ok(FeatureFlags::EMPTY);
        }
        let node = (stat.st_dev, stat.st_ino);
        if let Some((_, flags)) = self.last_chattr.take_if(|(asked, _)| *asked == node) {
            return Ok(flags);
        }
        match chattr::read(file) {
            Ok(flags) => {
                self.last_chattr = Some((node, flags));
                Ok(flags)
            }
            Err(errno) if is_unsupported(errno) => {
                // Some file systems know flags for some types only; links and devices never come here.
                if errno == Errno::NOTTY {
                    self.without_chattr.push(stat.st_dev);
                }
                Ok(FeatureFlags::EMPTY)
            }
            Err(errno) => Err(Error::from(errno).context("read file attributes")),
        }
    }
}

/// Clears what forbids to change a file or directory: chattr flags, or that it is a read-only subvolume.
pub(crate) fn undo_immutable(file: BorrowedFd<'_>) -> Result<()> {
    subvolume::make_writable(file)?;
    chattr::undo_immutable(file)
}

/// The same for an entry that is to be replaced.
pub(crate) fn undo_immutable_entry(directory: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK;
    let file = beneath::open(directory, name, flags, Mode::empty(), Mounts::Refuse)?;
    undo_immutable(file.as_fd())
}

/// Errors by which file systems say that they do not know an ioctl.
pub(crate) const fn is_unsupported(errno: Errno) -> bool {
    matches!(errno, Errno::NOTTY | Errno::NOSYS | Errno::BADF | Errno::OPNOTSUPP | Errno::INVAL)
}
