//! What the system says of every node of a real tree, as lines to compare: an independent look at what was extracted.

use std::fmt::Write as _;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use rustix::fs::{self as os, IFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::input;

/// Differing lines that [`assert_same`] shows.
const SHOWN: usize = 6;

/// One line for each node, the root included, in the order of paths: type, mode, owner, time, device number, link target,
/// size and digest of the contents, chattr flags, and all extended attributes, of which ACLs and capabilities are some.
pub fn walk(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    visit(root, ".", &mut lines);
    lines
}

/// Panics unless both walks found the same; `what` says what was compared.
#[track_caller]
pub fn assert_same(left: &[String], right: &[String], what: &str) {
    let only = |these: &[String], those: &[String], sign: char| {
        let those: std::collections::BTreeSet<&String> = those.iter().collect();
        let lines = these.iter().filter(|line| !those.contains(line)).take(SHOWN);
        lines.fold(String::new(), |text, line| text + &format!("{sign} {line}\n"))
    };
    assert!(left == right, "{what}:\n{}{}", only(left, right, '-'), only(right, left, '+'));
}

fn visit(path: &Path, shown: &str, lines: &mut Vec<String>) {
    let failed = |error| panic!("{}: {error}", path.display());
    let metadata = fs::symlink_metadata(path).unwrap_or_else(failed);
    let mut line = format!(
        "{shown} {} {:04o} {}:{} {}.{:09}",
        kind(&metadata),
        metadata.mode() & 0o7777,
        metadata.uid(),
        metadata.gid(),
        metadata.mtime(),
        metadata.mtime_nsec(),
    );
    if metadata.is_file() {
        let contents = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        write!(line, " {}={}", contents.len(), &input::sha256(&contents)[..16]).unwrap();
    } else if metadata.is_symlink() {
        let target = fs::read_link(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        write!(line, " -> {}", target.as_os_str().as_bytes().escape_ascii()).unwrap();
    } else if kind(&metadata) == 'b' || kind(&metadata) == 'c' {
        write!(line, " {:x}", metadata.rdev()).unwrap();
    }
    if metadata.is_file() || metadata.is_dir() {
        write!(line, " {:x}", flags(path)).unwrap();
    }
    for (name, value) in xattrs(path) {
        write!(line, " {}={}", name.escape_ascii(), value.escape_ascii()).unwrap();
    }
    lines.push(line);
    if metadata.is_dir() {
        let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut names: Vec<_> = entries.map(|entry| entry.expect("a directory entry").file_name()).collect();
        names.sort();
        for name in names {
            visit(&path.join(&name), &format!("{shown}/{}", name.as_bytes().escape_ascii()), lines);
        }
    }
}

fn kind(metadata: &Metadata) -> char {
    let kind = metadata.file_type();
    match () {
        () if kind.is_file() => '-',
        () if kind.is_dir() => 'd',
        () if kind.is_symlink() => 'l',
        () if kind.is_fifo() => 'p',
        () if kind.is_socket() => 's',
        () if kind.is_block_device() => 'b',
        () => 'c',
    }
}

/// The chattr flags that a user sets; others tell how the file system keeps the file.
fn flags(path: &Path) -> u32 {
    let kept = IFlags::APPEND
        | IFlags::NOATIME
        | IFlags::COMPRESSED
        | IFlags::NOCOW
        | IFlags::NODUMP
        | IFlags::DIRSYNC
        | IFlags::IMMUTABLE
        | IFlags::SYNC
        | IFlags::PROJECT_INHERIT;
    let open = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = os::open(path, open, Mode::empty()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    os::ioctl_getflags(&fd).map_or(0, |flags| (flags & kept).bits())
}

/// All extended attributes of a node, in every namespace, in the order of names: ACLs, capabilities and labels too.
pub(crate) fn xattrs(path: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut buffer = vec![0; 1 << 16];
    let length = match os::llistxattr(path, buffer.as_mut_slice()) {
        Err(Errno::OPNOTSUPP) => 0,
        length => length.unwrap_or_else(|error| panic!("{}: {error}", path.display())),
    };
    let mut names: Vec<Vec<u8>> = buffer[..length].split_inclusive(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
    names.sort();
    let value = |name: Vec<u8>| {
        let c_name = std::ffi::CStr::from_bytes_with_nul(&name).expect("names end with NUL");
        let mut buffer = vec![0; 1 << 16];
        let length = os::lgetxattr(path, c_name, buffer.as_mut_slice()).expect("an attribute that is listed");
        buffer.truncate(length);
        (c_name.to_bytes().to_vec(), buffer)
    };
    names.into_iter().map(value).collect()
}
