//! `list.txt`, `mtree.txt` and `texts/`: what `list`, `mtree` and `stat` print of archives.

use casync_core::archive::{Content, IdShift, Node};
use casync_core::hash::{Digest, DigestAlgorithm};
use casync_core::record::FeatureFlags;
use casync_core::show::{ListLine, MtreeLine, StatText};
use casync_tests::members::{Member, decode, features};
use casync_tests::vectors;

/// A zone that is ahead of UTC by hours and minutes, which one of the archives was shown in.
const ELSEWHERE: (&str, i32) = ("roottree.without=user-names", 19_800);

/// Members and feature flags of a golden archive.
fn archive(name: &str) -> (Vec<Member>, FeatureFlags) {
    let archive = vectors::read(&format!("catar/{name}.catar"));
    (decode(&archive).unwrap(), features(&archive))
}

fn list(name: &str) -> String {
    let (members, _) = archive(name);
    members.iter().map(|member| format!("{}\n", ListLine { path: &member.path, node: &member.node })).collect()
}

/// The payload digest of a regular file.
fn digest(member: &Member, features: FeatureFlags) -> Option<Digest> {
    let is_file = matches!(member.node.content, Content::Regular { .. });
    is_file.then(|| DigestAlgorithm::of(features).digest(&member.payload))
}

fn mtree(name: &str) -> String {
    let (members, features) = archive(name);
    let line = |member: &Member| {
        let digest = digest(member, features);
        format!(
            "{}\n",
            MtreeLine { path: &member.path, node: &member.node, features, shift: IdShift::default(), digest }
        )
    };
    members.iter().map(line).collect()
}

fn stat(name: &str) -> String {
    let (members, features) = archive(name);
    let text = |member: &Member| {
        let bytes = [member.records.as_slice(), &member.payload].concat();
        let is_directory = member.node.content == Content::Directory;
        let hardlink_digest = (!is_directory).then(|| DigestAlgorithm::of(features).digest(&bytes));
        StatText {
            path: &member.path,
            node: &member.node,
            features,
            shift: IdShift::default(),
            offset: member.entry,
            utc_offset: if name == ELSEWHERE.0 { ELSEWHERE.1 } else { 0 },
            digest: match member.node.content {
                Content::Block(_) => Some(DigestAlgorithm::of(features).digest(b"")),
                _ => digest(member, features),
            },
            hardlink_digest,
            fat_attributes: true,
            zero_project_id: false,
        }
        .to_string()
    };
    members.iter().map(text).collect()
}

fn assert_text(text: &str, file: &str) {
    let golden = String::from_utf8(vectors::read(file)).unwrap();
    for (number, (line, golden)) in text.lines().zip(golden.lines()).enumerate() {
        assert_eq!(line, golden, "line {number} of {file}");
    }
    assert_eq!(text.lines().count(), golden.lines().count(), "lines of {file}");
    assert!(text == golden, "ends of lines of {file}");
}

/// Real directories know their project id, 0 if they have none; archives store none then.
#[test]
fn project_ids_are_shown_where_they_are_known() {
    let (members, features) = archive("xattrtree.without=privileged");
    let mut node = members[0].node.clone();
    let text = |node: &Node, zero_project_id| {
        let (path, digest, hardlink_digest) = (&b""[..], None, None);
        let (offset, utc_offset, fat_attributes) = (0, 0, true);
        let text = StatText {
            path,
            node,
            features,
            shift: IdShift::default(),
            offset,
            utc_offset,
            digest,
            hardlink_digest,
            fat_attributes,
            zero_project_id,
        };
        text.to_string()
    };
    assert!(!text(&node, false).contains("ProjID"));
    assert!(text(&node, true).contains("  ProjID: 0\n"));
    node.metadata.project_id = Some(7);
    assert!(text(&node, false).contains("  ProjID: 7\n") && text(&node, true).contains("  ProjID: 7\n"));
}

#[test]
fn the_tree() {
    assert_text(&list("tree.without=privileged"), "list.txt");
    assert_text(&mtree("tree.without=privileged"), "mtree.txt");
}

#[test]
fn small_archives() {
    let files = vectors::list("texts");
    for file in &files {
        let (name, verb) = file.rsplit_once('.').unwrap();
        let text = match verb {
            "list" => list(name),
            "mtree" => mtree(name),
            "stat" => stat(name),
            _ => panic!("no verb prints {file}"),
        };
        assert_text(&text, &format!("texts/{file}"));
    }
    assert_eq!(files.len(), 15, "three verbs on five archives");
}
