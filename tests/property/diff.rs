//! Two trees side by side: what is found turns one into the other, and nothing is found where nothing differs.

use std::collections::BTreeMap;
use std::ops::Bound;

use casync_core::Name;
use casync_core::archive::{Content, FileType, IdShift, Node, Selection, Xattr};
use casync_core::chunk::ChunkId;
use casync_core::diff::{Change, Common, Head, Lockstep, Merge, Turn, changes};
use casync_core::hash::DigestAlgorithm;
use casync_core::index::Piece;
use casync_core::record::FeatureFlags;
use casync_tests::random::{Rng, for_each_seed};
use casync_tests::tree;

/// Nodes by the names on their paths, which is the order of archives.
type Tree = BTreeMap<Vec<Name>, (Node, Vec<u8>)>;

fn random(rng: &mut Rng, features: FeatureFlags) -> Tree {
    let mut names = Vec::new();
    let members = tree::random(rng, features).into_iter();
    let entry = members.map(|member| {
        names.truncate(member.depth.saturating_sub(1));
        names.extend(member.name);
        (names.clone(), (member.node, member.payload))
    });
    entry.collect()
}

fn is_directory(node: &Node) -> bool {
    node.content == Content::Directory
}

/// Takes out what is below a path.
fn prune(tree: &mut Tree, path: &[Name]) {
    tree.retain(|other, _| other.len() <= path.len() || !other.starts_with(path));
}

/// A tree that has most in common with another one.
fn edited(rng: &mut Rng, tree: &Tree, features: FeatureFlags) -> Tree {
    let mut edited = tree.clone();
    let other = random(rng, features);
    let (others, nodes): (Vec<_>, Vec<_>) = other.into_iter().unzip();
    for _ in 0..rng.number(0..=8) {
        let paths: Vec<Vec<Name>> = edited.keys().cloned().collect();
        let path = rng.pick(&paths).clone();
        match rng.below(4) {
            0 if !path.is_empty() => {
                prune(&mut edited, &path);
                edited.remove(&path);
            }
            1 if is_directory(&edited[&path].0) => {
                let mut path = path;
                path.push(others.iter().rev().find_map(|path| path.last().cloned()).unwrap_or_else(|| tree::name(rng)));
                prune(&mut edited, &path);
                edited.insert(path, rng.pick(&nodes).clone());
            }
            2 if !path.is_empty() => {
                prune(&mut edited, &path);
                edited.insert(path, rng.pick(&nodes).clone());
            }
            _ => {
                // The metadata of another node of the same type.
                let (node, payload) = edited.get_mut(&path).unwrap();
                let same = nodes.iter().find(|(other, _)| other.content.file_type() == node.content.file_type());
                if let Some((other, bytes)) = same {
                    (*node, *payload) = (other.clone(), bytes.clone());
                }
            }
        }
    }
    edited
}

/// A step of a walk through a tree.
enum Step<'a> {
    Node(Option<&'a Name>, &'a Node, &'a [u8]),
    Leave,
}

impl Step<'_> {
    fn head(&self) -> Head<'_> {
        match self {
            Step::Node(name, node, _) => Head::Node { name: *name, directory: is_directory(node) },
            Step::Leave => Head::Leave,
        }
    }
}

fn walk(tree: &Tree) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let mut open: Vec<&[Name]> = Vec::new();
    for (path, (node, payload)) in tree {
        while open.last().is_some_and(|directory| !path.starts_with(directory)) {
            open.pop();
            steps.push(Step::Leave);
        }
        steps.push(Step::Node(path.last(), node, payload));
        if is_directory(node) {
            open.push(path);
        }
    }
    steps.extend(open.iter().map(|_| Step::Leave));
    steps
}

/// What differs, by path.
#[derive(Debug)]
enum Edit<'a> {
    Add(&'a Node, &'a [u8]),
    Remove,
    Change(Vec<Change<'a>>, &'a Node, &'a [u8]),
}

fn diff<'a>(left: &[Step<'a>], right: &[Step<'a>], common: &Common) -> Vec<(Vec<u8>, Edit<'a>)> {
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    let (mut merge, mut edits) = (Merge::default(), Vec::new());
    while let Some(turn) = merge.turn(left.peek().map(|step| step.head()), right.peek().map(|step| step.head())) {
        let from = if turn == Turn::Right { None } else { left.next() };
        let to = if turn == Turn::Left { None } else { right.next() };
        let edit = match (from, to) {
            (Some(Step::Node(..)), None) => Edit::Remove,
            (None, Some(Step::Node(_, node, payload))) => Edit::Add(node, payload),
            (Some(Step::Node(_, from, before)), Some(Step::Node(_, to, after))) => {
                let mut changes = changes(from, to, common);
                if before.len() == after.len() && before != after {
                    changes.push(Change::Content);
                }
                if changes.is_empty() {
                    continue;
                }
                Edit::Change(changes, to, after)
            }
            _ => continue,
        };
        edits.push((merge.path().to_vec(), edit));
    }
    edits
}

fn split(path: &[u8]) -> Vec<Name> {
    let components = path.split(|&byte| byte == b'/').filter(|component| !component.is_empty());
    components.map(|component| Name::new(component).unwrap()).collect()
}

fn apply(tree: &mut Tree, edits: Vec<(Vec<u8>, Edit<'_>)>) {
    for (path, edit) in edits {
        let path = split(&path);
        match edit {
            Edit::Add(node, payload) => {
                assert!(tree.insert(path, (node.clone(), payload.to_vec())).is_none(), "it was not there");
            }
            Edit::Remove => drop(tree.remove(&path).expect("it was there")),
            Edit::Change(changes, to, content) => {
                let (node, payload) = tree.get_mut(&path).expect("it was there");
                changes.iter().for_each(|change| apply_change(node, payload, change, to, content));
            }
        }
    }
}

/// `to` and `content` are for what a change does not hold: contents, and what a node is that was of another type.
fn apply_change(node: &mut Node, payload: &mut Vec<u8>, change: &Change<'_>, to: &Node, content: &[u8]) {
    let bytes = |bytes: &Option<&[u8]>| bytes.map(Box::from);
    let metadata = &mut node.metadata;
    match change {
        Change::Type { from, to: kind } => {
            assert_eq!((node.content.file_type(), to.content.file_type()), (*from, *kind));
            // Without permission bits in the archive they depend on the type, as those of symbolic links always do.
            metadata.permissions = to.metadata.permissions;
            node.content = to.content.clone();
            *payload = content.to_vec();
        }
        Change::Size { to, .. } => node.content = Content::Regular { size: *to },
        Change::Content => *payload = content.to_vec(),
        Change::Target { to, .. } => node.content = Content::Symlink { target: (*to).into() },
        Change::Device { to, .. } if node.content.file_type() == FileType::Block => node.content = Content::Block(*to),
        Change::Device { to, .. } => node.content = Content::Character(*to),
        Change::Mode { to, .. } => metadata.permissions = *to,
        Change::Uid { to, .. } => metadata.uid = *to,
        Change::Gid { to, .. } => metadata.gid = *to,
        Change::User { to, .. } => metadata.user = bytes(to),
        Change::Group { to, .. } => metadata.group = bytes(to),
        Change::Mtime { to, .. } => metadata.mtime = *to,
        Change::Flags { set, cleared } => metadata.flags = (metadata.flags | *set) - *cleared,
        Change::Xattr { name, to, .. } => {
            metadata.xattrs.retain(|xattr| *xattr.name != **name);
            metadata.xattrs.extend(to.map(|value| Xattr { name: (*name).into(), value: value.into() }));
            metadata.xattrs.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Change::Acl { to, .. } => metadata.acl = to.map(|acl| Box::new(acl.clone())),
        Change::DefaultAcl { to, .. } => metadata.default_acl = to.map(|acl| Box::new(acl.clone())),
        Change::Selinux { to, .. } => metadata.selinux = bytes(to),
        Change::Fcaps { to, .. } => metadata.fcaps = bytes(to),
        Change::ProjectId { to, .. } => metadata.project_id = *to,
        other => panic!("an unknown change: {other:?}"),
    }
}

#[test]
fn differences_turn_one_tree_into_the_other() {
    let mut kinds = std::collections::BTreeSet::new();
    for_each_seed(400, |rng| {
        let features = tree::features(rng);
        let common = Common::new(features, features, FeatureFlags::ALL);
        let left = random(rng, features);
        assert!(diff(&walk(&left), &walk(&left), &common).is_empty(), "a tree does not differ from itself");
        let right = if rng.once_in(5) { random(rng, features) } else { edited(rng, &left, features) };
        let (before, after) = (walk(&left), walk(&right));
        let edits = diff(&before, &after, &common);
        assert_eq!(edits.is_empty(), left == right);
        for (_, edit) in &edits {
            match edit {
                Edit::Change(changes, ..) => kinds.extend(changes.iter().map(Change::key)),
                Edit::Add(..) => _ = kinds.insert("added"),
                Edit::Remove => _ = kinds.insert("removed"),
            }
        }
        let mut patched = left.clone();
        apply(&mut patched, edits);
        assert!(patched == right, "{features:?}");
    });
    assert_eq!(kinds.len(), 20, "kinds of differences that were tried: {kinds:?}");
}

/// Whatever two archives store of a tree: what both store is the same.
#[test]
fn the_same_tree_stored_in_two_ways_does_not_differ() {
    let all = FeatureFlags::ALL.normalized();
    let stored = |tree: &Tree, features: FeatureFlags| -> Tree {
        let selection = Selection::new(features, IdShift::default());
        let mut stored = tree.clone();
        stored.retain(|_, (node, _)| selection.admits(node.content.file_type()));
        for (node, _) in stored.values_mut() {
            selection.apply(node.content.file_type(), &mut node.metadata).unwrap();
        }
        stored
    };
    let mut compared = 0;
    for_each_seed(300, |rng| {
        let tree = random(rng, all);
        // The ids are too large for 16 bits.
        let [one, other] = [(); 2].map(|()| (tree::features(rng) - FeatureFlags::UIDS_16BIT).normalized());
        let common = Common::new(one, other, FeatureFlags::ALL);
        let [mut left, mut right] = [one, other].map(|features| stored(&tree, features));
        for side in [&mut left, &mut right] {
            side.retain(|_, (node, _)| common.admits(node.content.file_type()));
        }
        compared += left.len();
        let edits = diff(&walk(&left), &walk(&right), &common);
        assert!(edits.is_empty(), "{one:?} {other:?} {edits:?}");
    });
    assert!(compared > 1000, "nodes that were compared: {compared}");
}

/// Streams of chunks whose bytes are known: spans cover them, and equal ones are equal.
#[test]
fn spans_cover_and_do_not_lie() {
    fn stream(rng: &mut Rng, chunks: &[Vec<u8>]) -> (Vec<u8>, BTreeMap<u64, Piece>) {
        let (mut bytes, mut pieces) = (Vec::new(), BTreeMap::new());
        for number in 0..rng.number(1..=30) {
            let chunk = rng.pick(chunks);
            let (start, size) = (bytes.len() as u64, chunk.len() as u64);
            let id = ChunkId::of(chunk, DigestAlgorithm::Sha256);
            pieces.insert(start, Piece { number, id, start, size });
            bytes.extend_from_slice(chunk);
        }
        (bytes, pieces)
    }
    fn at(pieces: &BTreeMap<u64, Piece>, offset: u64) -> &Piece {
        pieces.range((Bound::Unbounded, Bound::Included(offset))).next_back().unwrap().1
    }
    let mut found = 0;
    for_each_seed(500, |rng| {
        let chunks: Vec<Vec<u8>> =
            (0..4).map(|_| (0..rng.number(1..=20)).map(|_| rng.below(2) as u8).collect()).collect();
        let ((left, left_pieces), (right, right_pieces)) = (stream(rng, &chunks), stream(rng, &chunks));
        let (mut from, mut to) = (rng.below(left.len() as u64), rng.below(right.len() as u64));
        let here = at(&left_pieces, from);
        if let Some(same) = right_pieces.values().find(|piece| piece.id == here.id && rng.once_in(2)) {
            to = same.start + from - here.start;
        } else if rng.once_in(2) {
            (from, to) = (here.start, at(&right_pieces, to).start);
        }
        let length = rng.below((left.len() as u64 - from).min(right.len() as u64 - to) + 1);
        let mut lockstep = Lockstep::new(from, to, length);
        let mut covered = 0;
        while let Some((at_left, at_right)) = lockstep.places() {
            assert_eq!((at_left, at_right), (from + covered, to + covered));
            let span = lockstep.step(at(&left_pieces, at_left), at(&right_pieces, at_right));
            assert!(span.length > 0);
            if span.equal {
                let slice = |bytes: &[u8], start: u64| bytes[start as usize..][..span.length as usize].to_vec();
                assert_eq!(slice(&left, span.left), slice(&right, span.right));
                found += span.length;
            }
            covered += span.length;
        }
        assert_eq!(covered, length);
        // A chunk from elsewhere is no progress.
        let mut stuck = Lockstep::new(left.len() as u64, 0, 1);
        assert_eq!(stuck.step(at(&left_pieces, 0), at(&right_pieces, 0)).length, 0);
        assert!(stuck.places().is_some());
    });
    assert!(found > 1000, "bytes that were found equal: {found}");
}
