//! Trees with all that tar files can hold, and tar files put together by hand.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use casync_tests::random::Rng;
use casync_tests::sandbox::Sandbox;
use casync_tests::skip::skip;
use casync_tests::tool::which;
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags, makedev, mknodat, setxattr, utimensat,
};

/// Leaves out what tar files do not hold.
pub(crate) const NO_FLAGS: [&str; 2] = ["--without=chattr", "--without=quota-projid"];

/// Whether GNU tar is there; a skip is told.
pub(crate) fn has_gnu_tar(sandbox: &Sandbox) -> bool {
    let is_gnu = which("tar").is_some() && sandbox.run("tar", ["--version"]).text().contains("GNU tar");
    if !is_gnu {
        skip("GNU tar is not installed");
    }
    is_gnu
}

/// Whether this is root, who alone can make all kinds of nodes; a skip is told.
pub(crate) fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        skip("only root can make devices, owners and trusted attributes");
    }
    is_root
}

/// A directory `tree` with every kind of node and metadata that a tar can hold.
pub(crate) fn tree(sandbox: &Sandbox) {
    let mut rng = Rng::new(3);
    sandbox.write("tree/plain", "hello\n");
    sandbox.write("tree/empty-file", "");
    sandbox.write("tree/block", rng.bytes(512));
    sandbox.write("tree/large", rng.bytes(1_000_000));
    sandbox.write("tree/d/e/f", "deep");
    sandbox.write(Path::new("tree").join(OsStr::from_bytes(b"not \xff utf-8\nat all")), "x");
    let long = |byte: char, length: usize| String::from(byte).repeat(length);
    // One more than what fits into the name of a header, what needs its prefix, and what fits into neither.
    sandbox.write(format!("tree/{}", long('a', 99)), "a");
    sandbox.write(format!("tree/{}/{}", long('p', 120), long('b', 90)), "b");
    sandbox.write(format!("tree/{}/{}", long('q', 255), long('c', 255)), "c");
    symlink("../nowhere", sandbox.path("tree/link")).unwrap();
    symlink(long('t', 100), sandbox.path("tree/link-100")).unwrap();
    symlink(long('t', 4000), sandbox.path("tree/link-4000")).unwrap();
    fs::hard_link(sandbox.path("tree/d/e/f"), sandbox.path("tree/aa-hard")).unwrap();
    fs::hard_link(sandbox.path("tree/d/e/f"), sandbox.path("tree/zz-hard")).unwrap();
    fs::create_dir(sandbox.path("tree/empty")).unwrap();
    sparse(sandbox, "tree/sparse", &[3_000_000, 9_000_000], 9_000_005);
    sparse(sandbox, "tree/hole", &[], 2_000_000);
    let many: Vec<u64> = (0..60).map(|number| number * 65_536).collect();
    sparse(sandbox, "tree/many-holes", &many, 60 * 65_536);
    sandbox.write("tree/excluding/.caexclude", "left-*\n");
    sandbox.write("tree/excluding/left-out", "");
    sandbox.write("tree/excluding/stays", "");

    let node = |name: &str, kind, device| {
        mknodat(CWD, sandbox.path(name), kind, Mode::from_raw_mode(0o640), device).unwrap();
    };
    node("tree/fifo", FileType::Fifo, 0);
    node("tree/character", FileType::CharacterDevice, makedev(1, 3));
    node("tree/disk", FileType::BlockDevice, makedev(4095, 1_048_575));

    for (name, key, value) in [
        ("plain", "user.newline", &b"a\nb=\n12 c=d\n\0\xff"[..]),
        ("plain", "user.a=b%25c", b"odd name"),
        ("plain", "user.empty", b""),
        ("d", "trusted.directory", b"yes"),
        ("large", "security.capability", b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        // user::rw-, user:1:r--, group::r--, group:12345:-w-, mask::rw-, other::---
        (
            "block",
            "system.posix_acl_access",
            &acl(&[(1, 6, !0), (2, 4, 1), (4, 4, !0), (8, 2, 12_345), (16, 6, !0), (32, 0, !0)]),
        ),
        // The same without names, for what is made below; without a mask for the other.
        ("d", "system.posix_acl_default", &acl(&[(1, 7, !0), (2, 5, 1), (4, 5, !0), (16, 7, !0), (32, 1, !0)])),
        ("empty", "system.posix_acl_default", &acl(&[(1, 7, !0), (4, 5, !0), (32, 0, !0)])),
    ] {
        let path = sandbox.path(format!("tree/{name}"));
        setxattr(&path, key, value, XattrFlags::empty()).unwrap_or_else(|error| panic!("{name} {key}: {error}"));
    }
    for (name, uid, gid) in [("plain", 1, 2), ("fifo", 3_000_000, 4_000_000_000), ("d", 54_321, 0)] {
        std::os::unix::fs::chown(sandbox.path(format!("tree/{name}")), Some(uid), Some(gid)).unwrap();
    }
    for (name, mode) in [("large", 0o4755), ("empty", 0o1777), ("empty-file", 0)] {
        fs::set_permissions(sandbox.path(format!("tree/{name}")), Permissions::from_mode(mode)).unwrap();
    }
    for (name, seconds, nanoseconds) in
        [("plain", 1_234_567_890, 123_456_789), ("large", 7, 0), ("empty", 1, 500_000_000), ("block", 9_000_000_000, 0)]
    {
        set_time(&sandbox.path(format!("tree/{name}")), seconds, nanoseconds);
    }
    set_time(&sandbox.path("tree"), 1_000_000_000, 1);
}

/// A file of holes, with a few bytes at these offsets.
fn sparse(sandbox: &Sandbox, name: &str, data: &[u64], size: u64) {
    let file = File::create(sandbox.path(name)).unwrap();
    for &offset in data {
        file.write_all_at(format!("at {}", offset % 97).as_bytes(), offset).unwrap();
    }
    file.set_len(size).unwrap();
}

fn set_time(path: &Path, seconds: i64, nanoseconds: i64) {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

/// An ACL as the kernel has it: tags, permissions, ids.
fn acl(entries: &[(u16, u16, u32)]) -> Vec<u8> {
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        bytes.extend_from_slice(&tag.to_le_bytes());
        bytes.extend_from_slice(&permissions.to_le_bytes());
        bytes.extend_from_slice(&id.to_le_bytes());
    }
    bytes
}

/// Makes an archive and returns its bytes.
#[track_caller]
pub(crate) fn archive(sandbox: &Sandbox, input: &str, options: &[&str]) -> Vec<u8> {
    let arguments = ["make", "made.catar", input].into_iter().chain(options.iter().copied());
    sandbox.casync(arguments).success();
    sandbox.read("made.catar")
}

/// What an archive lists, as text.
#[track_caller]
pub(crate) fn list(sandbox: &Sandbox, archive: &str) -> String {
    String::from_utf8(sandbox.casync(["list", archive]).success()).expect("list escapes names")
}

/// Runs GNU tar with all metadata.
#[track_caller]
pub(crate) fn gnu_tar(sandbox: &Sandbox, options: &[&str]) {
    let all = ["--xattrs", "--xattrs-include=*", "--acls"];
    let arguments: Vec<OsString> = all.iter().chain(options).map(OsString::from).collect();
    sandbox.run("tar", arguments).success();
}

/// A header with a right checksum, data and what fills their last block.
pub(crate) fn member(name: &[u8], kind: u8, link: &[u8], data: &[u8]) -> Vec<u8> {
    let mut header = [0; 512];
    header[..name.len()].copy_from_slice(name);
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
    header[136..147].copy_from_slice(b"00000000007");
    header[156] = kind;
    header[157..157 + link.len()].copy_from_slice(link);
    header[257..265].copy_from_slice(b"ustar\x0000");
    with_checksum(&mut header);
    let mut member = header.to_vec();
    member.extend_from_slice(data);
    member.resize(member.len().next_multiple_of(512), 0);
    member
}

/// Records of an extended header, `KEY=VALUE` each.
pub(crate) fn records(records: &[&str]) -> Vec<u8> {
    let emit = |text: &&str| {
        // Length and blank, text, newline.
        let is_right = |length: &usize| length.to_string().len() + text.len() + 2 == *length;
        let length = (1..).find(is_right).expect("there is a length that counts itself");
        format!("{length} {text}\n")
    };
    records.iter().map(emit).collect::<String>().into_bytes()
}

/// Sets the checksum of a header right.
pub(crate) fn with_checksum(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header[..512].iter().map(|&byte| u32::from(byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
}

/// A whole tar of these members.
pub(crate) fn tar(members: &[Vec<u8>]) -> Vec<u8> {
    let mut tar = members.concat();
    tar.extend_from_slice(&[0; 1024]);
    tar
}
