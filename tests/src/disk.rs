//! Random trees on a real file system: every kind of node with all the metadata that this machine lets us set.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{
    self as os, AtFlags, CWD, FileType, Gid, IFlags, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags,
};

use crate::input;
use crate::random::Rng;
use crate::skip::skip;

/// What this user may do on this file system.
#[derive(Clone, Copy, Debug)]
pub struct Abilities {
    /// Device nodes, foreign owners, privileged attributes.
    pub root: bool,
    /// Extended attributes of users.
    pub xattrs: bool,
    /// Access control lists.
    pub acls: bool,
    /// Flags of chattr(1).
    pub flags: bool,
    /// SELinux labels, on a kernel that does not look at them.
    pub labels: bool,
}

/// Which trees are grown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Whatever can be stored.
    Everything,
    /// Without what the C casync stores but does not extract: nodes with long names, nodes with the nodump
    /// flag.
    Extractable,
}

/// The outline of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A few directories of random size.
    Random,
    /// As many levels as an archive may have.
    Deep,
    /// Thousands of entries in one directory.
    Wide,
    /// Nothing but the root.
    Empty,
}

impl Abilities {
    /// Tries everything in a directory; tells what does not work as a skip.
    pub fn of(directory: &Path) -> Self {
        let probe = directory.join("probe");
        fs::write(&probe, b"").unwrap_or_else(|error| panic!("{}: {error}", probe.display()));
        let set = |name: &str, value: &[u8]| os::setxattr(&probe, name, value, XattrFlags::empty()).is_ok();
        let root = rustix::process::geteuid().is_root();
        let abilities = Self {
            root,
            xattrs: set("user.probe", b"x"),
            acls: set("system.posix_acl_access", &acl(0o7, &[54_321], &[], 0o5, 0)),
            flags: change_flags(&probe, IFlags::NOATIME, IFlags::empty()),
            // A kernel with SELinux refuses labels that its policy does not know, and labels everything itself.
            labels: root && !Path::new("/sys/fs/selinux").exists() && set("security.selinux", LABEL),
        };
        fs::remove_file(&probe).expect("the probe can be removed");
        let wanted = [
            (
                abilities.root,
                "not root: no foreign owners, devices, capabilities and privileged attributes in the trees",
            ),
            (abilities.xattrs, "the temporary directory keeps no user xattrs: none in the trees"),
            (abilities.acls, "the temporary directory keeps no ACLs: none in the trees"),
            (abilities.flags, "the temporary directory keeps no chattr flags: none in the trees"),
        ];
        wanted.into_iter().filter(|(able, _)| !able).for_each(|(_, why)| skip(why));
        abilities
    }
}

/// Makes a random tree; `root` must not exist yet.
pub fn grow(rng: &mut Rng, root: &Path, shape: Shape, scope: Scope, abilities: Abilities) {
    let left = if shape == Shape::Wide { 2_500 } else { rng.number(20..=90) };
    let mut grower = Grower { scope, abilities, left, made: Vec::new(), files: Vec::new() };
    grower.directory(rng, root.to_owned(), shape, 0);
    // Children before their directories, whose times they change; and nothing can be changed once it is immutable.
    while let Some((path, kind)) = grower.made.pop() {
        grower.dress(rng, &path, kind);
    }
}

/// Lets everything below a directory be removed again: no immutable files, no directories without permissions.
pub fn thaw(root: &Path) {
    let Ok(metadata) = fs::symlink_metadata(root) else { return };
    if metadata.is_file() || metadata.is_dir() {
        change_flags(root, IFlags::empty(), IFlags::IMMUTABLE | IFlags::APPEND);
    }
    if metadata.is_dir() {
        let _ = fs::set_permissions(root, fs::Permissions::from_mode(0o700));
        for entry in fs::read_dir(root).into_iter().flatten().flatten() {
            thaw(&entry.path());
        }
    }
}

/// Sets and clears chattr flags; false if that is not possible.
pub fn change_flags(path: &Path, set: IFlags, clear: IFlags) -> bool {
    let open = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(fd) = os::open(path, open, Mode::empty()) else { return false };
    let Ok(old) = os::ioctl_getflags(&fd) else { return false };
    let new = (old | set) - clear;
    new == old || os::ioctl_setflags(&fd, new).is_ok()
}

/// An access control list as the kernel takes it; the mask gives everything.
fn acl(user: u16, users: &[u32], groups: &[u32], group: u16, other: u16) -> Vec<u8> {
    const NOBODY: u32 = u32::MAX;
    let named = |tag: u16, ids: &[u32]| ids.iter().map(|id| (tag, (id % 8) as u16, *id)).collect::<Vec<_>>();
    let entries = [
        vec![(0x01, user, NOBODY)],
        named(0x02, users),
        vec![(0x04, group, NOBODY)],
        named(0x08, groups),
        vec![(0x10, 0o7, NOBODY), (0x20, other, NOBODY)],
    ];
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries.concat() {
        bytes.extend_from_slice(&tag.to_le_bytes());
        bytes.extend_from_slice(&permissions.to_le_bytes());
        bytes.extend_from_slice(&id.to_le_bytes());
    }
    bytes
}

struct Grower {
    scope: Scope,
    abilities: Abilities,
    /// Nodes that may still be made.
    left: usize,
    /// Nodes whose metadata is still to be set, parents first.
    made: Vec<(PathBuf, FileType)>,
    files: Vec<PathBuf>,
}

impl Grower {
    fn directory(&mut self, rng: &mut Rng, path: PathBuf, shape: Shape, depth: usize) {
        fs::create_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self.made.push((path.clone(), FileType::Directory));
        let wanted = match shape {
            Shape::Random => *rng.pick(&[0, 1, 2, 3, 5, 20]),
            Shape::Deep => rng.number(0..=1),
            Shape::Wide => 2_000,
            Shape::Empty => 0,
        };
        // A tree of one node says little.
        let wanted = if depth == 0 && shape == Shape::Random { wanted.max(5) } else { wanted };
        let wanted = wanted.min(self.left);
        self.left -= wanted;
        let names: BTreeSet<Vec<u8>> = (0..wanted).map(|_| crate::tree::name(rng).as_bytes().to_vec()).collect();
        for mut name in names {
            let branches = shape == Shape::Random && depth < 6 && rng.once_in(3);
            if branches {
                self.directory(rng, path.join(OsStr::from_bytes(&name)), shape, depth + 1);
                continue;
            }
            if self.scope == Scope::Extractable {
                name.truncate(LONGEST_EXTRACTABLE);
            }
            let path = path.join(OsStr::from_bytes(&name));
            if fs::symlink_metadata(&path).is_err() {
                self.leaf(rng, path);
            }
        }
        // 64 nodes from the root to the deepest: this directory is number `depth + 1`, what is in the last one number 64.
        if shape == Shape::Deep && depth + 2 < 64 {
            self.directory(rng, path.join(format!("level-{depth}")), shape, depth + 1);
        }
    }

    fn leaf(&mut self, rng: &mut Rng, path: PathBuf) {
        let kind = match rng.below(12) {
            0 => FileType::Symlink,
            1 => FileType::Fifo,
            2 => FileType::Socket,
            3 if self.abilities.root => FileType::CharacterDevice,
            4 if self.abilities.root => FileType::BlockDevice,
            5 if !self.files.is_empty() => {
                // A second name; the metadata is that of the first.
                fs::hard_link(rng.pick(&self.files), &path).expect("a hard link");
                return;
            }
            _ => FileType::RegularFile,
        };
        match kind {
            FileType::RegularFile => {
                contents(rng, File::create(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())));
                self.files.push(path.clone());
            }
            FileType::Symlink => {
                let target = match rng.below(4) {
                    0 => vec![b'y'; 4_000],
                    1 => b"../\xff\xfe/./x".to_vec(),
                    _ => crate::tree::name(rng).as_bytes().to_vec(),
                };
                symlink(OsStr::from_bytes(&target), &path).expect("a symlink");
            }
            _ => {
                let device = os::makedev(rng.below(4_096) as u32, rng.below(1 << 20) as u32);
                let device = if kind == FileType::Fifo || kind == FileType::Socket { 0 } else { device };
                os::mknodat(CWD, &path, kind, Mode::from_raw_mode(0o600), device).expect("a special node");
            }
        }
        self.made.push((path, kind));
    }

    /// Gives a node its metadata.
    fn dress(&self, rng: &mut Rng, path: &Path, kind: FileType) {
        let Abilities { root, xattrs, acls, flags, labels } = self.abilities;
        let (is_directory, is_file) = (kind == FileType::Directory, kind == FileType::RegularFile);
        let set = |name: &str, value: &[u8]| {
            let result = os::lsetxattr(path, name, value, XattrFlags::empty());
            result.unwrap_or_else(|error| panic!("{name} of {}: {error}", path.display()));
        };
        if root && rng.once_in(2) {
            let ids = [0, 1, 2, 1_000, 54_321, 65_534, 65_536, 1_234_567, 4_000_000_000];
            let (user, group) = (Uid::from_raw(*rng.pick(&ids)), Gid::from_raw(*rng.pick(&ids)));
            os::chownat(CWD, path, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW).expect("an owner");
        }
        if kind != FileType::Symlink {
            // Whoever is not root has to be able to read what is archived.
            let least = if root {
                0
            } else if is_directory {
                0o500
            } else {
                0o400
            };
            let common = [0o644, 0o755, 0o600, 0o000, 0o4755, 0o2775, 0o1777];
            let mode = if rng.once_in(3) { rng.below(0o10000) as u32 } else { *rng.pick(&common) };
            fs::set_permissions(path, fs::Permissions::from_mode(mode | least)).expect("a mode");
            if acls && rng.once_in(5) {
                set("system.posix_acl_access", &acl(7, &[1, 54_321], &[2, 1_234_567], rng.below(8) as u16, 1));
            }
        }
        if acls && is_directory && rng.once_in(4) {
            set("system.posix_acl_default", &acl(6, &[0, 65_534], &[], rng.below(8) as u16, 5));
        }
        if xattrs && (is_file || is_directory) && rng.once_in(4) {
            for name in ["user.a", "user.b.c", "user.A", "user.\u{e4}", "trusted.t"] {
                if rng.once_in(2) && (root || name.starts_with("user.")) {
                    let length = rng.number(0..=40);
                    set(name, &rng.bytes(length));
                }
            }
        }
        if labels && rng.once_in(8) {
            set("security.selinux", LABEL);
        }
        if root && is_file && rng.once_in(8) {
            let words = [0x0200_0001, 1 << rng.below(30), 0, 0, 0_u32];
            set("security.capability", &words.map(u32::to_le_bytes).concat());
        }
        let times = Timestamps { last_access: Timespec { tv_sec: 1, tv_nsec: 0 }, last_modification: Self::time(rng) };
        os::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).expect("times");
        if flags && (is_file || is_directory) && rng.once_in(5) {
            let mut some = vec![IFlags::NOATIME, IFlags::SYNC];
            some.extend(is_directory.then_some(IFlags::DIRSYNC));
            some.extend((self.scope == Scope::Everything).then_some(IFlags::NODUMP));
            some.extend(root.then_some([IFlags::APPEND, IFlags::IMMUTABLE]).into_iter().flatten());
            assert!(change_flags(path, *rng.pick(&some), IFlags::empty()), "flags of {}", path.display());
        }
    }

    fn time(rng: &mut Rng) -> Timespec {
        // ext4 keeps times until 2446.
        let common = [0, 1, 1_500_000_000, i64::from(i32::MAX), 1 << 31, 1 << 32, 15_000_000_000];
        let tv_sec = match rng.below(6) {
            1 => *rng.pick(&common),
            _ => rng.below(2_000_000_000).cast_signed(),
        };
        let tv_nsec = *rng.pick(&[0, 1, 1_000, 1_000_000, 123_000_000, 123_456_000, 123_456_789, 999_999_998]);
        Timespec { tv_sec, tv_nsec }
    }
}

fn contents(rng: &mut Rng, mut file: File) {
    let bytes = match rng.below(9) {
        0 => Vec::new(),
        1 => vec![rng.bits() as u8],
        2 => vec![0; rng.number(1..=40_000)],
        3 => input::text(rng.number(1..=60_000)),
        4 => input::prng("the same in several files", 30_000),
        5 if rng.once_in(4) => input::prng("a large file", rng.number(1..=700_000)),
        6 => {
            let size = rng.number(1..=600_000) as u64;
            for _ in 0..rng.below(4) {
                file.seek(SeekFrom::Start(rng.below(size))).and_then(|_| file.write_all(b"data")).expect("a write");
            }
            return file.set_len(size).expect("a hole");
        }
        _ => {
            let length = rng.number(1..=3_000);
            rng.bytes(length)
        }
    };
    file.write_all(&bytes).expect("a write");
}

/// Upstream puts a file under its name with 18 more bytes first.
const LONGEST_EXTRACTABLE: usize = 237;

const LABEL: &[u8] = b"system_u:object_r:etc_t:s0\0";
