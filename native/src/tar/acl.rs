//! ACLs as tar files have them: the text of `SCHILY.acl.*` records.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use casync_core::archive::{Acl, DefaultAcl, IdShift};
use casync_core::record::{AclEntry, AclPermissions};
use rustix::io::Errno;

use super::header::shifted;
use super::pax::{malformed, number};
use crate::error::{Error, Result};
use crate::fs::meta::AclParts;

/// An access ACL: what it says beyond the permission bits, whose group bits are its mask.
pub(super) fn access(text: &[u8]) -> Result<Option<Box<Acl>>> {
    Ok(parse(text)?.into_access())
}

/// The default ACL of a directory.
pub(super) fn default(text: &[u8]) -> Result<Option<Box<DefaultAcl>>> {
    let acl = parse(text)?.into_default();
    if acl.is_none() && !text.is_empty() {
        return Err(malformed("an ACL"));
    }
    Ok(acl)
}

/// Entries `user:NAME:rwx` or, as star writes them, `user:NAME:rwx:ID`, by commas or one a line.
fn parse(text: &[u8]) -> Result<AclParts> {
    let mut parts = AclParts::default();
    for entry in text.split(|byte| matches!(byte, b',' | b'\n')) {
        let end = entry.iter().position(|byte| matches!(byte, b'#' | b'\t')).unwrap_or(entry.len());
        let entry = entry[..end].trim_ascii();
        let entry = entry.strip_prefix(b"default:").unwrap_or(entry);
        if entry.is_empty() {
            continue;
        }
        let mut fields = entry.split(|&byte| byte == b':');
        let bad = || malformed("an ACL");
        let (tag, who) = (fields.next().ok_or_else(bad)?, fields.next().ok_or_else(bad)?);
        // The short form of these two has no place for a name.
        let short = matches!(tag, b"mask" | b"m" | b"other" | b"o") && !who.is_empty();
        let text = if short { who } else { fields.next().ok_or_else(bad)? };
        let permissions = permissions(text)?;
        let id = fields.next().and_then(number);
        match (tag, who) {
            (b"user" | b"u", b"") => parts.user = Some(permissions),
            (b"group" | b"g", b"") => parts.group = Some(permissions),
            (b"mask" | b"m", _) => parts.mask = Some(permissions),
            (b"other" | b"o", _) => parts.other = Some(permissions),
            (b"user" | b"u", who) => {
                let look_up = |name: &OsStr| uzers::get_user_by_name(name).map(|user| user.uid());
                parts.users.push(named(who, id, permissions, look_up)?);
            }
            (b"group" | b"g", who) => {
                let look_up = |name: &OsStr| uzers::get_group_by_name(name).map(|group| group.gid());
                parts.groups.push(named(who, id, permissions, look_up)?);
            }
            _ => return Err(bad()),
        }
    }
    Ok(parts)
}

fn permissions(text: &[u8]) -> Result<AclPermissions> {
    let mut bits = 0;
    for byte in text {
        bits |= match byte {
            b'r' => 4,
            b'w' => 2,
            b'x' => 1,
            b'-' => 0,
            _ => return Err(malformed("an ACL")),
        };
    }
    Ok(AclPermissions::new(bits)?)
}

fn named(
    who: &[u8],
    id: Option<u64>,
    permissions: AclPermissions,
    look_up: impl FnOnce(&OsStr) -> Option<u32>,
) -> Result<AclEntry> {
    let as_number = number(who);
    let name = as_number.is_none().then(|| who.into());
    let id = match id.or(as_number) {
        Some(id) => u32::try_from(id).map_err(|_| malformed("an ACL"))?,
        None => look_up(OsStr::from_bytes(who)).ok_or_else(|| {
            let name = String::from_utf8_lossy(who);
            Error::new(Errno::SRCH, format!("an ACL names {name:?}, who is not known here"))
                .hint("leave ACLs out with --without=acl, or make the tar with --numeric-owner")
        })?,
    };
    Ok(AclEntry { id, name, permissions })
}

/// The text of an access ACL, whose mask is in the group bits of the mode. Named entries have the id behind them, as star
/// writes them and GNU tar reads them, so that no user database is needed.
pub(super) fn access_text(acl: &Acl, mode: u32, shift: IdShift) -> Result<Vec<u8>> {
    let bits = |shift: u32| (mode >> shift & 7) as u8;
    let group = acl.group.map_or_else(|| bits(3), AclPermissions::bits);
    text([bits(6), group, bits(0)], Some(bits(3)), &acl.users, &acl.groups, shift)
}

/// The text of a default ACL.
pub(super) fn default_text(acl: &DefaultAcl, shift: IdShift) -> Result<Vec<u8>> {
    let base = [acl.base.user, acl.base.group, acl.base.other].map(AclPermissions::bits);
    text(base, acl.base.mask.map(AclPermissions::bits), &acl.users, &acl.groups, shift)
}

fn text(
    [user, group, other]: [u8; 3],
    mask: Option<u8>,
    users: &[AclEntry],
    groups: &[AclEntry],
    shift: IdShift,
) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut add = |tag: &str, entry: Option<&AclEntry>, bits: u8| -> Result<()> {
        if !text.is_empty() {
            text.push(b',');
        }
        text.extend_from_slice(tag.as_bytes());
        text.push(b':');
        let id = entry.map(|entry| shifted(entry.id, shift)).transpose()?;
        match (entry.and_then(|entry| entry.name.as_deref()), id) {
            (Some(name), _) => text.extend_from_slice(name),
            (None, Some(id)) => text.extend_from_slice(id.to_string().as_bytes()),
            (None, None) => {}
        }
        text.push(b':');
        for (bit, letter) in [(4, b'r'), (2, b'w'), (1, b'x')] {
            text.push(if bits & bit == 0 { b'-' } else { letter });
        }
        text.extend(id.into_iter().flat_map(|id| format!(":{id}").into_bytes()));
        Ok(())
    };
    add("user", None, user)?;
    users.iter().try_for_each(|entry| add("user", Some(entry), entry.permissions.bits()))?;
    add("group", None, group)?;
    groups.iter().try_for_each(|entry| add("group", Some(entry), entry.permissions.bits()))?;
    mask.map_or(Ok(()), |mask| add("mask", None, mask))?;
    add("other", None, other)?;
    Ok(text)
}
