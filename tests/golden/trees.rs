//! `trees.tsv`, `caidx.tsv`, `caidx-chunks.tsv` and `caidx/`: trees with all kinds of options.
//!
//! The trees themselves are not needed: the archives in `catar/` that store the most of them hold everything that any
//! other row stores. What reads real trees is tested with the shells.

use casync_core::archive::{Content, FileType};
use casync_core::error::{Error, Unrepresentable, UsageError};
use casync_core::index::IndexTable;
use casync_core::{Limits, Result};
use casync_tests::members::{Member, decode, encode};
use casync_tests::options::Options;
use casync_tests::{cut, input, vectors};

/// The archive that stores the most of a tree.
fn richest(tree: &str) -> &'static str {
    match tree {
        "tree" => "catar/tree.without=privileged.catar",
        "xattrtree" => "catar/xattrtree.without=privileged.catar",
        "roottree" => "catar/roottree.catar",
        _ => panic!("no tree {tree}"),
    }
}

/// The archive of a tree with these options, made from what another archive stores of it.
fn archive(tree: &str, options: &Options) -> Result<Vec<u8>> {
    let selection = options.selection();
    let mut members = decode(&vectors::read(richest(tree))).unwrap();
    members.retain(|member| selection.admits(member.node.content.file_type()));
    for Member { node, .. } in &mut members {
        selection.apply(node.content.file_type(), &mut node.metadata)?;
    }
    encode(&members, selection.features())
}

#[test]
fn archives_are_the_golden_ones() {
    for row in vectors::table("trees.tsv").rows() {
        let options = Options::parse(row.get("options"));
        let archive = archive(row.get("tree"), &options);
        let refused = |what: fn(u64) -> Unrepresentable| match &archive {
            Err(Error::Usage(UsageError::Unrepresentable(found))) => match found {
                Unrepresentable::Id(id) | Unrepresentable::WideId(id) => *found == what(*id),
                _ => false,
            },
            _ => false,
        };
        match row.get("printed") {
            "FAILS: Invalid argument" => assert!(refused(Unrepresentable::Id), "{archive:?} of {row:?}"),
            "FAILS: Protocol not supported" => assert!(refused(Unrepresentable::WideId), "{archive:?} of {row:?}"),
            digest => {
                let archive = archive.unwrap();
                assert_eq!(archive.len(), row.parse::<usize>("size"), "{row:?}");
                assert_eq!(input::sha256(&archive), row.get("sha256"), "{row:?}");
                assert_eq!(options.algorithm.digest(&archive).to_string(), digest, "{row:?}");
            }
        }
    }
}

#[test]
fn archive_files_are_the_golden_ones() {
    for (file, options) in [
        ("tree.with=symlinks", "--with=symlinks"),
        ("roottree.without=user-names", "--without=user-names"),
        ("roottree.with=acl", "--with=acl"),
        ("roottree.with=acl.with=32bit-uids", "--with=acl --with=32bit-uids"),
    ] {
        let tree = file.split('.').next().unwrap();
        let archive = archive(tree, &Options::parse(options)).unwrap();
        assert!(archive == vectors::read(&format!("catar/{file}.catar")), "{file}");
    }
}

#[test]
fn archive_indexes_are_the_golden_ones() {
    for row in vectors::table("caidx.tsv").rows() {
        let options = Options::parse(row.get("options"));
        let archive = archive(row.get("tree"), &options).unwrap();
        let ends = cut::by_chunker(&[&archive], options.sizes).unwrap();
        let index = cut::index(&archive, &ends, options.sizes, options.selection().features());
        assert_eq!(index.len(), row.parse::<usize>("index size"), "{row:?}");
        assert_eq!(input::sha256(&index), row.get("index sha256"), "{row:?}");
        assert_eq!(ends.len(), row.parse::<usize>("chunks"), "{row:?}");
        assert_eq!(options.algorithm.digest(&archive).to_string(), row.get("printed"), "{row:?}");
    }
}

#[test]
fn archive_index_files_hold_the_golden_chunks() {
    let golden = vectors::table("caidx-chunks.tsv");
    for file in vectors::list("caidx") {
        let setting = file.strip_prefix("tree.").and_then(|rest| rest.strip_suffix(".caidx")).unwrap();
        let (sizes, digest) = setting.split_once('.').unwrap();
        let mut options = "--without=privileged".to_owned();
        if sizes != "default" {
            options += &format!(" --chunk-size={}", sizes.replace('_', ":"));
        }
        if digest != "sha512-256" {
            options += &format!(" --digest={digest}");
        }
        let table = IndexTable::parse(&vectors::read(&format!("caidx/{file}")), &Limits::default()).unwrap();
        let parsed = Options::parse(&options);
        assert_eq!(table.features(), parsed.selection().features(), "{file}");
        assert_eq!((table.sizes(), table.algorithm()), (parsed.sizes, parsed.algorithm), "{file}");
        let chunks: Vec<(u64, u64, String)> =
            table.iter().map(|piece| (piece.start, piece.size, piece.id.to_string())).collect();
        let rows = golden.rows().filter(|row| row.get("options") == options);
        let rows: Vec<(u64, u64, String)> =
            rows.map(|row| (row.parse("offset"), row.parse("size"), row.get("id").to_owned())).collect();
        assert_eq!(chunks, rows, "{file}");
    }
}

/// The rows would not notice a tree that had lost a kind of node.
#[test]
fn the_trees_hold_every_kind_of_node() {
    let mut kinds: Vec<FileType> = Vec::new();
    let mut large = 0;
    for tree in ["tree", "xattrtree", "roottree"] {
        for member in decode(&vectors::read(richest(tree))).unwrap() {
            kinds.push(member.node.content.file_type());
            large += usize::from(matches!(member.node.content, Content::Regular { size } if size > 4000));
        }
    }
    kinds.sort_by_key(|kind| kind.bits());
    kinds.dedup();
    assert_eq!((kinds.len(), large), (7, 5));
}
