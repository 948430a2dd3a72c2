//! Random trees: every kind of node with every kind of metadata, as archives with some feature flags store them.

use std::collections::{BTreeMap, BTreeSet};

use casync_core::Name;
use casync_core::archive::{
    Acl, Content, DefaultAcl, DeviceNumber, FileType, IdShift, Metadata, Node, Selection, Timestamp, Xattr,
};
use casync_core::record::{AclDefault, AclEntry, AclPermissions, FEATURES, FeatureFlags};

use crate::members::Member;
use crate::random::Rng;

/// Random feature flags, normalized: all, none or any.
pub fn features(rng: &mut Rng) -> FeatureFlags {
    let density = *rng.pick(&[1, 2, 2, 10, 1000]);
    let others = [
        FeatureFlags::EXCLUDE_FILE,
        FeatureFlags::SHA512_256,
        FeatureFlags::EXCLUDE_SUBMOUNTS,
        FeatureFlags::EXCLUDE_NODUMP,
    ];
    let all = FEATURES.iter().map(|feature| feature.flag).chain(others);
    all.fold(FeatureFlags::EMPTY, |set, flag| if rng.once_in(density) { set | flag } else { set }).normalized()
}

/// A random tree as archives with these features store it.
pub fn random(rng: &mut Rng, features: FeatureFlags) -> Vec<Member> {
    let selection = Selection::new(features, IdShift::default());
    let mut grower = Grower { selection, left: rng.number(1..=80), members: Vec::new() };
    grower.add(rng, None, b"", 0, FileType::Directory);
    grower.members
}

/// A random name; some are prefixes of others, some are as long or as odd as possible.
pub fn name(rng: &mut Rng) -> Name {
    loop {
        let length = *rng.pick(&[1, 1, 2, 2, 3, 8, 40, 254, 255]);
        let bytes: Vec<u8> = match rng.below(3) {
            0 => (0..length).map(|_| *rng.pick(b"ab.-")).collect(),
            1 => (0..length).map(|_| b'a' + rng.below(26) as u8).collect(),
            _ => rng.bytes(length),
        };
        if let Ok(name) = Name::new(&bytes) {
            return name;
        }
    }
}

struct Grower {
    selection: Selection,
    /// Nodes that may still be added.
    left: usize,
    members: Vec<Member>,
}

impl Grower {
    fn add(&mut self, rng: &mut Rng, name: Option<Name>, path: &[u8], depth: usize, file_type: FileType) {
        let content = content(rng, file_type);
        let mut metadata = metadata(rng, self.selection.features());
        self.selection.apply(file_type, &mut metadata).unwrap();
        let payload = if let Content::Regular { size } = content { rng.bytes(size as usize) } else { Vec::new() };
        let node = Node { metadata, content };
        let (entry, records) = (0, Vec::new());
        self.members.push(Member { name, path: path.to_vec(), depth, node, entry, records, payload });
        if file_type == FileType::Directory {
            let wanted = *rng.pick(&[0, 1, 1, 2, 3, 5, 20, 70]);
            let names: BTreeSet<Name> = (0..wanted.min(self.left)).map(|_| self::name(rng)).collect();
            self.left -= names.len();
            for name in names {
                let mut path = path.to_vec();
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend_from_slice(&name);
                let deep_enough = depth + 3 > casync_core::archive::DEPTH_MAX;
                let file_type = self.file_type(rng, deep_enough);
                self.add(rng, Some(name), &path, depth + 1, file_type);
            }
        }
    }

    fn file_type(&self, rng: &mut Rng, deep_enough: bool) -> FileType {
        use FileType::{Block, Character, Directory, Fifo, Regular, Socket, Symlink};
        let kinds =
            [Directory, Directory, Directory, Directory, Regular, Regular, Symlink, Block, Character, Fifo, Socket];
        let file_type = *rng.pick(&kinds);
        let possible = self.selection.admits(file_type) && !(deep_enough && file_type == Directory);
        if possible { file_type } else { Regular }
    }
}

fn content(rng: &mut Rng, file_type: FileType) -> Content {
    let device = DeviceNumber { major: rng.below(1 << 12) as u32, minor: rng.below(1 << 20) as u32 };
    match file_type {
        FileType::Directory => Content::Directory,
        FileType::Regular => Content::Regular { size: *rng.pick(&[0, 0, 1, 5, 100, 3000]) },
        FileType::Symlink => {
            let length = *rng.pick(&[1, 10, 4095]);
            Content::Symlink { target: without_nul(rng, length) }
        }
        FileType::Block => Content::Block(device),
        FileType::Character => Content::Character(device),
        FileType::Fifo => Content::Fifo,
        FileType::Socket => Content::Socket,
    }
}

/// Metadata as a host may have it, more than most archives store.
fn metadata(rng: &mut Rng, features: FeatureFlags) -> Metadata {
    let file_flags =
        FEATURES.iter().map(|feature| feature.flag).filter(|flag| FeatureFlags::FILE_FLAGS.contains(*flag));
    let mut some = |chance| rng.once_in(chance);
    let (named, has_acl, has_default_acl, labelled) = (some(2), some(3), some(3), some(3));
    let (capable, in_project) = (some(4), some(3));
    Metadata {
        permissions: rng.below(0o10_000) as u32,
        flags: file_flags.fold(FeatureFlags::EMPTY, |set, flag| if rng.once_in(3) { set | flag } else { set }),
        uid: id(rng, features),
        gid: id(rng, features),
        mtime: Timestamp::from_nanoseconds(rng.bits() >> rng.below(40)),
        user: named.then(|| owner_name(rng)),
        group: named.then(|| owner_name(rng)),
        xattrs: xattrs(rng),
        acl: has_acl.then(|| acl(rng, features)).map(Box::new),
        default_acl: has_default_acl.then(|| default_acl(rng, features)).map(Box::new),
        selinux: labelled.then(|| without_nul(rng, 30)),
        fcaps: capable.then(|| bytes(rng, 24)),
        project_id: in_project.then(|| 1 + rng.below(u32::MAX.into()) as u32),
    }
}

fn id(rng: &mut Rng, features: FeatureFlags) -> u32 {
    let narrow = features.contains(FeatureFlags::UIDS_16BIT);
    match rng.below(4) {
        0 => 0,
        1 if !narrow => 65_536 + rng.below(u64::from(u32::MAX) - 65_536) as u32,
        _ => rng.below(65_535) as u32,
    }
}

/// Anything that a user database may hold and archives may store.
fn owner_name(rng: &mut Rng) -> Box<[u8]> {
    let length = *rng.pick(&[1, 3, 8, 255]);
    let name = (0..length).map(|_| *rng.pick(b"abcxyzABC019._-$ \xc3\xa4")).collect::<Vec<u8>>();
    // A number would be the name of the owner that has none.
    if name.iter().all(u8::is_ascii_digit) { b"somebody"[..].into() } else { name.into() }
}

fn bytes(rng: &mut Rng, most: usize) -> Box<[u8]> {
    let length = rng.number(0..=most);
    rng.bytes(length).into()
}

fn without_nul(rng: &mut Rng, length: usize) -> Box<[u8]> {
    (0..length).map(|_| 1 + rng.below(255) as u8).collect()
}

/// Attributes in any order, of any name space, each name once.
fn xattrs(rng: &mut Rng) -> Vec<Xattr> {
    let mut attributes = BTreeMap::new();
    for _ in 0..*rng.pick(&[0, 0, 1, 4]) {
        let space = rng.pick(&["user.", "trusted.", "security.", "system.", "user"]).as_bytes();
        let length = *rng.pick(&[1, 5, 247]);
        let value = if rng.once_in(50) { rng.bytes(65_536).into() } else { bytes(rng, 100) };
        attributes.insert([space, &without_nul(rng, length)].concat(), value);
    }
    let mut list: Vec<_> = attributes.into_iter().map(|(name, value)| Xattr { name: name.into(), value }).collect();
    list.reverse();
    list
}

fn acl_entries(rng: &mut Rng, features: FeatureFlags) -> Vec<AclEntry> {
    let mut entries = BTreeMap::new();
    for _ in 0..rng.below(4) {
        let (id, named) = (id(rng, features), rng.once_in(2));
        let name = named.then(|| owner_name(rng));
        entries.insert((id, name.clone()), AclEntry { id, name, permissions: permissions(rng) });
    }
    // One entry for each id, and one for each name, whichever of the two will be stored.
    let mut entries: Vec<_> = entries.into_values().collect();
    entries.dedup_by_key(|entry| entry.id);
    let mut names = BTreeSet::new();
    entries.retain(|entry| entry.name.as_ref().is_none_or(|name| names.insert(name.clone())));
    entries.reverse();
    entries
}

fn permissions(rng: &mut Rng) -> AclPermissions {
    AclPermissions::new(rng.below(8)).unwrap()
}

fn acl(rng: &mut Rng, features: FeatureFlags) -> Acl {
    Acl { users: acl_entries(rng, features), groups: acl_entries(rng, features), group: Some(permissions(rng)) }
}

fn default_acl(rng: &mut Rng, features: FeatureFlags) -> DefaultAcl {
    let mask = rng.once_in(2).then(|| permissions(rng));
    let base = AclDefault { user: permissions(rng), group: permissions(rng), other: permissions(rng), mask };
    let mut entries = || if mask.is_some() { acl_entries(rng, features) } else { Vec::new() };
    DefaultAcl { base, users: entries(), groups: entries() }
}
