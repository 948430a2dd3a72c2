//! POSIX access control lists, in the kernel's binary form (spec: catar.md 4.8).

use std::os::fd::BorrowedFd;

use casync_core::archive::{Acl, DefaultAcl, FileType, Metadata};
use casync_core::record::{AclDefault, AclEntry, AclPermissions};
use rustix::fs::{XattrFlags, fgetxattr_query, fremovexattr, fsetxattr, removexattr, setxattr};
use rustix::io::Errno;

use super::OwnerNames;
use super::owner::OwnerIds;
use crate::error::{Error, Result};
use crate::fs::Place;

/// The attribute that holds the access ACL.
pub(crate) const ACCESS: &[u8] = b"system.posix_acl_access";
/// The attribute that holds the default ACL of a directory.
pub(crate) const DEFAULT: &[u8] = b"system.posix_acl_default";

/// `POSIX_ACL_XATTR_VERSION`.
const VERSION: u32 = 2;

const USER_OBJ: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

/// An ACL by its parts, whatever form it came in.
#[derive(Debug, Default)]
pub(crate) struct AclParts {
    pub(crate) user: Option<AclPermissions>,
    pub(crate) group: Option<AclPermissions>,
    pub(crate) other: Option<AclPermissions>,
    pub(crate) mask: Option<AclPermissions>,
    pub(crate) users: Vec<AclEntry>,
    pub(crate) groups: Vec<AclEntry>,
}

impl AclParts {
    /// An access ACL: what it says beyond the permission bits, if anything.
    pub(crate) fn into_access(self) -> Option<Box<Acl>> {
        // Without a mask the owning group's permissions are the group bits of the mode.
        let group = self.group.filter(|_| self.mask.is_some());
        let is_more = group.is_some() || !self.users.is_empty() || !self.groups.is_empty();
        is_more.then(|| Box::new(Acl { users: self.users, groups: self.groups, group }))
    }

    /// A default ACL; `None` if a part is missing that each has.
    pub(crate) fn into_default(self) -> Option<Box<DefaultAcl>> {
        let (user, group, other) = (self.user?, self.group?, self.other?);
        let base = AclDefault { user, group, other, mask: self.mask };
        Some(Box::new(DefaultAcl { base, users: self.users, groups: self.groups }))
    }
}

/// Takes in an access ACL: what the permission bits do not say already.
pub(super) fn read_access(value: &[u8], owners: &mut OwnerNames, metadata: &mut Metadata) -> Result<()> {
    if let Some(acl) = parse(value, owners)?.into_access() {
        metadata.acl = Some(acl);
    }
    Ok(())
}

/// Takes in a default ACL.
pub(super) fn read_default(value: &[u8], owners: &mut OwnerNames, metadata: &mut Metadata) -> Result<()> {
    match parse(value, owners)?.into_default() {
        Some(acl) => metadata.default_acl = Some(acl),
        None if value.len() <= 4 => {}
        None => return Err(malformed()),
    }
    Ok(())
}

fn parse(value: &[u8], owners: &mut OwnerNames) -> Result<AclParts> {
    let mut parts = AclParts::default();
    let Some((version, entries)) = value.split_first_chunk::<4>() else { return Ok(parts) };
    let (entries, rest) = entries.as_chunks::<8>();
    if u32::from_le_bytes(*version) != VERSION || !rest.is_empty() {
        return Err(malformed());
    }
    for &[t0, t1, p0, p1, i0, i1, i2, i3] in entries {
        let permissions = AclPermissions::new(u16::from_le_bytes([p0, p1]).into())?;
        let id = u32::from_le_bytes([i0, i1, i2, i3]);
        match u16::from_le_bytes([t0, t1]) {
            USER_OBJ => parts.user = Some(permissions),
            GROUP_OBJ => parts.group = Some(permissions),
            OTHER => parts.other = Some(permissions),
            MASK => parts.mask = Some(permissions),
            USER => parts.users.push(AclEntry { id, name: owners.user(id), permissions }),
            GROUP => parts.groups.push(AclEntry { id, name: owners.group(id), permissions }),
            _ => return Err(malformed()),
        }
    }
    Ok(parts)
}

fn malformed() -> Error {
    Error::new(Errno::INVAL, "the kernel returned an ACL that nobody understands")
}

/// Whether a directory has a default ACL, which its entries would inherit.
pub(super) fn has_default(directory: BorrowedFd<'_>) -> bool {
    fgetxattr_query(directory, DEFAULT).is_ok_and(|length| length > 0)
}

/// Sets the ACLs of a node that has its permission bits already. `stale`: it may have ACLs that the archive does not.
pub(super) fn apply(
    place: Place<'_>,
    file_type: FileType,
    metadata: &Metadata,
    mode: u32,
    stale: bool,
    owners: &mut OwnerIds,
) -> Result<()> {
    match &metadata.acl {
        Some(acl) => set(place, ACCESS, &access_value(acl, mode, owners)?)?,
        None if stale => remove(place, ACCESS)?,
        None => {}
    }
    if file_type != FileType::Directory {
        return Ok(());
    }
    match &metadata.default_acl {
        Some(acl) => set(place, DEFAULT, &default_value(acl, owners)?),
        None if stale => remove(place, DEFAULT),
        None => Ok(()),
    }
}

/// The value of the access ACL of a node with these permission bits.
pub(crate) fn access_value(acl: &Acl, mode: u32, owners: &mut OwnerIds) -> Result<Vec<u8>> {
    let bits = |shift: u32| (mode >> shift & 7) as u16;
    // The group bits of the mode are the mask; the owning group's are stored beside them.
    let group = acl.group.map_or_else(|| bits(3), |group| group.bits().into());
    emit([bits(6), group, bits(0)], Some(bits(3)), &acl.users, &acl.groups, owners)
}

/// The value of a default ACL.
pub(crate) fn default_value(acl: &DefaultAcl, owners: &mut OwnerIds) -> Result<Vec<u8>> {
    let base = [acl.base.user, acl.base.group, acl.base.other].map(|bits| bits.bits().into());
    let mask = acl.base.mask.map(|mask| mask.bits().into());
    emit(base, mask, &acl.users, &acl.groups, owners)
}

fn set(place: Place<'_>, name: &[u8], value: &[u8]) -> Result<()> {
    Ok(match place {
        Place::Open(file) => fsetxattr(file, name, value, XattrFlags::empty()),
        // Never a link: those have no ACLs.
        Place::Pointer(_) | Place::Entry { .. } => setxattr(place.proc_path(), name, value, XattrFlags::empty()),
    }?)
}

fn remove(place: Place<'_>, name: &[u8]) -> Result<()> {
    let removed = match place {
        Place::Open(file) => fremovexattr(file, name),
        Place::Pointer(_) | Place::Entry { .. } => removexattr(place.proc_path(), name),
    };
    match removed {
        Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::BADF) => Ok(()),
        removed => Ok(removed?),
    }
}

/// The kernel's form: entries by tag, those of one tag by id.
fn emit(
    [user, group, other]: [u16; 3],
    mask: Option<u16>,
    users: &[AclEntry],
    groups: &[AclEntry],
    owners: &mut OwnerIds,
) -> Result<Vec<u8>> {
    const NOBODY: u32 = u32::MAX;
    let mut entries = vec![(USER_OBJ, user, NOBODY)];
    for entry in users {
        let id = owners.user(entry.id, entry.name.as_deref())?;
        entries.push((USER, entry.permissions.bits().into(), id));
    }
    entries.push((GROUP_OBJ, group, NOBODY));
    for entry in groups {
        let id = owners.group(entry.id, entry.name.as_deref())?;
        entries.push((GROUP, entry.permissions.bits().into(), id));
    }
    entries.extend(mask.map(|mask| (MASK, mask, NOBODY)));
    entries.push((OTHER, other, NOBODY));
    entries.sort_by_key(|&(tag, _, id)| (tag, id));
    let mut value = VERSION.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        value.extend_from_slice(&tag.to_le_bytes());
        value.extend_from_slice(&permissions.to_le_bytes());
        value.extend_from_slice(&id.to_le_bytes());
    }
    Ok(value)
}
