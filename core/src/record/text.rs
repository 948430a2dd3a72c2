//! Records that hold strings: USER, GROUP, FILENAME, SYMLINK, SELINUX, XATTR (spec: catar.md 2.1).

use alloc::vec::Vec;

use super::header::{HEADER_SIZE, Header, RecordKind};
use crate::error::{Malformed, Result};

/// The string of a record that ends with a NUL, without that NUL.
///
/// `None` if the NUL is missing or not the only one.
pub(crate) fn text_body(record: &[u8]) -> Option<&[u8]> {
    let (&0, text) = record[HEADER_SIZE..].split_last()? else { return None };
    (!text.contains(&0)).then_some(text)
}

/// Appends a record that holds a string.
pub(crate) fn emit_text(kind: RecordKind, text: &[u8], out: &mut Vec<u8>) {
    Header { size: (HEADER_SIZE + text.len() + 1) as u64, kind }.emit(out);
    out.extend_from_slice(text);
    out.push(0);
}

/// Checks a user or group name as found in an archive.
///
/// Upstream accepts only names like identifiers but writes whatever the user database holds. All of that is accepted
/// here: 1 to 255 bytes without control characters, `/` and `:`. The name `root` is never stored: id 0 has no name.
///
/// # Errors
///
/// [`Malformed::OwnerName`].
pub fn check_owner_name(name: &[u8]) -> Result<()> {
    let impossible = name.is_empty()
        || name.len() > 255
        || name == b"root"
        || name.iter().any(|&byte| byte.is_ascii_control() || byte == b'/' || byte == b':');
    if impossible { Err(Malformed::OwnerName.into()) } else { Ok(()) }
}

/// The target of a symbolic link: 1 to 4095 bytes without NUL, otherwise anything.
#[derive(Clone, Copy, Debug)]
pub struct SymlinkTarget;

impl SymlinkTarget {
    /// Longest target, in bytes.
    pub const MAX: usize = 4095;

    /// Checks a target.
    ///
    /// # Errors
    ///
    /// [`Malformed::Target`].
    pub fn check(target: &[u8]) -> Result<()> {
        let possible = (1..=Self::MAX).contains(&target.len()) && !target.contains(&0);
        if possible { Ok(()) } else { Err(Malformed::Target.into()) }
    }
}

/// A SELinux label: 1 to 4095 bytes without NUL.
#[derive(Clone, Copy, Debug)]
pub struct SelinuxLabel;

impl SelinuxLabel {
    /// Longest label, in bytes.
    pub const MAX: usize = 4095;

    /// Checks a label.
    ///
    /// # Errors
    ///
    /// [`Malformed::Label`].
    pub fn check(label: &[u8]) -> Result<()> {
        let possible = (1..=Self::MAX).contains(&label.len()) && !label.contains(&0);
        if possible { Ok(()) } else { Err(Malformed::Label.into()) }
    }
}

/// An extended attribute record: name, NUL, value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XattrRecord<'a> {
    /// The name, of the name spaces `user.` or `trusted.`.
    pub name: &'a [u8],
    /// The value, which may be empty and may hold NULs.
    pub value: &'a [u8],
}

impl<'a> XattrRecord<'a> {
    /// Longest name, in bytes.
    pub const NAME_MAX: usize = 255;
    /// Longest value, in bytes: the record's largest size less its header, the longest name and its NUL.
    pub const VALUE_MAX: usize = 65_536;

    /// Parses a whole record whose header has been checked.
    ///
    /// # Errors
    ///
    /// [`Malformed::XattrName`] for a name that is impossible or of a name space that archives do not hold.
    pub fn parse(record: &'a [u8]) -> Result<Self> {
        let body = &record[HEADER_SIZE..];
        let name_end = body.iter().position(|&byte| byte == 0).ok_or(Malformed::XattrName)?;
        let (name, value) = (&body[..name_end], &body[name_end + 1..]);
        // Upstream's reader takes any name space and would set `security.capability` from here.
        if Self::is_stored(name) && value.len() <= Self::VALUE_MAX {
            Ok(Self { name, value })
        } else {
            Err(Malformed::XattrName.into())
        }
    }

    /// Whether attributes of this name are stored as XATTR records.
    pub fn is_stored(name: &[u8]) -> bool {
        let spaced =
            [b"user.".as_slice(), b"trusted."].iter().any(|space| name.len() > space.len() && name.starts_with(space));
        spaced && name.len() <= Self::NAME_MAX && !name.contains(&0)
    }

    /// Appends the record.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let size = HEADER_SIZE + self.name.len() + 1 + self.value.len();
        Header { size: size as u64, kind: RecordKind::Xattr }.emit(out);
        out.extend_from_slice(self.name);
        out.push(0);
        out.extend_from_slice(self.value);
    }
}
