//! Nodes found by a tree and decoded alone, against the decoder of the whole archive.

use casync_core::Limits;
use casync_core::archive::{Decoder, Found, NodeDigests, Tree};
use casync_core::error::{Error, Malformed};
use casync_core::hash::DigestAlgorithm;
use casync_core::record::FeatureFlags;
use casync_tests::ask::{Asked, Supply};
use casync_tests::members::{Member, decode, decode_parts, encode};
use casync_tests::random::for_each_seed;
use casync_tests::split::{for_each_split, random_cuts};
use casync_tests::tree;

/// The members of a node and all below it, as a decoder of that part alone shows them.
fn below(members: &[Member], number: usize) -> Vec<Member> {
    let top = &members[number];
    let deeper = members[number + 1..].iter().take_while(|member| member.depth > top.depth);
    let inside = |member: &Member| Member {
        depth: member.depth - top.depth,
        path: member.path.get(top.path.len() + usize::from(!top.path.is_empty())..).unwrap_or_default().to_vec(),
        ..member.clone()
    };
    let first = Member { name: None, path: Vec::new(), ..inside(top) };
    [first].into_iter().chain(deeper.map(inside)).collect()
}

fn slice<'a>(archive: &'a [u8], found: &Found) -> &'a [u8] {
    &archive[found.located.entry as usize..found.located.end as usize]
}

fn part(archive: &[u8], found: &Found, parts: &[&[u8]]) -> Vec<Member> {
    let decoder = Decoder::for_part(found.located.entry, found.located.end, &Limits::default());
    let decoded = decode_parts(decoder, parts);
    assert_eq!(decoded.outcome, Ok(()), "{found:?} in {} bytes", archive.len());
    decoded.members
}

#[test]
fn parts_are_what_the_whole_shows() {
    for_each_seed(150, |rng| {
        let features = tree::features(rng);
        let archive = encode(&tree::random(rng, features), features).unwrap();
        let members = decode(&archive).unwrap();
        let tree = Tree::new(archive.len() as u64, &Limits::default()).expecting(features);
        let supply = *rng.pick(&Supply::ALL);
        let asked = Asked::new(&archive, tree, supply);
        let walked = asked.walk(tree.root(), members.len()).unwrap();
        assert_eq!(walked.len(), members.len());
        for (number, (found, member)) in walked.iter().zip(&members).enumerate() {
            assert_eq!((&found.name, &found.node), (&member.name, &member.node));
            assert_eq!(found.located.entry, member.entry);
            let bytes = slice(&archive, found);
            let expected = below(&members, number);
            assert!(part(&archive, found, &[bytes]) == expected, "{found:?}");
            assert!(part(&archive, found, &random_cuts(bytes, rng)) == expected, "{found:?} in pieces");
        }
        // Another archive's flags are noticed at the first node.
        let other = if features == FeatureFlags::EMPTY { FeatureFlags::SYMLINKS } else { FeatureFlags::EMPTY };
        let refused = Asked::new(&archive, tree.expecting(other), supply).find(b"");
        assert_eq!(refused, Err(Error::Format { what: Malformed::FlagsDiffer(features), offset: Some(0) }));
    });
}

/// A part that is said to be longer or shorter than it is, or to start elsewhere, is refused.
#[test]
fn parts_of_the_wrong_size_are_refused() {
    for_each_seed(60, |rng| {
        let features = tree::features(rng);
        let archive = encode(&tree::random(rng, features), features).unwrap();
        let tree = Tree::new(archive.len() as u64, &Limits::default());
        let walked = Asked::new(&archive, tree, Supply::Everything).walk(tree.root(), 1000).unwrap();
        for found in &walked {
            let located = found.located;
            let size = archive.len() as u64;
            let ends = [located.end - 1, located.end + 1, located.end + 16, located.end + 100, located.entry + 63];
            for end in ends.into_iter().filter(|&end| end != located.end && end <= size) {
                let decoder = Decoder::for_part(located.entry, end, &Limits::default());
                let bytes = &archive[located.entry as usize..end as usize];
                let whole = decode_parts(decoder.clone(), &[bytes]);
                assert!(whole.outcome.is_err(), "{found:?} up to {end}");
                let split = decode_parts(decoder, &random_cuts(bytes, rng));
                assert_eq!(split.outcome, whole.outcome, "{found:?} up to {end}");
            }
        }
    });
}

/// The end of a part is kept, and where it was passed does not depend on the pieces.
#[test]
fn bytes_behind_a_part_are_refused() {
    for_each_seed(60, |rng| {
        let features = tree::features(rng);
        let archive = encode(&tree::random(rng, features), features).unwrap();
        let tree = Tree::new(archive.len() as u64, &Limits::default());
        let walked = Asked::new(&archive, tree, Supply::Everything).walk(tree.root(), 1000).unwrap();
        for found in &walked {
            let located = found.located;
            for short in [0, 1, 10, 24, 40, 63] {
                let decoder = Decoder::for_part(located.entry, located.end - short, &Limits::default());
                let bytes = &archive[located.entry as usize..];
                let whole = decode_parts(decoder.clone(), &[bytes]);
                if short == 0 && bytes.len() as u64 == located.end - located.entry {
                    assert_eq!(whole.outcome, Ok(()));
                    continue;
                }
                let Err(Error::Format { offset: Some(offset), .. }) = whole.outcome else { panic!("{whole:?}") };
                assert!(offset <= located.end - short, "{offset} is behind {located:?} less {short}");
                if bytes.len() <= 2000 {
                    for_each_split(bytes, |parts| {
                        let split = decode_parts(decoder.clone(), parts);
                        assert_eq!(split.outcome, whole.outcome, "{located:?} less {short}");
                    });
                }
            }
        }
    });
}

#[test]
fn digests_of_nodes_cover_their_bytes() {
    for_each_seed(60, |rng| {
        let features = tree::features(rng);
        let archive = encode(&tree::random(rng, features), features).unwrap();
        let algorithm = DigestAlgorithm::of(features);
        for member in decode(&archive).unwrap() {
            let mut digests = NodeDigests::from_records(&member.records, algorithm);
            random_cuts(&member.payload, rng).iter().for_each(|piece| digests.update(piece));
            let bytes = [member.records, member.payload.clone()].concat();
            assert_eq!(digests.finish(), (algorithm.digest(&member.payload), algorithm.digest(&bytes)));
        }
    });
}
