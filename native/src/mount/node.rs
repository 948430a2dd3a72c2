//! Nodes as a mounted file system shows them.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use casync_core::archive::{Content, DeviceNumber, FileType, Found, IdShift, Located, Timestamp, Xattr};
use casync_core::record::{AclEntry, FeatureFlags};
use fuser::{FileAttr, INodeNo};

use crate::fs::meta::{OwnerIds, acl, chattr, fat, fcaps, selinux};

/// A member of an archive: what `stat` and reading it need, and rarely more.
#[derive(Debug)]
pub(super) struct Node {
    /// Its name; empty for the root.
    pub(super) name: Box<[u8]>,
    /// Its inode number: behind the offset of its ENTRY record, so that it is the same in every mount; the root's is 1.
    pub(super) ino: u64,
    /// Inode number of the directory it is in.
    pub(super) parent: u64,
    /// Where it lies in the archive.
    pub(super) located: Located,
    /// Offset of its payload.
    pub(super) payload: u64,
    mode: u32,
    uid: u32,
    gid: u32,
    mtime: Timestamp,
    flags: FeatureFlags,
    pub(super) content: Content,
    more: Option<Box<More>>,
}

/// What few nodes have.
#[derive(Debug, Default)]
struct More {
    /// Extended attributes in the order in which they are listed.
    xattrs: Vec<Xattr>,
    project: u32,
}

/// Whom the nodes belong to on this host.
#[derive(Debug)]
pub struct Owners {
    shift: IdShift,
    /// The owners of everything, if they are set.
    uid: Option<u32>,
    gid: Option<u32>,
    ids: Mutex<OwnerIds>,
}

/// Whom things belong to that have no owner on this host.
const NOBODY: u32 = 65_534;

impl Owners {
    /// Shifts the ids of the archive, or sets them.
    pub fn new(shift: IdShift, uid: Option<u32>, gid: Option<u32>) -> Self {
        Self { shift, uid, gid, ids: Mutex::new(OwnerIds::new(shift)) }
    }

    /// The owners of a node. Numbers count, if the archive has any.
    fn of(&self, found: &Found) -> (u32, u32) {
        let metadata = &found.node.metadata;
        if found.features.intersects(FeatureFlags::UIDS) {
            let here = |set: Option<u32>, id| set.or_else(|| self.shift.to_host(id)).unwrap_or(NOBODY);
            return (here(self.uid, metadata.uid), here(self.gid, metadata.gid));
        }
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let user = self.uid.or_else(|| ids.user(metadata.uid, metadata.user.as_deref()).ok());
        let group = self.gid.or_else(|| ids.group(metadata.gid, metadata.group.as_deref()).ok());
        (user.unwrap_or(NOBODY), group.unwrap_or(NOBODY))
    }

    /// The entries of an ACL without names beside numbers.
    fn numbered(entries: &[AclEntry], features: FeatureFlags) -> Vec<AclEntry> {
        let mut entries = entries.to_vec();
        if features.intersects(FeatureFlags::UIDS) {
            entries.iter_mut().for_each(|entry| entry.name = None);
        }
        entries
    }

    /// The attributes that hold the ACLs. Entries of nobody on this host cannot be shown, nor the ACL without them.
    fn acls(&self, found: &Found, xattrs: &mut Vec<Xattr>) {
        let metadata = &found.node.metadata;
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stored) = &metadata.acl {
            let mut stored = stored.clone();
            stored.users = Self::numbered(&stored.users, found.features);
            stored.groups = Self::numbered(&stored.groups, found.features);
            if let Ok(value) = acl::access_value(&stored, metadata.permissions, &mut ids) {
                xattrs.push(Xattr { name: acl::ACCESS.into(), value: value.into() });
            }
        }
        if let Some(stored) = &metadata.default_acl {
            let mut stored = stored.clone();
            stored.users = Self::numbered(&stored.users, found.features);
            stored.groups = Self::numbered(&stored.groups, found.features);
            if let Ok(value) = acl::default_value(&stored, &mut ids) {
                xattrs.push(Xattr { name: acl::DEFAULT.into(), value: value.into() });
            }
        }
    }
}

impl Node {
    /// The inode number of the root.
    pub(super) const ROOT: u64 = 1;

    /// Size that directories show; nothing depends on it.
    const DIRECTORY_SIZE: u64 = 4096;

    /// From what was found in the archive, below the directory with inode number `parent`. `shown`: what is shown of
    /// file flags.
    pub(super) fn new(found: Found, parent: u64, owners: &Owners, shown: FeatureFlags) -> Self {
        let (uid, gid) = owners.of(&found);
        let metadata = &found.node.metadata;
        let mut xattrs = metadata.xattrs.clone();
        if metadata.acl.is_some() || metadata.default_acl.is_some() {
            owners.acls(&found, &mut xattrs);
        }
        if let Some(capabilities) = &metadata.fcaps {
            xattrs.push(Xattr { name: fcaps::NAME.into(), value: capabilities.clone() });
        }
        if let Some(label) = &metadata.selinux {
            let value = [&label[..], b"\0"].concat().into();
            xattrs.push(Xattr { name: selinux::NAME.into(), value });
        }
        let project = metadata.project_id.unwrap_or(0);
        let more = (project != 0 || !xattrs.is_empty()).then(|| Box::new(More { xattrs, project }));
        Self {
            ino: found.located.entry + Self::ROOT,
            parent,
            located: found.located,
            payload: found.content,
            mode: found.node.content.file_type().bits() | metadata.permissions,
            uid,
            gid,
            mtime: metadata.mtime,
            flags: metadata.flags & shown,
            more,
            name: found.name.as_ref().map(|name| name.as_bytes().into()).unwrap_or_default(),
            content: found.node.content,
        }
    }

    /// The same as the root of what is mounted.
    pub(super) fn into_root(self) -> Self {
        Self { ino: Self::ROOT, parent: Self::ROOT, name: Box::default(), ..self }
    }

    /// A node that is in no archive: an image of `size` bytes as a file, or the directory that it is in.
    pub(super) fn made(name: &[u8], ino: u64, content: Content, permissions: u32, (uid, gid): (u32, u32)) -> Self {
        Self {
            name: name.into(),
            ino,
            parent: Self::ROOT,
            located: Located { entry: 0, end: 0 },
            payload: 0,
            mode: content.file_type().bits() | permissions,
            uid,
            gid,
            mtime: Timestamp::default(),
            flags: FeatureFlags::EMPTY,
            content,
            more: None,
        }
    }

    /// The same with another time.
    pub(super) fn dated(self, mtime: Timestamp) -> Self {
        Self { mtime, ..self }
    }

    pub(super) fn is_directory(&self) -> bool {
        self.content == Content::Directory
    }

    /// Memory that it takes, about.
    pub(super) fn weight(&self) -> usize {
        let more = self
            .more
            .as_ref()
            .map_or(0, |more| more.xattrs.iter().map(|xattr| xattr.name.len() + xattr.value.len() + 64).sum::<usize>());
        let target = if let Content::Symlink { target } = &self.content { target.len() } else { 0 };
        size_of::<Self>() + 32 + self.name.len() + target + more
    }

    fn size(&self) -> u64 {
        match &self.content {
            Content::Regular { size } => *size,
            Content::Symlink { target } => target.len() as u64,
            Content::Directory => Self::DIRECTORY_SIZE,
            _ => 0,
        }
    }

    /// What `stat` tells.
    pub(super) fn attributes(&self) -> FileAttr {
        let (seconds, nanoseconds) = self.mtime.to_unix();
        let time = UNIX_EPOCH + Duration::new(seconds, nanoseconds);
        let size = self.size();
        FileAttr {
            ino: INodeNo(self.ino),
            size,
            blocks: if matches!(self.content, Content::Regular { .. }) { size.div_ceil(512) } else { 0 },
            atime: time,
            mtime: time,
            ctime: time,
            crtime: time,
            kind: self.kind(),
            perm: (self.mode & 0o7777) as u16,
            // Archives know no hard links. 1 tells that directories are not counted, as on btrfs: to count them, all
            // metadata of a directory would have to be fetched whenever somebody looks at it from outside.
            nlink: 1,
            uid: self.uid,
            gid: self.gid,
            rdev: self.device(),
            blksize: 4096,
            flags: 0,
        }
    }

    /// The type.
    pub(super) const fn kind(&self) -> fuser::FileType {
        match self.content.file_type() {
            FileType::Fifo => fuser::FileType::NamedPipe,
            FileType::Character => fuser::FileType::CharDevice,
            FileType::Directory => fuser::FileType::Directory,
            FileType::Block => fuser::FileType::BlockDevice,
            FileType::Regular => fuser::FileType::RegularFile,
            FileType::Symlink => fuser::FileType::Symlink,
            FileType::Socket => fuser::FileType::Socket,
        }
    }

    /// The device number as the protocol has it.
    const fn device(&self) -> u32 {
        match self.content {
            Content::Block(DeviceNumber { major, minor }) | Content::Character(DeviceNumber { major, minor }) => {
                minor & 0xff | major << 8 | (minor & !0xff) << 12
            }
            _ => 0,
        }
    }

    /// The value of an extended attribute.
    pub(super) fn xattr(&self, name: &[u8]) -> Option<&[u8]> {
        let more = self.more.as_ref()?;
        more.xattrs.iter().find(|xattr| *xattr.name == *name).map(|xattr| &*xattr.value)
    }

    /// The names of all extended attributes, each with a NUL behind it. `privileged`: also those for root alone.
    pub(super) fn xattr_names(&self, privileged: bool) -> Vec<u8> {
        let xattrs = self.more.iter().flat_map(|more| &more.xattrs);
        let shown = xattrs.filter(|xattr| privileged || !xattr.name.starts_with(b"trusted."));
        shown.flat_map(|xattr| xattr.name.iter().copied().chain([0])).collect()
    }

    /// chattr flags, as `FS_IOC_GETFLAGS` gives them.
    pub(super) fn chattr_flags(&self) -> u32 {
        chattr::bits(self.flags)
    }

    /// FAT attributes, as `FAT_IOCTL_GET_ATTRIBUTES` gives them.
    pub(super) fn fat_attributes(&self) -> u32 {
        fat::bits(self.flags)
    }

    /// The quota project id; 0 if it has none.
    pub(super) fn project(&self) -> u32 {
        self.more.as_ref().map_or(0, |more| more.project)
    }
}
