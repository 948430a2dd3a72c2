//! The headers of a member that is written: ustar, with pax records for what that cannot hold and for nothing else, so that
//! equal trees make equal tars.

use casync_core::archive::{Content, FileType, IdShift, Metadata, Node};
use casync_core::record::FeatureFlags;
use rustix::io::Errno;
use tar::{EntryType, Header};

use super::{acl, pax};
use crate::error::{Error, Result};

/// Largest numbers in the fields of a ustar header: octal digits and a NUL.
const ID_MAX: u64 = 0o777_7777;
const LONG_MAX: u64 = 0o777_7777_7777;

/// What is written of metadata.
#[derive(Clone, Copy, Debug)]
pub struct TarOptions {
    /// Which ([`FeatureFlags::replayed`]).
    pub features: FeatureFlags,
    /// How ids in the tar differ from those in the archive.
    pub shift: IdShift,
}

/// All headers of a member; `path` ends in a slash if it is a directory.
pub(super) fn of(path: &[u8], node: &Node, options: TarOptions) -> Result<Vec<u8>> {
    let TarOptions { features, shift } = options;
    let mut header = Header::new_ustar();
    let mut records = Vec::new();
    set_path(&mut header, path, &mut records);
    header.set_size(0);
    match &node.content {
        Content::Directory => header.set_entry_type(EntryType::Directory),
        Content::Regular { size } => {
            header.set_entry_type(EntryType::Regular);
            header.set_size(number(*size, LONG_MAX, b"size", &mut records));
        }
        Content::Symlink { target } => {
            header.set_entry_type(EntryType::Symlink);
            if !put(&mut header.as_old_mut().linkname, target) {
                pax::emit(b"linkpath", target, &mut records);
            }
        }
        Content::Block(device) | Content::Character(device) => {
            let is_block = node.content.file_type() == FileType::Block;
            header.set_entry_type(if is_block { EntryType::Block } else { EntryType::Char });
            header.set_device_major(device.major)?;
            header.set_device_minor(device.minor)?;
        }
        Content::Fifo => header.set_entry_type(EntryType::Fifo),
        Content::Socket => return Err(Error::new(Errno::OPNOTSUPP, "tar files hold no sockets")),
    }
    let metadata = &node.metadata;
    let mode = mode(node.content.file_type(), metadata.permissions, features);
    header.set_mode(mode);
    owners(&mut header, metadata, options, &mut records)?;
    let seconds = if features.intersects(FeatureFlags::TIMES) { time(&mut header, metadata, &mut records) } else { 0 };
    if features.contains(FeatureFlags::ACL) {
        if let Some(acl) = &metadata.acl {
            pax::emit(b"SCHILY.acl.access", &acl::access_text(acl, mode, shift)?, &mut records);
        }
        if let Some(acl) = &metadata.default_acl {
            pax::emit(b"SCHILY.acl.default", &acl::default_text(acl, shift)?, &mut records);
        }
    }
    if let Some(label) = metadata.selinux.as_ref().filter(|_| features.contains(FeatureFlags::SELINUX)) {
        pax::emit(b"RHT.security.selinux", label, &mut records);
    }
    if features.contains(FeatureFlags::XATTRS) {
        for xattr in &metadata.xattrs {
            pax::emit(&attribute(&xattr.name), &xattr.value, &mut records);
        }
    }
    if let Some(capabilities) = metadata.fcaps.as_ref().filter(|_| features.contains(FeatureFlags::FCAPS)) {
        pax::emit(&attribute(b"security.capability"), capabilities, &mut records);
    }
    header.set_cksum();
    let mut headers = Vec::new();
    if !records.is_empty() {
        extended(path, seconds, &records, &mut headers);
    }
    headers.extend_from_slice(header.as_bytes());
    Ok(headers)
}

/// The header that says of its records that they belong to the next member.
fn extended(path: &[u8], seconds: u64, records: &[u8], out: &mut Vec<u8>) {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::XHeader);
    let path = path.strip_suffix(b"/").unwrap_or(path);
    let last = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let mut name = b"./PaxHeaders/".to_vec();
    name.extend_from_slice(last);
    // Nobody needs this name whole: it only shows in programs that do not know what an extended header is.
    name.truncate(header.as_old().name.len());
    put(&mut header.as_old_mut().name, &name);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(seconds);
    header.set_size(records.len() as u64);
    header.set_cksum();
    out.extend_from_slice(header.as_bytes());
    out.extend_from_slice(records);
    out.resize(out.len().next_multiple_of(512), 0);
}

/// Fills a field; false if the value does not fit.
fn put(field: &mut [u8], value: &[u8]) -> bool {
    let fits = value.len() <= field.len();
    if fits {
        field[..value.len()].copy_from_slice(value);
    }
    fits
}

fn set_path(header: &mut Header, path: &[u8], records: &mut Vec<u8>) {
    let Some(ustar) = header.as_ustar_mut() else { return };
    if put(&mut ustar.name, path) {
        return;
    }
    let (name_max, prefix_max) = (ustar.name.len(), ustar.prefix.len());
    let is_split = |at: &usize| path[*at] == b'/' && *at <= prefix_max && path.len() - at - 1 <= name_max;
    match (1..path.len() - 1).find(is_split) {
        Some(at) => {
            put(&mut ustar.prefix, &path[..at]);
            put(&mut ustar.name, &path[at + 1..]);
        }
        None => {
            put(&mut ustar.name, &path[path.len() - name_max..]);
            pax::emit(b"path", path, records);
        }
    }
}

/// A number for a field, or 0 and a record if it is too large.
fn number(value: u64, max: u64, key: &[u8], records: &mut Vec<u8>) -> u64 {
    if value <= max {
        return value;
    }
    pax::emit(key, value.to_string().as_bytes(), records);
    0
}

/// Sets the time, with a record if it has a fraction; returns the seconds as the header has them.
fn time(header: &mut Header, metadata: &Metadata, records: &mut Vec<u8>) -> u64 {
    let (seconds, nanoseconds) = metadata.mtime.to_unix();
    if nanoseconds > 0 {
        let text = format!("{seconds}.{nanoseconds:09}");
        pax::emit(b"mtime", text.trim_end_matches('0').as_bytes(), records);
    }
    let mut unneeded = Vec::new();
    let records = if nanoseconds > 0 { &mut unneeded } else { records };
    let seconds = number(seconds, LONG_MAX, b"mtime", records);
    header.set_mtime(seconds);
    seconds
}

/// The permission bits that an extracted node would have, under the umask that most people have.
fn mode(file_type: FileType, stored: u32, features: FeatureFlags) -> u32 {
    let (open, closed) = if file_type == FileType::Directory { (0o755, 0o555) } else { (0o644, 0o444) };
    if file_type == FileType::Symlink || features.intersects(FeatureFlags::PERMISSIONS | FeatureFlags::ACL) {
        stored
    } else if features.contains(FeatureFlags::READ_ONLY) && stored & 0o222 == 0 {
        closed
    } else {
        open
    }
}

fn owners(header: &mut Header, metadata: &Metadata, options: TarOptions, records: &mut Vec<u8>) -> Result<()> {
    let has_names = options.features.contains(FeatureFlags::USER_NAMES);
    let user = metadata.user.as_deref().filter(|_| has_names);
    let group = metadata.group.as_deref().filter(|_| has_names);
    let uid = owner_id(metadata.uid, user, options)?;
    let gid = owner_id(metadata.gid, group, options)?;
    header.set_uid(number(uid.into(), ID_MAX, b"uid", records));
    header.set_gid(number(gid.into(), ID_MAX, b"gid", records));
    // compat: archives leave out this one name.
    let root = |id: u32| (has_names && id == 0).then_some(&b"root"[..]);
    let Some(ustar) = header.as_ustar_mut() else { return Ok(()) };
    for (key, field, name) in [
        (&b"uname"[..], &mut ustar.uname, user.or_else(|| root(uid))),
        (b"gname", &mut ustar.gname, group.or_else(|| root(gid))),
    ] {
        let Some(name) = name else { continue };
        // These two fields end with a NUL.
        let room = field.len() - 1;
        if !put(&mut field[..room], name) {
            pax::emit(key, name, records);
        }
    }
    Ok(())
}

/// The id of an owner; without numbers in the archive that may be its name.
fn owner_id(id: u32, name: Option<&[u8]>, options: TarOptions) -> Result<u32> {
    let stored = if options.features.intersects(FeatureFlags::UIDS) {
        id
    } else {
        name.and_then(pax::number).and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
    };
    shifted(stored, options.shift)
}

/// An id of the archive as it is in the tar.
pub(super) fn shifted(id: u32, shift: IdShift) -> Result<u32> {
    shift.to_host(id).ok_or_else(|| Error::new(Errno::INVAL, format!("the owner id {id} cannot be shifted")))
}

/// The key of an extended attribute, with the two bytes encoded that GNU tar encodes.
fn attribute(name: &[u8]) -> Vec<u8> {
    let mut key = b"SCHILY.xattr.".to_vec();
    for &byte in name {
        match byte {
            b'=' => key.extend_from_slice(b"%3D"),
            b'%' => key.extend_from_slice(b"%25"),
            other => key.push(other),
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use casync_core::archive::Timestamp;

    use super::*;
    use crate::tar::pax::Records;

    /// The records of a member with this path and node, and the header itself.
    fn written(path: &[u8], metadata: Metadata, content: Content) -> (Vec<(String, String)>, Header) {
        let options = TarOptions { features: FeatureFlags::ALL.normalized(), shift: IdShift::default() };
        let headers = of(path, &Node { metadata, content }, options).unwrap();
        let (extended, header) = headers.split_at(headers.len() - 512);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let records = match extended.split_at_checked(512) {
            Some((first, records)) => {
                let size = Header::from_byte_slice(first).entry_size().unwrap() as usize;
                let pairs = Records(&records[..size]).map(|record| record.unwrap());
                pairs.map(|(key, value)| (text(key), text(value))).collect()
            }
            None => Vec::new(),
        };
        (records, Header::from_byte_slice(header).clone())
    }

    #[test]
    fn fields_overflow_into_records() {
        let fits =
            Metadata { uid: 0o777_7777, gid: 7, mtime: Timestamp::from_unix(0o77_7777_7777, 0), ..Metadata::default() };
        let (records, header) = written(b"./a", fits, Content::Regular { size: LONG_MAX });
        assert_eq!(records, []);
        assert_eq!((header.entry_size().unwrap(), header.uid().unwrap()), ((8 << 30) - 1, 0o777_7777));

        let exceeds = Metadata {
            uid: 0o1000_0000,
            gid: u32::MAX - 1,
            user: Some("n".repeat(40).into_bytes().into()),
            mtime: Timestamp::from_unix(5, 120_000_000),
            ..Metadata::default()
        };
        let (records, header) = written(b"./a", exceeds, Content::Regular { size: 8 << 30 });
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            records,
            [
                pair("size", "8589934592"),
                pair("uid", "2097152"),
                pair("gid", "4294967294"),
                pair("uname", &"n".repeat(40)),
                pair("mtime", "5.12"),
            ]
        );
        assert_eq!(header.mtime().unwrap(), 5);
    }

    #[test]
    fn paths_are_split_where_they_can() {
        for (directory, name, has_record) in [(50, 49, false), (155, 100, false), (156, 10, true), (10, 101, true)] {
            let path = format!("{}/{}", "d".repeat(directory), "n".repeat(name));
            let (records, header) = written(path.as_bytes(), Metadata::default(), Content::Fifo);
            assert_eq!(!records.is_empty(), has_record, "{directory} {name}");
            assert!(has_record || *header.path_bytes() == *path.as_bytes());
            // A directory's slash at the end is no place to split at.
            let (records, _) =
                written(format!("{}/", "d".repeat(100)).as_bytes(), Metadata::default(), Content::Directory);
            assert_eq!(records.len(), 1);
        }
    }
}
