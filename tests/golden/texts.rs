//! `list.txt` and `mtree.txt`: what `list` and `mtree` print of an archive.

use casync_core::archive::Content;
use casync_core::hash::DigestAlgorithm;
use casync_core::record::FeatureFlags;
use casync_core::show::{ListLine, MtreeLine};
use casync_tests::members::{Member, decode};
use casync_tests::options::Options;
use casync_tests::vectors;

fn members() -> Vec<Member> {
    decode(&vectors::read("catar/tree.without=privileged.catar")).unwrap()
}

fn features() -> FeatureFlags {
    Options::parse("--without=privileged").selection().features()
}

#[test]
fn list() {
    let lines = members()
        .iter()
        .map(|member| format!("{}\n", ListLine { path: &member.path, node: &member.node }))
        .collect::<String>();
    assert_eq!(lines.as_bytes(), vectors::read("list.txt"));
}

#[test]
fn mtree() {
    let line = |member: &Member| {
        let is_file = matches!(member.node.content, Content::Regular { .. });
        let digest = is_file.then(|| DigestAlgorithm::of(features()).digest(&member.payload));
        MtreeLine { path: &member.path, node: &member.node, features: features(), digest }.to_string()
    };
    let golden = String::from_utf8(vectors::read("mtree.txt")).unwrap();
    let lines: Vec<String> = members().iter().map(line).collect();
    for (line, golden) in lines.iter().zip(golden.lines()) {
        assert_eq!(line, golden);
    }
    assert_eq!(lines.len(), golden.lines().count());
}
