//! Puts a node together from its records and checks every rule that involves one node alone (spec: catar.md 8).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Acl, Content, DefaultAcl, DeviceNumber, FileType, Metadata, Node, Timestamp, Xattr};
use crate::error::{Error, Malformed, Result};
use crate::record::{
    AclDefault, AclEntry, AclPermissions, Entry, FeatureFlags, HEADER_SIZE, RecordKind, SelinuxLabel, SymlinkTarget,
    XattrRecord, check_owner_name, read, text_body,
};

/// A node whose records are coming in.
#[derive(Clone, Debug)]
pub(super) struct NodeReader {
    features: FeatureFlags,
    file_type: FileType,
    metadata: Metadata,
    last: RecordKind,
}

impl NodeReader {
    /// Starts with an ENTRY record. `expected` are the feature flags of the archive, if they are known already.
    pub(super) fn new(record: &[u8], expected: Option<FeatureFlags>) -> Result<Self> {
        let entry = Entry::parse(record);
        let features = FeatureFlags::from_wire(entry.features)?;
        if expected.is_some_and(|expected| expected != features) {
            return Err(Malformed::FlagsDiffer(features).into());
        }
        let mode = u32::try_from(entry.mode).map_err(|_| Malformed::FileType(entry.mode))?;
        let file_type = FileType::of(mode).ok_or(Malformed::FileType(entry.mode))?;
        let permissions = mode & !FileType::MASK;
        if permissions > 0o7777 || !permits(features, file_type, permissions) {
            return Err(Malformed::Permissions(entry.mode).into());
        }
        let metadata = Metadata {
            permissions,
            flags: file_flags(entry.flags, features, file_type)?,
            uid: owner_id(entry.uid, features)?,
            gid: owner_id(entry.gid, features)?,
            mtime: mtime(entry.mtime, features)?,
            ..Metadata::default()
        };
        Ok(Self { features, file_type, metadata, last: RecordKind::Entry })
    }

    pub(super) const fn features(&self) -> FeatureFlags {
        self.features
    }

    pub(super) const fn file_type(&self) -> FileType {
        self.file_type
    }

    /// Whether a metadata record of this kind may come next, by order and by what the node is.
    pub(super) fn admits(&self, kind: RecordKind) -> Result<()> {
        let Some(rank) = rank(kind) else { return Err(Malformed::MisplacedRecord(kind).into()) };
        let last = rank_of(self.last);
        if rank < last || (rank == last && !repeats(kind)) {
            return Err(Malformed::MisplacedRecord(kind).into());
        }
        let needed = match kind {
            RecordKind::User | RecordKind::Group => FeatureFlags::USER_NAMES,
            RecordKind::Xattr => FeatureFlags::XATTRS,
            RecordKind::Selinux => FeatureFlags::SELINUX,
            RecordKind::Fcaps => FeatureFlags::FCAPS,
            RecordKind::QuotaProjid => FeatureFlags::QUOTA_PROJID,
            _ => FeatureFlags::ACL,
        };
        if !self.features.contains(needed) {
            return Err(Malformed::FeatureOff(kind).into());
        }
        let possible = match kind {
            RecordKind::User | RecordKind::Group | RecordKind::Selinux => true,
            RecordKind::Xattr | RecordKind::QuotaProjid => {
                matches!(self.file_type, FileType::Directory | FileType::Regular)
            }
            RecordKind::Fcaps => self.file_type == FileType::Regular,
            RecordKind::AclUser | RecordKind::AclGroup | RecordKind::AclGroupObj => self.file_type != FileType::Symlink,
            _ => self.file_type == FileType::Directory,
        };
        if possible { Ok(()) } else { Err(Malformed::MisplacedRecord(kind).into()) }
    }

    /// Takes a metadata record that [`Self::admits`] has let through.
    pub(super) fn push(&mut self, kind: RecordKind, record: &[u8]) -> Result<()> {
        self.last = kind;
        let metadata = &mut self.metadata;
        match kind {
            RecordKind::User => metadata.user = Some(owner_name(record)?),
            RecordKind::Group => metadata.group = Some(owner_name(record)?),
            RecordKind::Xattr => {
                let xattr = XattrRecord::parse(record)?;
                if metadata.xattrs.last().is_some_and(|last| *last.name >= *xattr.name) {
                    return Err(Malformed::XattrOrder.into());
                }
                metadata.xattrs.push(Xattr { name: xattr.name.into(), value: xattr.value.into() });
            }
            RecordKind::AclUser => self.acl_entry(kind, record, |metadata| &mut acl(metadata).users)?,
            RecordKind::AclGroup => self.acl_entry(kind, record, |metadata| &mut acl(metadata).groups)?,
            RecordKind::AclGroupObj => {
                acl(metadata).group = Some(AclPermissions::new(read(record, HEADER_SIZE))?);
            }
            RecordKind::AclDefault => {
                let base = AclDefault::parse(record)?;
                metadata.default_acl = Some(Box::new(DefaultAcl { base, users: Vec::new(), groups: Vec::new() }));
            }
            RecordKind::AclDefaultUser | RecordKind::AclDefaultGroup => {
                // Named entries need a mask.
                if metadata.default_acl.as_ref().is_none_or(|acl| acl.base.mask.is_none()) {
                    return Err(Malformed::AclIncomplete.into());
                }
                self.acl_entry(kind, record, |metadata| {
                    let acl = metadata.default_acl.as_mut().expect("because that was just checked");
                    if kind == RecordKind::AclDefaultUser { &mut acl.users } else { &mut acl.groups }
                })?;
            }
            RecordKind::Selinux => {
                let label = text_body(record).ok_or(Malformed::Label)?;
                SelinuxLabel::check(label)?;
                metadata.selinux = Some(label.into());
            }
            RecordKind::Fcaps => metadata.fcaps = Some(record[HEADER_SIZE..].into()),
            RecordKind::QuotaProjid => {
                let id = read(record, HEADER_SIZE);
                let valid = u32::try_from(id).ok().filter(|id| *id != 0);
                metadata.project_id = Some(valid.ok_or(Malformed::ProjectId(id))?);
            }
            _ => return Err(Malformed::MisplacedRecord(kind).into()),
        }
        Ok(())
    }

    /// Whether a record of this kind ends the node's metadata: it starts its content or belongs to what follows.
    pub(super) fn ends_with(&self, kind: RecordKind) -> bool {
        match kind {
            RecordKind::Payload => self.file_type == FileType::Regular,
            RecordKind::Symlink => self.file_type == FileType::Symlink,
            RecordKind::Device => matches!(self.file_type, FileType::Block | FileType::Character),
            RecordKind::Filename | RecordKind::Goodbye => self.needs_no_content(),
            _ => false,
        }
    }

    /// Whether the node's own records end with its metadata.
    pub(super) const fn needs_no_content(&self) -> bool {
        matches!(self.file_type, FileType::Directory | FileType::Fifo | FileType::Socket)
    }

    /// Ends the metadata. `content` is the whole SYMLINK or DEVICE record, or the header of the PAYLOAD.
    pub(super) fn finish(self, content: &[u8]) -> Result<Node> {
        if let Some(acl) = &self.metadata.acl
            && acl.group.is_none()
        {
            return Err(Malformed::AclIncomplete.into());
        }
        let content = match self.file_type {
            FileType::Directory => Content::Directory,
            FileType::Fifo => Content::Fifo,
            FileType::Socket => Content::Socket,
            FileType::Regular => Content::Regular { size: read(content, 0) - HEADER_SIZE as u64 },
            FileType::Symlink => {
                let target = text_body(content).ok_or(Malformed::Target)?;
                SymlinkTarget::check(target)?;
                Content::Symlink { target: target.into() }
            }
            FileType::Block => Content::Block(device(content)?),
            FileType::Character => Content::Character(device(content)?),
        };
        Ok(Node { metadata: self.metadata, content })
    }

    fn acl_entry(
        &mut self,
        kind: RecordKind,
        record: &[u8],
        list: impl FnOnce(&mut Metadata) -> &mut Vec<AclEntry>,
    ) -> Result<()> {
        let entry = AclEntry::parse(kind, record)?;
        owner_id(entry.id.into(), self.features)?;
        if entry.name.is_some() && !self.features.contains(FeatureFlags::USER_NAMES) {
            return Err(Malformed::FeatureOff(kind).into());
        }
        let list = list(&mut self.metadata);
        if list.last().is_some_and(|last| (last.id, &last.name) >= (entry.id, &entry.name)) {
            return Err(Malformed::AclOrder.into());
        }
        list.push(entry);
        Ok(())
    }
}

fn acl(metadata: &mut Metadata) -> &mut Acl {
    metadata.acl.get_or_insert_default()
}

/// Position of a metadata record in the order that the format prescribes.
const fn rank(kind: RecordKind) -> Option<u32> {
    Some(match kind {
        RecordKind::User => 1,
        RecordKind::Group => 2,
        RecordKind::Xattr => 3,
        RecordKind::AclUser => 4,
        RecordKind::AclGroup => 5,
        RecordKind::AclGroupObj => 6,
        RecordKind::AclDefault => 7,
        RecordKind::AclDefaultUser => 8,
        RecordKind::AclDefaultGroup => 9,
        RecordKind::Selinux => 10,
        RecordKind::Fcaps => 11,
        RecordKind::QuotaProjid => 12,
        _ => return None,
    })
}

fn rank_of(last: RecordKind) -> u32 {
    rank(last).unwrap_or(0)
}

const fn repeats(kind: RecordKind) -> bool {
    matches!(
        kind,
        RecordKind::Xattr
            | RecordKind::AclUser
            | RecordKind::AclGroup
            | RecordKind::AclDefaultUser
            | RecordKind::AclDefaultGroup
    )
}

/// Whether a writer with these flags can have stored these permission bits.
fn permits(features: FeatureFlags, file_type: FileType, permissions: u32) -> bool {
    let (open, closed) = if file_type == FileType::Directory { (0o777, 0o555) } else { (0o666, 0o444) };
    if file_type == FileType::Symlink {
        permissions == 0o777
    } else if features.intersects(FeatureFlags::PERMISSIONS | FeatureFlags::ACL) {
        true
    } else {
        permissions == open || (permissions == closed && features.contains(FeatureFlags::READ_ONLY))
    }
}

fn file_flags(bits: u64, features: FeatureFlags, file_type: FileType) -> Result<FeatureFlags> {
    let subvolume = FeatureFlags::SUBVOLUME | FeatureFlags::SUBVOLUME_RO;
    let possible = features
        & match file_type {
            FileType::Directory => FeatureFlags::FILE_FLAGS,
            FileType::Regular => FeatureFlags::FILE_FLAGS - subvolume,
            _ => FeatureFlags::EMPTY,
        };
    if bits & !possible.bits() == 0 { Ok(possible.only(bits)) } else { Err(Malformed::FileFlags(bits).into()) }
}

fn owner_id(id: u64, features: FeatureFlags) -> Result<u32> {
    let valid = if features.contains(FeatureFlags::UIDS_32BIT) {
        id < u64::from(u32::MAX) && id != 0xffff
    } else if features.contains(FeatureFlags::UIDS_16BIT) {
        id < 0xffff
    } else {
        id == 0
    };
    u32::try_from(id).ok().filter(|_| valid).ok_or_else(|| Malformed::Id(id).into())
}

fn mtime(time: u64, features: FeatureFlags) -> Result<Timestamp> {
    let valid = match features.time_granularity() {
        // Upstream's reader asks for whole milliseconds with usec-time, and so refuses what upstream's writer writes.
        Some(granularity) => time != u64::MAX && time.is_multiple_of(granularity),
        None => time == 0,
    };
    if valid { Ok(Timestamp::from_nanoseconds(time)) } else { Err(Malformed::Time(time).into()) }
}

fn owner_name(record: &[u8]) -> Result<Box<[u8]>> {
    let name = text_body(record).ok_or(Malformed::OwnerName)?;
    check_owner_name(name)?;
    Ok(name.into())
}

fn device(record: &[u8]) -> Result<DeviceNumber> {
    let field = |at| u32::try_from(read(record, at)).map_err(|_| Error::from(Malformed::Device));
    let device = DeviceNumber { major: field(HEADER_SIZE)?, minor: field(HEADER_SIZE + 8)? };
    if device.is_valid() { Ok(device) } else { Err(Malformed::Device.into()) }
}
