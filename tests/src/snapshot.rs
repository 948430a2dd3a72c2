//! What a tree is, asked of the system without any code of the product.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;
use std::process::Command;

use rustix::fs::{IFlags, ioctl_getflags};
use sha2::{Digest as _, Sha256};

use crate::walk::xattrs;

/// Facts of a tree, by path and by what they are about: `mode`, `owner`, `time`, `xattr NAME`, `flags`, `project`…
pub type Snapshot = BTreeMap<(String, String), String>;

/// The chattr flags that archives can store.
const STORED: u32 = 0x20 | 0x80 | 0x04 | 0x0080_0000 | 0x40 | 0x0001_0000 | 0x10 | 0x08 | 0x400 | 0x2000_0000;

/// Takes down everything of a tree that an archive can hold.
pub fn snapshot(root: &Path) -> Snapshot {
    let mut facts = Snapshot::new();
    add(root, ".", &mut facts);
    add_projects(root, &mut facts);
    facts
}

/// What differs between two trees, fact by fact, except what `ignored` says of (path, what).
pub fn differences(left: &Snapshot, right: &Snapshot, ignored: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut keys: Vec<_> = left.keys().chain(right.keys()).filter(|(path, what)| !ignored(path, what)).collect();
    keys.sort();
    keys.dedup();
    let differing = keys.into_iter().filter(|key| left.get(*key) != right.get(*key));
    differing.map(|key| format!("{} {}: {:?} / {:?}", key.0, key.1, left.get(key), right.get(key))).collect()
}

fn add(path: &Path, shown: &str, facts: &mut Snapshot) {
    let metadata = path.symlink_metadata().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut fact = |what: &str, value: String| facts.insert((shown.to_owned(), what.to_owned()), value);
    fact("content", content(path, &metadata));
    fact("mode", format!("{:o}", metadata.mode()));
    fact("owner", format!("{}:{}", metadata.uid(), metadata.gid()));
    fact("time", format!("{}.{:09}", metadata.mtime(), metadata.mtime_nsec()));
    // What begins so is another view of what is listed as an ACL as well.
    for (name, value) in xattrs(path).into_iter().filter(|(name, _)| !name.starts_with(b"trusted.SGI_")) {
        let name = String::from_utf8_lossy(&name);
        fact(&format!("xattr {name}"), format!("{:?}", value.escape_ascii().to_string()));
    }
    if metadata.is_file() || metadata.is_dir() {
        let flags = std::fs::File::open(path).ok().and_then(|file| ioctl_getflags(file).ok());
        fact("flags", format!("{:x}", flags.unwrap_or(IFlags::empty()).bits() & STORED));
    }
    if metadata.is_dir() {
        let entries = std::fs::read_dir(path).expect("a directory").map(|entry| entry.expect("an entry"));
        for entry in entries {
            let name = entry.file_name().as_bytes().escape_ascii().to_string();
            add(&entry.path(), &format!("{shown}/{name}"), facts);
        }
    }
}

fn content(path: &Path, metadata: &Metadata) -> String {
    let file_type = metadata.file_type();
    if file_type.is_dir() {
        // The root of a btrfs subvolume has this number.
        return if metadata.ino() == 256 { "subvolume".to_owned() } else { "directory".to_owned() };
    }
    if file_type.is_symlink() {
        return format!("link to {:?}", std::fs::read_link(path).expect("a link"));
    }
    if file_type.is_file() {
        let mut bytes = Vec::new();
        std::fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)).expect("a readable file");
        return format!("{} bytes {:x?}", bytes.len(), &Sha256::digest(&bytes)[..8]);
    }
    let kind = if file_type.is_fifo() {
        "pipe"
    } else if file_type.is_socket() {
        "socket"
    } else if file_type.is_block_device() {
        "block device"
    } else {
        "character device"
    };
    format!("{kind} {:x}", metadata.rdev())
}

/// Quota project ids as `lsattr` tells them; file systems without are passed over.
fn add_projects(root: &Path, facts: &mut Snapshot) {
    let list = "find . \\( -type f -o -type d \\) -print0 | xargs -0 lsattr -dp 2>/dev/null; true";
    let output = Command::new("sh").args(["-c", list]).current_dir(root).output().expect("a shell");
    for line in output.stdout.split(|&byte| byte == b'\n') {
        let line = line.escape_ascii().to_string();
        let mut words = line.trim_start().splitn(3, ' ');
        if let (Some(project), Some(_), Some(path)) = (words.next(), words.next(), words.next()) {
            facts.insert((path.to_owned(), "project".to_owned()), project.to_owned());
        }
    }
}
