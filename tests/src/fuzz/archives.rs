//! Archives of any bytes: read in order, in part, and by their tables.

use casync_core::Limits;
use casync_core::archive::{DEPTH_MAX, Decoder, IdShift, Tree};
use casync_core::show::{ListLine, MtreeLine, StatText};

use super::seed;
use crate::ask::{Asked, Supply};
use crate::members::{decode_parts, encode};
use crate::random::Rng;
use crate::split::random_cuts;

/// Limits that inputs of a fuzzer's size can reach.
fn limits() -> Limits {
    Limits::default().with_node_bytes(10_000).with_depth(70).with_directory_entries(200).with_tree_bytes(2_000)
}

/// What is accepted is in the one form that the encoder writes, and pieces do not matter.
pub(super) fn decoder(archive: &[u8]) {
    let mut rng = Rng::new(seed(archive));
    let whole = decode_parts(Decoder::new(&limits()), &[archive]);
    let split = decode_parts(Decoder::new(&limits()), &random_cuts(archive, &mut rng));
    assert_eq!(split, whole, "pieces do not matter");
    if archive.len() < 1000 {
        let bytes: Vec<&[u8]> = archive.chunks(1).collect();
        assert_eq!(decode_parts(Decoder::new(&limits()), &bytes), whole, "byte by byte");
    }
    let deepest = whole.members.iter().map(|member| member.depth + 1).max().unwrap_or(0);
    if whole.outcome.is_err() || deepest > DEPTH_MAX {
        return;
    }
    let features = crate::members::features(archive);
    assert!(encode(&whole.members, features).unwrap() == archive, "another archive for the same members");
    for member in &whole.members {
        let (path, node) = (member.path.as_slice(), &member.node);
        let texts = [
            ListLine { path, node }.to_string(),
            MtreeLine { path, node, features, shift: IdShift::default(), digest: None }.to_string(),
            StatText {
                path,
                node,
                features,
                shift: IdShift::default(),
                offset: member.entry,
                utc_offset: rng.bits() as i32,
                digest: None,
                hardlink_digest: None,
                fat_attributes: true,
                zero_project_id: false,
            }
            .to_string(),
        ];
        assert!(texts.iter().all(|text| !text.contains(|letter: char| letter.is_control() && letter != '\n')));
        assert!(!texts[0].contains('\n') && !texts[1].contains('\n'), "one line each");
    }
}

/// Any part of any bytes.
pub(super) fn part(bytes: &[u8]) {
    let mut rng = Rng::new(seed(bytes));
    let size = bytes.len() as u64;
    let start = if rng.once_in(2) { 0 } else { rng.below(size + 1) };
    let end = if rng.once_in(8) { rng.extreme() } else { rng.below(size + 2) };
    let part = &bytes[start as usize..];
    let decoder = Decoder::for_part(start, end, &limits());
    let whole = decode_parts(decoder.clone(), &[part]);
    let split = decode_parts(decoder, &random_cuts(part, &mut rng));
    assert_eq!(split, whole, "pieces do not matter");
    assert!(whole.outcome.is_err() || end == size, "bytes behind the part are refused");
}

/// Questions end, whatever the tables say, and agree with the decoder on archives that are right.
pub(super) fn tree(archive: &[u8]) {
    let mut rng = Rng::new(seed(archive));
    let tree = Tree::new(archive.len() as u64, &limits());
    let supply = *rng.pick(&Supply::ALL);
    let asked = Asked::new(archive, tree, supply);
    let walked = asked.walk(tree.root(), archive.len() / 82 + 1);
    let decoded = decode_parts(Decoder::new(&limits()), &[archive]);
    let mut paths = vec![b"a".to_vec(), b"d/d/d".to_vec(), b"nothing".to_vec()];
    if decoded.outcome.is_ok() {
        let walked = walked.as_ref().unwrap();
        let shown = walked.iter().map(|found| (&found.name, &found.node, found.located.entry));
        assert!(shown.eq(decoded.members.iter().map(|member| (&member.name, &member.node, member.entry))));
        for member in &decoded.members {
            let found = asked.find(&member.path).unwrap().expect("what the decoder shows is found");
            assert_eq!((found.located.entry, &found.node), (member.entry, &member.node));
        }
    }
    paths.extend(decoded.members.into_iter().map(|member| member.path));
    for path in paths {
        let exact = Asked::new(archive, tree, Supply::Exact).find(&path);
        assert_eq!(asked.find(&path), exact, "more than was asked for changes nothing");
        if let Ok(Some(found)) = exact {
            assert!(found.located.entry < found.content && found.content <= found.located.end);
            assert!(found.located.end <= archive.len() as u64);
        }
    }
}
