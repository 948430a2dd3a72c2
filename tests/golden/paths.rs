//! `paths.tsv`: nodes found by path, with their offsets and digests.

use casync_core::Limits;
use casync_core::archive::{Content, Decoder, Event, NodeDigests, Step, Tree};
use casync_core::hash::{Digest, DigestAlgorithm};
use casync_tests::ask::{Asked, Supply};
use casync_tests::vectors;

const ALGORITHM: DigestAlgorithm = DigestAlgorithm::Sha512_256;

/// Both digests of the node in `archive[entry..end]`, from the decoder's events.
fn node_digests(archive: &[u8], entry: u64, end: u64) -> (Digest, Digest) {
    let mut decoder = Decoder::for_part(entry, end, &Limits::default());
    let mut rest = &archive[entry as usize..end as usize];
    let mut digests = None;
    loop {
        let Step::Did { used, event } = decoder.step(rest).unwrap() else { panic!("{entry} to {end} is a whole node") };
        rest = &rest[used..];
        match event {
            Event::Node(node) => digests = Some(NodeDigests::new(&node, ALGORITHM)),
            Event::Payload(bytes) => digests.as_mut().unwrap().update(bytes),
            Event::End => break,
        }
    }
    decoder.finish().unwrap();
    digests.unwrap().finish()
}

#[test]
fn paths_lead_to_the_golden_places() {
    let archive = vectors::read("catar/tree.without=privileged.catar");
    let tree = Tree::new(archive.len() as u64, &Limits::default());
    let text = |digest: Option<Digest>| digest.map_or_else(|| "-".to_owned(), |digest| digest.to_string());
    for row in vectors::table("paths.tsv").rows() {
        for supply in Supply::ALL {
            let path = row.get("path");
            let found = Asked::new(&archive, tree, supply).find(path.as_bytes()).unwrap();
            let Some(found) = found else {
                assert_eq!(row.get("ENTRY offset"), "not found", "{row:?}");
                continue;
            };
            assert_eq!(found.located.entry, row.parse::<u64>("ENTRY offset"), "{row:?}");
            assert_eq!(
                found.name.as_ref().map(|name| name.as_bytes()),
                path.rsplit('/').next().map(str::as_bytes).filter(|name| !name.is_empty())
            );
            let bytes = &archive[found.located.entry as usize..found.located.end as usize];
            let (digest, hardlink) = match found.node.content {
                Content::Directory => (Some(ALGORITHM.digest(bytes)), None),
                Content::Regular { size } => {
                    let (payload, node) = node_digests(&archive, found.located.entry, found.located.end);
                    let content = &archive[found.content as usize..][..size as usize];
                    assert_eq!(payload, ALGORITHM.digest(content), "{row:?}");
                    (Some(payload), Some(node))
                }
                _ => (None, Some(node_digests(&archive, found.located.entry, found.located.end).1)),
            };
            assert_eq!(text(digest), row.get("casync digest"), "{row:?}");
            assert_eq!(text(hardlink), row.get("hardlink digest"), "{row:?}");
            if let Some(hardlink) = hardlink {
                assert_eq!(hardlink, ALGORITHM.digest(bytes), "the hardlink digest covers the whole node, {row:?}");
            }
        }
    }
}

#[test]
fn slashes_do_not_matter_and_dots_are_names() {
    let archive = vectors::read("catar/tree.without=privileged.catar");
    let asked = Asked::new(&archive, Tree::new(archive.len() as u64, &Limits::default()), Supply::Around(1000));
    let plain = asked.find(b"sizes/4096").unwrap();
    assert!(plain.is_some());
    for path in ["/sizes/4096", "sizes//4096", "//sizes/4096//"] {
        assert_eq!(asked.find(path.as_bytes()), Ok(plain.clone()), "{path}");
    }
    for path in ["", "/", "//"] {
        assert_eq!(asked.find(path.as_bytes()).unwrap().unwrap().located.entry, 0, "{path:?}");
    }
    for path in ["sizes/./4096", "sizes/../sizes", ".", "..", "sizes/\0", "sizes/4096/"] {
        assert_eq!(asked.find(path.as_bytes()).unwrap().is_some(), path == "sizes/4096/", "{path:?}");
    }
}
