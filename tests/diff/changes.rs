//! Every kind of change, in archives made for it.

use std::collections::{BTreeMap, BTreeSet};

use casync_core::Name;
use casync_core::archive::{Acl, Content, DefaultAcl, DeviceNumber, Metadata, Node, Timestamp, Xattr};
use casync_core::record::{AclDefault, AclPermissions, FeatureFlags};
use casync_tests::members::{Member, encode};
use casync_tests::random::for_each_seed;
use casync_tests::sandbox::Sandbox;
use casync_tests::tree;

use crate::scene::{differences, json};

fn member(name: Option<&str>, content: Content) -> Member {
    let metadata =
        Metadata { permissions: 0o644, uid: 7, gid: 7, mtime: Timestamp::from_unix(9, 0), ..Metadata::default() };
    Member {
        name: name.map(|name| Name::new(name.as_bytes()).unwrap()),
        path: Vec::new(),
        depth: usize::from(name.is_some()),
        node: Node { metadata, content },
        entry: 0,
        records: Vec::new(),
        payload: Vec::new(),
    }
}

type Edit = fn(&mut Member);

/// What is done to a node on the right side, and what is said of it.
fn cases() -> Vec<(&'static str, Edit, &'static str)> {
    vec![
        ("dir", |m| m.node.metadata.permissions = 0o4755, "mode 0644 -> 4755"),
        ("file", |m| m.node.metadata.uid = 8, "uid 7 -> 8"),
        ("file", |m| m.node.metadata.gid = 0, "gid 7 -> 0"),
        ("file", |m| m.node.metadata.user = Some(b"a b"[..].into()), r"user - -> a\040b"),
        ("file", |m| m.node.metadata.group = Some(b"staff"[..].into()), "group - -> staff"),
        ("file", |m| m.node.metadata.mtime = Timestamp::from_unix(10, 5), "mtime 9.000000000 -> 10.000000005"),
        (
            "file",
            |m| m.node.metadata.flags = FeatureFlags::FLAG_APPEND | FeatureFlags::FLAG_HIDDEN,
            "flags +hidden +append",
        ),
        (
            "file",
            |m| m.node.metadata.xattrs = vec![Xattr { name: b"user.x"[..].into(), value: b"\xff"[..].into() }],
            "+xattr user.x",
        ),
        (
            "file",
            |m| m.node.metadata.acl = Some(Box::new(Acl { group: AclPermissions::new(4).ok(), ..Acl::default() })),
            "+acl",
        ),
        (
            "dir",
            |m| {
                let all = AclPermissions::new(7).unwrap();
                let base = AclDefault { user: all, group: all, other: all, mask: None };
                let acl = DefaultAcl { base, users: Vec::new(), groups: Vec::new() };
                m.node.metadata.default_acl = Some(Box::new(acl));
            },
            "+default-acl",
        ),
        ("file", |m| m.node.metadata.selinux = Some(b"l:a"[..].into()), "selinux - -> l:a"),
        ("file", |m| m.node.metadata.fcaps = Some(vec![1; 20].into()), "+fcaps"),
        ("file", |m| m.node.metadata.project_id = Some(5), "project-id 0 -> 5"),
        ("file", |m| m.payload = b"hellO".to_vec(), "content"),
        (
            "file",
            |m| {
                m.node.content = Content::Regular { size: 2 };
                m.payload = b"hi".to_vec();
            },
            "size 5 -> 2, content",
        ),
        (
            "file",
            |m| {
                m.node.content = Content::Fifo;
                m.payload.clear();
            },
            "type file -> fifo",
        ),
        ("link", |m| m.node.content = Content::Symlink { target: b"b\n"[..].into() }, r"target a -> b\012"),
        ("node", |m| m.node.content = Content::Character(DeviceNumber { major: 1, minor: 4 }), "device 1:3 -> 1:4"),
        ("node", |m| m.node.content = Content::Block(DeviceNumber { major: 1, minor: 3 }), "type char -> block"),
    ]
}

#[test]
fn every_kind_of_change_is_told() {
    let features = (FeatureFlags::ALL | FeatureFlags::SHA512_256).normalized();
    let device = DeviceNumber { major: 1, minor: 3 };
    let mut base = vec![
        member(None, Content::Directory),
        member(Some("dir"), Content::Directory),
        member(Some("file"), Content::Regular { size: 5 }),
        member(Some("link"), Content::Symlink { target: b"a"[..].into() }),
        member(Some("node"), Content::Character(device)),
    ];
    base[2].payload = b"hello".to_vec();
    base[3].node.metadata.permissions = 0o777;
    let sandbox = Sandbox::new();
    sandbox.write("left.catar", encode(&base, features).unwrap());
    for (name, edit, expected) in cases() {
        let mut changed = base.clone();
        let named = |member: &&mut Member| member.name.as_deref() == Some(&Name::new(name.as_bytes()).unwrap()[..]);
        edit(changed.iter_mut().find(named).unwrap());
        sandbox.write("right.catar", encode(&changed, features).unwrap());
        let found = differences(&sandbox, &["left.catar", "right.catar"]);
        assert_eq!(found, format!("C {name}: {expected}\nadded: 0, removed: 0, changed: 1\n"));
        // What was added one way is removed the other.
        let back = differences(&sandbox, &["right.catar", "left.catar"]);
        if let Some(attribute) = expected.strip_prefix('+') {
            assert_eq!(back.lines().next(), Some(&*format!("C {name}: -{attribute}")));
        }
        let messages = json(&sandbox, &["diff", "left.catar", "right.catar"]);
        let what = messages[0]["changes"][0]["what"].as_str().unwrap();
        assert!(expected.trim_start_matches('+').starts_with(what), "{what}: {expected}");
    }
}

/// Random trees: paths that come and go are those that `list` no longer or newly shows, and what changed is what `mtree`
/// shows differently.
#[test]
fn differences_agree_with_list_and_mtree() {
    let features = FeatureFlags::union(&[
        FeatureFlags::UIDS_32BIT,
        FeatureFlags::PERMISSIONS,
        FeatureFlags::NSEC_TIME,
        FeatureFlags::SYMLINKS,
        FeatureFlags::FIFOS,
        FeatureFlags::DEVICE_NODES,
        FeatureFlags::SHA512_256,
    ]);
    let sandbox = Sandbox::new();
    let mut found = [0; 3];
    for_each_seed(12, |rng| {
        let left = tree::random(rng, features);
        let mut right = left.clone();
        // Other metadata and contents here and there, and no node that is not a directory where chance has it.
        right.retain(|member| member.node.content == Content::Directory || !rng.once_in(6));
        for member in &mut right {
            if rng.once_in(5) {
                member.node.metadata.uid ^= 1;
                if let Some(byte) = member.payload.first_mut() {
                    *byte ^= 1;
                }
            }
        }
        if rng.once_in(3) {
            right = tree::random(rng, features);
        }
        for (name, members) in [("left.catar", &left), ("right.catar", &right)] {
            sandbox.write(name, encode(members, features).unwrap());
        }
        let text = |verb: &str, archive: &str| String::from_utf8(sandbox.casync([verb, archive]).success()).unwrap();
        let manifest = |archive: &str| -> BTreeMap<String, String> {
            let text = text("mtree", archive);
            let line = |line: &str| line.split_once(' ').map(|(path, rest)| (path.to_owned(), rest.to_owned()));
            text.lines().filter_map(line).collect()
        };
        let (old, new) = (manifest("left.catar"), manifest("right.catar"));
        let paths: BTreeSet<_> = text("list", "left.catar").lines().map(|line| line[11..].to_owned()).collect();
        assert!(paths.iter().eq(old.keys()), "list and mtree agree");
        let mut expected = BTreeSet::new();
        for path in old.keys().chain(new.keys()) {
            let letter = match (old.get(path), new.get(path)) {
                (Some(_), None) => 'D',
                (None, Some(_)) => 'A',
                (old, new) if old != new => 'C',
                _ => continue,
            };
            expected.insert((letter, path.clone()));
        }
        let told = differences(&sandbox, &["left.catar", "right.catar"]);
        let told: BTreeSet<_> = told
            .lines()
            .filter(|line| !line.starts_with("added:"))
            .map(|line| {
                let path = line[2..].split(": ").next().unwrap();
                (line.chars().next().unwrap(), path.to_owned())
            })
            .collect();
        assert_eq!(told, expected);
        for (count, letter) in found.iter_mut().zip(['A', 'C', 'D']) {
            *count += told.iter().filter(|(told, _)| *told == letter).count();
        }
    });
    assert!(found.iter().all(|count| *count > 10), "added, changed and removed paths that were tried: {found:?}");
}
