//! The records of POSIX access control lists (spec: catar.md 4.8).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::header::{HEADER_SIZE, Header, RecordKind, put, read};
use super::text::check_owner_name;
use crate::error::{Malformed, Result};

/// Read, write and execute bits of one ACL entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AclPermissions(u8);

impl AclPermissions {
    /// From the bits 4 (read), 2 (write) and 1 (execute).
    ///
    /// # Errors
    ///
    /// [`Malformed::AclPermissions`] for any other bit.
    pub fn new(bits: u64) -> Result<Self> {
        match u8::try_from(bits) {
            Ok(low @ 0..=7) => Ok(Self(low)),
            _ => Err(Malformed::AclPermissions(bits).into()),
        }
    }

    /// The bits.
    pub const fn bits(self) -> u8 {
        self.0
    }
}

/// A named user's or group's entry. The order is that of the archive: by id, then without name first, then by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AclEntry {
    /// User or group id, shifted like owners; 0 if the archive stores no ids.
    pub id: u32,
    /// Name, if the archive stores names and the writer knew one.
    pub name: Option<Box<[u8]>>,
    /// What the entry permits.
    pub permissions: AclPermissions,
}

impl AclEntry {
    /// Parses a whole record whose header has been checked.
    ///
    /// # Errors
    ///
    /// [`Malformed`] for a size between the forms with and without name, and for impossible ids, permissions and names.
    pub fn parse(kind: RecordKind, record: &[u8]) -> Result<Self> {
        let id = read(record, HEADER_SIZE);
        let name = match &record[HEADER_SIZE + 16..] {
            [] => None,
            [name @ .., 0] if !name.contains(&0) => {
                check_owner_name(name)?;
                Some(name.into())
            }
            _ => return Err(Malformed::RecordSize { kind, size: record.len() as u64 }.into()),
        };
        Ok(Self {
            id: u32::try_from(id).map_err(|_| Malformed::Id(id))?,
            name,
            permissions: AclPermissions::new(read(record, HEADER_SIZE + 8))?,
        })
    }

    /// Appends the record.
    pub fn emit(&self, kind: RecordKind, out: &mut Vec<u8>) {
        let name = self.name.as_ref().map_or(0, |name| name.len() + 1);
        Header { size: (HEADER_SIZE + 16 + name) as u64, kind }.emit(out);
        put(&[u64::from(self.id), u64::from(self.permissions.bits())], out);
        if let Some(name) = &self.name {
            out.extend_from_slice(name);
            out.push(0);
        }
    }
}

/// The fixed entries of a directory's default ACL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AclDefault {
    /// The owning user's.
    pub user: AclPermissions,
    /// The owning group's.
    pub group: AclPermissions,
    /// Everybody else's.
    pub other: AclPermissions,
    /// The mask, if the ACL has one.
    pub mask: Option<AclPermissions>,
}

impl AclDefault {
    /// Stands for a missing mask on the wire.
    const NO_MASK: u64 = u64::MAX;

    /// Parses a whole record whose header has been checked.
    ///
    /// # Errors
    ///
    /// [`Malformed::AclPermissions`].
    pub fn parse(record: &[u8]) -> Result<Self> {
        let field = |index: usize| AclPermissions::new(read(record, HEADER_SIZE + 8 * index));
        let mask = match read(record, HEADER_SIZE + 24) {
            Self::NO_MASK => None,
            bits => Some(AclPermissions::new(bits)?),
        };
        Ok(Self { user: field(0)?, group: field(1)?, other: field(2)?, mask })
    }

    /// Appends the record.
    pub fn emit(&self, out: &mut Vec<u8>) {
        Header { size: 48, kind: RecordKind::AclDefault }.emit(out);
        let [user, group, other] = [self.user, self.group, self.other].map(|bits| u64::from(bits.bits()));
        put(&[user, group, other, self.mask.map_or(Self::NO_MASK, |mask| u64::from(mask.bits()))], out);
    }
}
