//! Archives of many small files, where records cost more than payload.

use casync_core::archive::{Content, Decoder, Event, FileType, IdShift, Metadata, Node, Selection, Step, Timestamp};
use casync_core::record::FeatureFlags;
use casync_core::{Limits, Name};
use casync_tests::members::{self, Member};
use casync_tests::random::Rng;

use crate::measure::Case;

/// What is fed at a time: a chunk.
const PIECE: usize = 1 << 16;

/// Files of a directory.
const FILES: usize = 40;

pub(crate) fn cases(size: usize) -> Vec<Case> {
    // A file with its records has about 1 KB.
    let members = tree((size / 1024 / FILES).max(1));
    let nodes = (members.len(), "nodes");
    let archive = members::encode(&members, features()).expect("the tree can be represented");
    let decoded = members::decode(&archive).unwrap();
    assert!(
        decoded.iter().map(|member| &member.node).eq(members.iter().map(|member| &member.node)),
        "what was encoded is decoded"
    );
    let bytes = archive.len();
    vec![
        Case::new(("archive-encode", "small files, payload copied"), bytes, nodes, move || {
            // An archive of another size would have another number of nodes.
            let again = members::encode(&members, features()).expect("the tree can be represented");
            if again.len() == bytes { members.len() } else { 0 }
        }),
        Case::new(("archive-decode", "small files, in pieces of 64 KiB"), bytes, nodes, move || decode(&archive)),
    ]
}

/// As archives have them that are made without options.
fn features() -> FeatureFlags {
    let stored = [
        FeatureFlags::UIDS_32BIT,
        FeatureFlags::USER_NAMES,
        FeatureFlags::NSEC_TIME,
        FeatureFlags::PERMISSIONS,
        FeatureFlags::SYMLINKS,
        FeatureFlags::SHA512_256,
    ];
    FeatureFlags::union(&stored).normalized()
}

fn decode(archive: &[u8]) -> usize {
    let mut decoder = Decoder::new(&Limits::default());
    let mut nodes = 0;
    for mut piece in archive.chunks(PIECE) {
        while let Step::Did { used, event } = decoder.step(piece).expect("the archive is right") {
            nodes += usize::from(matches!(event, Event::Node(_)));
            piece = &piece[used..];
        }
    }
    decoder.finish().expect("the archive is complete");
    nodes
}

/// A root with directories full of files.
fn tree(directories: usize) -> Vec<Member> {
    let rng = &mut Rng::new(4);
    let mut members = vec![member(None, 0, FileType::Directory, rng)];
    for directory in 0..directories {
        members.push(member(Some(format!("directory-{directory:06}")), 1, FileType::Directory, rng));
        for file in 0..FILES {
            members.push(member(Some(format!("file-{file:06}")), 2, FileType::Regular, rng));
        }
    }
    members
}

fn member(name: Option<String>, depth: usize, file_type: FileType, rng: &mut Rng) -> Member {
    let (content, payload) = match file_type {
        FileType::Directory => (Content::Directory, Vec::new()),
        _ => {
            let size = rng.number(0..=1600);
            (Content::Regular { size: size as u64 }, rng.bytes(size))
        }
    };
    let mut metadata = Metadata {
        permissions: 0o755,
        uid: 1000,
        gid: 1000,
        user: Some(b"builder"[..].into()),
        group: Some(b"builders"[..].into()),
        mtime: Timestamp::from_nanoseconds(1_600_000_000_000_000_000 + rng.below(1_000_000_000)),
        ..Metadata::default()
    };
    Selection::new(features(), IdShift::default()).apply(file_type, &mut metadata).expect("it can be represented");
    let name = name.map(|name| Name::new(name.as_bytes()).expect("a plain name"));
    let (path, entry, records) = (Vec::new(), 0, Vec::new());
    Member { name, path, depth, node: Node { metadata, content }, entry, records, payload }
}
