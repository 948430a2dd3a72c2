//! What a file system cannot hold: an error that names node, attribute and the options that avoid it, or a counted warning.

use std::path::Path;

use casync_core::Name;
use casync_core::archive::{Acl, Content, DeviceNumber, IdShift, Metadata, Node, Selection, Timestamp, Xattr};
use casync_core::record::{AclEntry, AclPermissions, FEATURES, FeatureFlags};
use casync_tests::members::{Member, encode};
use casync_tests::mount::FileSystem;
use casync_tests::sandbox::Sandbox;
use casync_tests::snapshot::snapshot;

use casync_tests::plant::text;

/// A node `x` with one attribute, and what the snapshot then shows of it where it can be held.
struct Family {
    name: &'static str,
    node: Node,
    fact: &'static str,
}

fn families() -> Vec<Family> {
    let mut families = Vec::new();
    let mut add = |name, fact, content: Content, change: &dyn Fn(&mut Metadata)| {
        let mut metadata = Metadata { permissions: 0o755, ..Metadata::default() };
        change(&mut metadata);
        families.push(Family { name, node: Node { metadata, content }, fact });
    };
    let file = || Content::Regular { size: 4 };
    let entry = || AclEntry { id: 54_321, name: None, permissions: AclPermissions::new(5).unwrap() };
    let xattr = || Xattr { name: (*b"trusted.x").into(), value: (*b"y").into() };
    // Version 2, effective: CAP_NET_RAW.
    let capabilities: [u8; 20] = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    add("xattrs", "xattr trusted.x", file(), &|m| m.xattrs = vec![xattr()]);
    add("acl", "xattr system.posix_acl_access", file(), &|m| {
        let group = Some(AclPermissions::new(4).unwrap());
        m.acl = Some(Box::new(Acl { users: vec![entry()], groups: vec![], group }));
    });
    add("fcaps", "xattr security.capability", file(), &|m| m.fcaps = Some(capabilities.into()));
    add("selinux", "xattr security.selinux", file(), &|m| m.selinux = Some((*b"system_u:object_r:etc_t:s0").into()));
    add("quota-projid", "project", file(), &|m| m.project_id = Some(77));
    add("32bit-uids", "owner", file(), &|m| m.uid = 1_234_567);
    add("permissions", "mode", file(), &|m| m.permissions = 0o4751);
    add("nsec-time", "time", file(), &|m| m.mtime = Timestamp::from_unix(1_000_000_000, 123_456_789));
    add("symlinks", "content", Content::Symlink { target: (*b"target").into() }, &|_| {});
    add("fifos", "content", Content::Fifo, &|_| {});
    add("sockets", "content", Content::Socket, &|_| {});
    add("device-nodes", "content", Content::Character(DeviceNumber { major: 1, minor: 3 }), &|_| {});
    add("subvolume", "content", Content::Directory, &|m| m.flags = FeatureFlags::SUBVOLUME);
    for feature in FEATURES.iter().filter(|feature| FeatureFlags::CHATTR.contains(feature.flag)) {
        let of_directories = FeatureFlags::FLAG_PROJINHERIT | FeatureFlags::FLAG_DIRSYNC;
        let content = if of_directories.contains(feature.flag) { Content::Directory } else { file() };
        add(feature.name, "flags", content, &|m| m.flags = feature.flag);
    }
    for feature in FEATURES.iter().filter(|feature| FeatureFlags::FAT_ATTRS.contains(feature.flag)) {
        add(feature.name, "", file(), &|m| m.flags = feature.flag);
    }
    families
}

/// The archive of a family, with no other feature.
fn archive(family: &Family) -> Vec<u8> {
    let features = FeatureFlags::parse(family.name).unwrap().normalized();
    let root = Node { metadata: Metadata { permissions: 0o755, ..Metadata::default() }, content: Content::Directory };
    let payload = if matches!(family.node.content, Content::Regular { .. }) { b"data".to_vec() } else { Vec::new() };
    let selection = Selection::new(features, IdShift::default());
    let member = |name: Option<Name>, depth, node: &Node, payload| {
        let mut node = node.clone();
        selection.apply(node.content.file_type(), &mut node.metadata).unwrap();
        Member { name, path: Vec::new(), depth, node, entry: 0, records: Vec::new(), payload }
    };
    let name = Some(Name::new(b"x").unwrap());
    encode(&[member(None, 0, &root, Vec::new()), member(name, 1, &family.node, payload)], features).unwrap()
}

/// Extracts each family strictly, without what was refused, and with best effort. Returns the names of those refused.
fn refused_by(directory: &Path) -> Vec<&'static str> {
    let sandbox = Sandbox::new();
    let mut refused = Vec::new();
    for family in families() {
        sandbox.write("x.catar", archive(&family));
        let target = |way: &str| directory.join(format!("{}-{way}", family.name));
        let extract = |way: &str, options: &[&str]| {
            let target = target(way);
            sandbox.casync([&["extract", "x.catar", text(&target)], options].concat())
        };
        let strict = extract("strict", &[]);
        if strict.status == Some(0) {
            if !family.fact.is_empty() {
                let facts = snapshot(&target("strict"));
                let fact = facts.get(&("./x".to_owned(), family.fact.to_owned()));
                let fact = fact.unwrap_or_else(|| panic!("{}: success, but not there: {facts:#?}", family.name));
                assert!(fact != "0" || family.fact == "mode", "{}: {fact}", family.name);
            }
            continue;
        }
        refused.push(family.name);
        let error = strict.failure();
        assert!(error.contains("\"x\""), "{}: does not name the node: {error}", family.name);
        let hint = error.lines().find(|line| line.starts_with("hint: ")).unwrap_or_else(|| panic!("no hint: {error}"));
        let without: Vec<&str> = hint.split([' ', ',']).filter(|word| word.starts_with("--without=")).collect();
        let names_it = without.iter().any(|option| {
            let flags = FeatureFlags::parse(option.strip_prefix("--without=").unwrap()).unwrap();
            flags.contains(FeatureFlags::parse(family.name).unwrap())
        });
        assert!(names_it, "{}: {hint}", family.name);
        extract("without", &without).success();
        let best = extract("best", &["--best-effort"]);
        let said = best.stderr.clone();
        best.success();
        assert!(said.contains("\"x\": could not"), "{}: {said}", family.name);
        assert!(said.contains("\n1 attributes could not be set.\n"), "{}: {said}", family.name);
        if matches!(family.node.content, Content::Regular { .. }) {
            assert_eq!(std::fs::read(target("best").join("x")).unwrap(), b"data", "{}", family.name);
        }
    }
    refused
}

fn check(system: FileSystem, held: &[&str], missing: &[&str]) {
    let Some(mounted) = system.mount() else { return };
    let refused = refused_by(&mounted.path(""));
    for name in held {
        assert!(!refused.contains(name), "{system:?} can hold {name}: {refused:?}");
    }
    for name in missing {
        assert!(refused.contains(name), "{system:?} cannot hold {name}: {refused:?}");
    }
}

/// What every Unix file system holds.
const UNIX: [&str; 8] =
    ["32bit-uids", "permissions", "nsec-time", "symlinks", "fifos", "sockets", "device-nodes", "acl"];
/// What all but tmpfs hold besides.
const RICH: [&str; 7] =
    ["xattrs", "fcaps", "flag-append", "flag-noatime", "flag-nodump", "flag-immutable", "flag-sync"];

#[test]
fn ext4_has_no_subvolumes() {
    let held = [&UNIX[..], &RICH, &["flag-dirsync"]].concat();
    check(FileSystem::Ext4, &held, &["subvolume", "flag-nocow", "flag-nocomp", "flag-hidden"]);
}

#[test]
fn xfs_has_no_flags_of_directories() {
    let held = [&UNIX[..], &RICH, &["quota-projid"]].concat();
    check(FileSystem::Xfs, &held, &["subvolume", "flag-nocow", "flag-compr", "flag-dirsync", "flag-nocomp"]);
}

#[test]
fn btrfs_has_no_projects() {
    let held = [&UNIX[..], &RICH, &["subvolume", "flag-nocow", "flag-compr", "flag-nocomp", "flag-dirsync"]].concat();
    check(FileSystem::Btrfs, &held, &["quota-projid", "flag-projinherit", "flag-archive"]);
}

#[test]
fn tmpfs_has_few_flags() {
    check(FileSystem::Tmpfs, &UNIX, &["subvolume", "quota-projid", "flag-nocow", "flag-compr", "flag-sync"]);
}

#[test]
fn fat_has_next_to_nothing() {
    let missing = ["xattrs", "acl", "fcaps", "symlinks", "fifos", "device-nodes", "32bit-uids", "nsec-time"];
    check(FileSystem::Vfat, &["flag-hidden", "flag-system", "flag-archive"], &missing);
}
