//! What differs between two nodes of the same path.

use alloc::borrow::Cow;
use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::Common;
use crate::archive::{Acl, Content, DefaultAcl, DeviceNumber, FileType, Metadata, Node, Timestamp, Xattr};
use crate::record::{AclEntry, FeatureFlags};

/// One thing that differs. `None`, where it is possible, is the absence of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "every variant holds what it was and what it is")]
pub enum Change<'a> {
    /// The kind of node. Nothing of the contents is compared then.
    Type { from: FileType, to: FileType },
    /// Size of a regular file.
    Size { from: u64, to: u64 },
    /// Content of a regular file. Whoever has seen the bytes adds this one.
    Content,
    /// Target of a symbolic link.
    Target { from: &'a [u8], to: &'a [u8] },
    /// Numbers of a device.
    Device { from: DeviceNumber, to: DeviceNumber },
    /// Permission bits.
    Mode { from: u32, to: u32 },
    /// Id of the owning user.
    Uid { from: u32, to: u32 },
    /// Id of the owning group.
    Gid { from: u32, to: u32 },
    /// Name of the owning user.
    User { from: Option<&'a [u8]>, to: Option<&'a [u8]> },
    /// Name of the owning group.
    Group { from: Option<&'a [u8]>, to: Option<&'a [u8]> },
    /// Modification time.
    Mtime { from: Timestamp, to: Timestamp },
    /// File flags.
    Flags { set: FeatureFlags, cleared: FeatureFlags },
    /// An extended attribute.
    Xattr { name: &'a [u8], from: Option<&'a [u8]>, to: Option<&'a [u8]> },
    /// Access ACL.
    Acl { from: Option<&'a Acl>, to: Option<&'a Acl> },
    /// Default ACL.
    DefaultAcl { from: Option<&'a DefaultAcl>, to: Option<&'a DefaultAcl> },
    /// SELinux label.
    Selinux { from: Option<&'a [u8]>, to: Option<&'a [u8]> },
    /// File capabilities.
    Fcaps { from: Option<&'a [u8]>, to: Option<&'a [u8]> },
    /// Quota project id.
    ProjectId { from: Option<u32>, to: Option<u32> },
}

/// Everything that differs between two nodes but the content of files of equal size, in the order of [`Change`].
///
/// ```
/// use casync_core::archive::{Content, Metadata, Node};
/// use casync_core::diff::{Change, Common, changes};
/// use casync_core::record::FeatureFlags;
///
/// let file = |permissions| Node {
///     metadata: Metadata { permissions, ..Metadata::default() },
///     content: Content::Regular { size: 5 },
/// };
/// let stored = FeatureFlags::PERMISSIONS;
/// let common = Common::new(stored, stored, FeatureFlags::ALL);
/// assert_eq!(changes(&file(0o644), &file(0o755), &common), [Change::Mode { from: 0o644, to: 0o755 }]);
/// ```
pub fn changes<'a>(left: &'a Node, right: &'a Node, common: &Common) -> Vec<Change<'a>> {
    let mut changes = Vec::new();
    contents(&left.content, &right.content, &mut changes);
    let type_changed = matches!(changes.first(), Some(Change::Type { .. }));
    let (left, right) = (Side::new(left), Side::new(right));
    owners(&left, &right, common, type_changed, &mut changes);
    attributes(&left, &right, common, &mut changes);
    changes
}

/// A node's metadata, and what nodes of its type can have.
struct Side<'a> {
    metadata: &'a Metadata,
    file_type: FileType,
}

impl<'a> Side<'a> {
    const fn new(node: &'a Node) -> Self {
        Self { metadata: &node.metadata, file_type: node.content.file_type() }
    }
}

fn contents<'a>(left: &'a Content, right: &'a Content, changes: &mut Vec<Change<'a>>) {
    let (from, to) = (left.file_type(), right.file_type());
    if from != to {
        changes.push(Change::Type { from, to });
        return;
    }
    match (left, right) {
        (Content::Regular { size: from }, Content::Regular { size: to }) if from != to => {
            changes.push(Change::Size { from: *from, to: *to });
            changes.push(Change::Content);
        }
        (Content::Symlink { target: from }, Content::Symlink { target: to }) if from != to => {
            changes.push(Change::Target { from, to });
        }
        (Content::Block(from), Content::Block(to)) | (Content::Character(from), Content::Character(to))
            if from != to =>
        {
            changes.push(Change::Device { from: *from, to: *to });
        }
        _ => {}
    }
}

fn owners<'a>(left: &Side<'a>, right: &Side<'a>, common: &Common, type_changed: bool, changes: &mut Vec<Change<'a>>) {
    let (from, to) = (left.metadata, right.metadata);
    // All symbolic links have the same mode; becoming one, or ceasing to be one, says nothing about it.
    let has_mode = !type_changed || ![left.file_type, right.file_type].contains(&FileType::Symlink);
    if has_mode && !common.same_mode(from.permissions, to.permissions) {
        changes.push(Change::Mode { from: from.permissions, to: to.permissions });
    }
    if common.stores(FeatureFlags::UIDS) {
        if from.uid != to.uid {
            changes.push(Change::Uid { from: from.uid, to: to.uid });
        }
        if from.gid != to.gid {
            changes.push(Change::Gid { from: from.gid, to: to.gid });
        }
    }
    if common.stores(FeatureFlags::USER_NAMES) {
        if owner_name(from.uid, from.user.as_deref(), common) != owner_name(to.uid, to.user.as_deref(), common) {
            changes.push(Change::User { from: from.user.as_deref(), to: to.user.as_deref() });
        }
        if owner_name(from.gid, from.group.as_deref(), common) != owner_name(to.gid, to.group.as_deref(), common) {
            changes.push(Change::Group { from: from.group.as_deref(), to: to.group.as_deref() });
        }
    }
    if !common.same_time(from.mtime, to.mtime) {
        changes.push(Change::Mtime { from: from.mtime, to: to.mtime });
    }
}

/// The name of an owner as archives store it that have names only: those who have none go by their number.
fn owner_name<'a>(id: u32, name: Option<&'a [u8]>, common: &Common) -> Option<Cow<'a, [u8]>> {
    match name {
        Some(name) => Some(name.into()),
        None if id != 0 && !common.stores(FeatureFlags::UIDS) => Some(id.to_string().into_bytes().into()),
        None => None,
    }
}

fn attributes<'a>(left: &Side<'a>, right: &Side<'a>, common: &Common, changes: &mut Vec<Change<'a>>) {
    let (from, to) = (left.metadata, right.metadata);
    let [before, after] = [from.flags, to.flags].map(|flags| flags & common.flags());
    if before != after {
        changes.push(Change::Flags { set: after - before, cleared: before - after });
    }
    if common.stores(FeatureFlags::XATTRS) {
        xattrs(&from.xattrs, &to.xattrs, changes);
    }
    if common.stores(FeatureFlags::ACL) {
        if !same_acl(from.acl.as_deref(), to.acl.as_deref(), common) {
            changes.push(Change::Acl { from: from.acl.as_deref(), to: to.acl.as_deref() });
        }
        if !same_default_acl(from.default_acl.as_deref(), to.default_acl.as_deref(), common) {
            changes.push(Change::DefaultAcl { from: from.default_acl.as_deref(), to: to.default_acl.as_deref() });
        }
    }
    if common.stores(FeatureFlags::SELINUX) && from.selinux != to.selinux {
        changes.push(Change::Selinux { from: from.selinux.as_deref(), to: to.selinux.as_deref() });
    }
    if common.stores(FeatureFlags::FCAPS) && from.fcaps != to.fcaps {
        changes.push(Change::Fcaps { from: from.fcaps.as_deref(), to: to.fcaps.as_deref() });
    }
    if common.stores(FeatureFlags::QUOTA_PROJID) && from.project_id != to.project_id {
        changes.push(Change::ProjectId { from: from.project_id, to: to.project_id });
    }
}

/// Both are in ascending order of names.
fn xattrs<'a>(mut left: &'a [Xattr], mut right: &'a [Xattr], changes: &mut Vec<Change<'a>>) {
    loop {
        let order = match (left.first(), right.first()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(left), Some(right)) => left.name.cmp(&right.name),
        };
        let from = if order.is_le() { left.split_off_first() } else { None };
        let to = if order.is_ge() { right.split_off_first() } else { None };
        let value = |xattr: Option<&'a Xattr>| xattr.map(|xattr| &*xattr.value);
        if let (Some(Xattr { name, .. }), true) = (from.or(to), value(from) != value(to)) {
            changes.push(Change::Xattr { name, from: value(from), to: value(to) });
        }
    }
}

fn same_acl(left: Option<&Acl>, right: Option<&Acl>, common: &Common) -> bool {
    match (left, right) {
        (None, None) => true,
        (Some(left), Some(right)) => {
            left.group == right.group
                && same_entries(&left.users, &right.users, common)
                && same_entries(&left.groups, &right.groups, common)
        }
        _ => false,
    }
}

fn same_default_acl(left: Option<&DefaultAcl>, right: Option<&DefaultAcl>, common: &Common) -> bool {
    match (left, right) {
        (None, None) => true,
        (Some(left), Some(right)) => {
            left.base == right.base
                && same_entries(&left.users, &right.users, common)
                && same_entries(&left.groups, &right.groups, common)
        }
        _ => false,
    }
}

/// Entries name their users by id, by name, or both; only what both sides store can tell them apart.
fn same_entries(left: &[AclEntry], right: &[AclEntry], common: &Common) -> bool {
    left.len() == right.len() && keys(left, common) == keys(right, common)
}

/// Id, name and permissions of an entry, as far as they count.
type EntryKey<'a> = (u32, Option<Cow<'a, [u8]>>, u8);

fn keys<'a>(entries: &'a [AclEntry], common: &Common) -> Vec<EntryKey<'a>> {
    let (ids, names) = (common.stores(FeatureFlags::UIDS), common.stores(FeatureFlags::USER_NAMES));
    let key = |entry: &'a AclEntry| {
        let id = if ids { entry.id } else { 0 };
        let name = if names { owner_name(entry.id, entry.name.as_deref(), common) } else { None };
        (id, name, entry.permissions.bits())
    };
    let mut keys: Vec<_> = entries.iter().map(key).collect();
    keys.sort_unstable();
    keys
}
