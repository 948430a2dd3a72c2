//! What a tar file says of a member, as an archive stores it.

use std::io;

use casync_core::archive::{DeviceNumber, FileType, Metadata, Timestamp, Xattr};
use casync_core::record::{FeatureFlags, XattrRecord};
use rustix::io::Errno;

use super::acl;
use super::member::Member;
use super::pax::{self, Records, malformed, number};
use crate::error::{Error, Result};

/// Keys whose value counts for all members that have none of their own.
pub(super) const GLOBAL: [&[u8]; 5] = [b"mtime", b"uid", b"gid", b"uname", b"gname"];

/// Metadata of directories that have entries but are not in the tar themselves.
pub(super) fn of_missing_directory() -> Metadata {
    Metadata { permissions: 0o755, ..Metadata::default() }
}

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Node(FileType),
    HardLink,
    /// Something about the tar itself.
    Nothing,
}

impl Member {
    /// What it is.
    pub(super) fn file_type(&self) -> Result<Type> {
        Ok(Type::Node(match self.header.entry_type().as_byte() {
            // In the first tar files only the slash tells directories from files.
            b'0' | b'\0' if self.name.ends_with(b"/") => FileType::Directory,
            b'0' | b'\0' | b'7' | b'S' => FileType::Regular,
            b'1' => return Ok(Type::HardLink),
            b'2' => FileType::Symlink,
            b'3' => FileType::Character,
            b'4' => FileType::Block,
            b'5' | b'D' => FileType::Directory,
            b'6' => FileType::Fifo,
            b'V' => return Ok(Type::Nothing),
            other => {
                let message = format!("a member of the unknown type {:?}", char::from(other));
                return Err(Error::new(Errno::OPNOTSUPP, message));
            }
        }))
    }

    /// The numbers of a device.
    pub(super) fn device(&self) -> Result<DeviceNumber> {
        let part = |number: io::Result<Option<u32>>| number.map_err(|_| malformed("the number of a device"));
        let (major, minor) = (part(self.header.device_major())?, part(self.header.device_minor())?);
        let device = DeviceNumber { major: major.unwrap_or(0), minor: minor.unwrap_or(0) };
        if device.is_valid() { Ok(device) } else { Err(malformed("the number of a device")) }
    }

    /// Its metadata, not selected yet. `global`: records that count for many.
    pub(super) fn metadata(&self, global: &[u8], features: FeatureFlags) -> Result<Metadata> {
        let header = &self.header;
        let old = header.as_old();
        let seconds = field(&old.mtime, || header.mtime())?.cast_signed();
        let mut metadata = Metadata {
            permissions: field(&old.mode, || header.mode().map(u64::from))? as u32 & 0o7777,
            uid: id(field(&old.uid, || header.uid())?)?,
            gid: id(field(&old.gid, || header.gid())?)?,
            mtime: Timestamp::from_unix(seconds, 0),
            user: named(header.username_bytes().unwrap_or_default()),
            group: named(header.groupname_bytes().unwrap_or_default()),
            ..Metadata::default()
        };
        for record in Records(global).chain(Records(&self.records)) {
            let (key, value) = record?;
            self.take(key, value, features, &mut metadata)?;
        }
        Ok(metadata)
    }

    fn take(&self, key: &[u8], value: &[u8], features: FeatureFlags, metadata: &mut Metadata) -> Result<()> {
        match key {
            b"mtime" => {
                let (seconds, nanoseconds) = pax::time(value).ok_or_else(|| malformed("a time"))?;
                metadata.mtime = Timestamp::from_unix(seconds, nanoseconds);
            }
            b"uid" => metadata.uid = id(number(value).ok_or_else(|| malformed("a user id"))?)?,
            b"gid" => metadata.gid = id(number(value).ok_or_else(|| malformed("a group id"))?)?,
            b"uname" => metadata.user = named(value),
            b"gname" => metadata.group = named(value),
            b"SCHILY.acl.access" if features.contains(FeatureFlags::ACL) => metadata.acl = acl::access(value)?,
            b"SCHILY.acl.default" if features.contains(FeatureFlags::ACL) => {
                metadata.default_acl = acl::default(value)?;
            }
            b"RHT.security.selinux" => metadata.selinux = label(value),
            _ => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    xattr(pax::decoded(name), value, metadata);
                }
            }
        }
        Ok(())
    }
}

fn xattr(name: Vec<u8>, value: &[u8], metadata: &mut Metadata) {
    match name.as_slice() {
        b"security.capability" => metadata.fcaps = Some(value.into()),
        b"security.selinux" => metadata.selinux = label(value),
        other if XattrRecord::is_stored(other) => {
            metadata.xattrs.retain(|xattr| *xattr.name != *other);
            metadata.xattrs.push(Xattr { name: name.into(), value: value.into() });
        }
        _ => {}
    }
}

/// A label without what follows its first NUL.
fn label(value: &[u8]) -> Option<Box<[u8]>> {
    value.split(|&byte| byte == 0).next().filter(|label| !label.is_empty()).map(Into::into)
}

fn named(name: &[u8]) -> Option<Box<[u8]>> {
    (!name.is_empty()).then(|| name.into())
}

fn id(id: u64) -> Result<u32> {
    u32::try_from(id).map_err(|_| malformed("a user or group id"))
}

/// A number of a header; fields that were left empty are 0.
pub(super) fn field(bytes: &[u8], parse: impl FnOnce() -> io::Result<u64>) -> Result<u64> {
    if bytes.iter().all(|byte| matches!(byte, 0 | b' ')) {
        return Ok(0);
    }
    parse().map_err(|_| malformed("a number in a header"))
}
