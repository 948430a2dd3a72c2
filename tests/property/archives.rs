//! Random trees through the encoder and back.

use casync_core::Limits;
use casync_core::archive::{Content, Decoder, Event, FileType, IdShift, Node, Selection, Step, Timestamp};
use casync_core::error::{Error, Limited, Unrepresentable, UsageError};
use casync_core::record::FeatureFlags;
use casync_tests::members::{Member, decode, decode_parts, encode};
use casync_tests::random::{Rng, for_each_seed};
use casync_tests::split::random_cuts;
use casync_tests::tree;

/// What an archive holds of a member, without where it lies.
fn stored(member: &Member) -> (&[u8], usize, &Node, &[u8]) {
    (&member.path, member.depth, &member.node, &member.payload)
}

#[test]
fn random_trees_come_back() {
    let mut kinds = std::collections::BTreeSet::new();
    for_each_seed(400, |rng| {
        let features = tree::features(rng);
        let members = tree::random(rng, features);
        let archive = encode(&members, features).unwrap();
        let decoded = decode(&archive);
        assert_eq!(decoded.outcome, Ok(()), "{features:?}");
        assert!(decoded.members.iter().map(stored).eq(members.iter().map(stored)), "{features:?}");
        assert_eq!(encode(&decoded.members, features), Ok(archive.clone()));
        for _ in 0..3 {
            let parts = decode_parts(Decoder::new(&Limits::default()), &random_cuts(&archive, rng));
            assert!(parts == decoded, "pieces do not matter");
        }
        kinds.extend(members.iter().map(|member| member.node.content.file_type().bits()));
    });
    assert_eq!(kinds.len(), 7, "kinds of nodes that were tried");
}

#[test]
fn deep_and_wide_trees_come_back() {
    let mut rng = Rng::new(1);
    let features = tree::features(&mut rng);
    let directory = |depth| {
        let root = tree::random(&mut Rng::new(depth as u64), features).remove(0);
        Member { name: (depth > 0).then(|| tree::name(&mut Rng::new(depth as u64))), depth, ..root }
    };
    let deep: Vec<Member> = (0..64).map(directory).collect();
    let archive = encode(&deep, features).unwrap();
    assert_eq!(decode(&archive).unwrap().len(), 64);
    let too_deep: Vec<Member> = (0..65).map(directory).collect();
    let refused = Error::Usage(UsageError::Unrepresentable(Unrepresentable::Depth));
    assert_eq!(encode(&too_deep, features), Err(refused));

    let mut wide = vec![directory(0)];
    wide.extend((0..20_000).map(|number: u32| Member {
        name: Some(casync_core::Name::new(format!("{number:08}").as_bytes()).unwrap()),
        ..directory(1)
    }));
    let archive = encode(&wide, features).unwrap();
    assert_eq!(decode(&archive).unwrap().len(), wide.len());
}

/// Payload that is passed over is not seen, but counts.
#[test]
fn payload_can_be_skipped() {
    for_each_seed(200, |rng| {
        let features = tree::features(rng);
        let members = tree::random(rng, features);
        let archive = encode(&members, features).unwrap();
        let mut decoder = Decoder::new(&Limits::default());
        let (mut rest, mut files, mut nodes) = (archive.as_slice(), 0, 0);
        while !decoder.is_done() {
            let left = decoder.payload_left();
            assert_eq!(
                decoder.clone().skip_payload(left + 1),
                Err(Error::Usage(UsageError::OutOfTurn)),
                "only payload can be skipped"
            );
            if left > 0 {
                let count = if rng.once_in(2) { left } else { rng.below(left + 1) };
                decoder.skip_payload(count).unwrap();
                rest = &rest[count as usize..];
                assert_eq!(decoder.payload_left(), left - count);
                files += 1;
            }
            let Step::Did { used, event } = decoder.step(rest).unwrap() else { panic!("the archive is complete") };
            nodes += usize::from(matches!(event, Event::Node(_)));
            rest = &rest[used..];
        }
        decoder.finish().unwrap();
        assert_eq!((nodes, rest.len()), (members.len(), 0));
        let with_payload = members.iter().filter(|member| !member.payload.is_empty()).count();
        assert!(files >= with_payload, "{files} skips in {with_payload} files");
    });
}

/// A nanosecond before 1970 is what readers refuse; what is stored is a nanosecond off instead.
#[test]
fn any_time_can_be_stored() {
    let root = tree::random(&mut Rng::new(4), FeatureFlags::EMPTY).remove(0);
    for feature in ["nsec-time", "usec-time", "sec-time", "2sec-time", "symlinks"] {
        let selection = Selection::new(FeatureFlags::parse(feature).unwrap(), IdShift::default());
        for (seconds, nanoseconds) in [(-1, 999_999_999), (-1, 0), (0, 0), (i64::MAX, 0), (i64::MIN, 999_999_999)] {
            let mut root = root.clone();
            root.node.metadata.mtime = Timestamp::from_unix(seconds, nanoseconds);
            selection.apply(FileType::Directory, &mut root.node.metadata).unwrap();
            let archive = encode(&[root.clone()], selection.features()).unwrap();
            assert_eq!(decode(&archive).unwrap()[0].node, root.node, "{seconds}.{nanoseconds:09} as {feature}");
        }
    }
}

#[test]
fn the_encoder_refuses_what_does_not_fit() {
    let mut rng = Rng::new(2);
    let features = FeatureFlags::ALL.normalized();
    let members = tree::random(&mut rng, features);
    let root = members[0].clone();
    let child = |name: &[u8], change: &dyn Fn(&mut Node)| {
        let mut child = Member { name: Some(casync_core::Name::new(name).unwrap()), depth: 1, ..root.clone() };
        change(&mut child.node);
        child
    };
    let refused = |what| Err(Error::Usage(UsageError::Unrepresentable(what)));
    let plain: &dyn Fn(&mut Node) = &|_| {};
    for names in [["b", "a"], ["a", "a"], ["aa", "a"]] {
        let [first, second] = names.map(|name| child(name.as_bytes(), plain));
        assert_eq!(encode(&[root.clone(), first, second], features), refused(Unrepresentable::NameOrder), "{names:?}");
    }
    let values: [&dyn Fn(&mut Node); 8] = [
        &|node| node.content = Content::Symlink { target: b""[..].into() },
        &|node| node.content = Content::Symlink { target: vec![b'x'; 4096].into() },
        &|node| node.metadata.user = Some(b""[..].into()),
        &|node| node.metadata.group = Some(b"root"[..].into()),
        &|node| node.metadata.mtime = Timestamp::from_nanoseconds(u64::MAX),
        &|node| node.metadata.selinux = Some(b"a\0b"[..].into()),
        &|node| node.metadata.fcaps = Some(vec![0; 65_537].into()),
        &|node| node.content = Content::Regular { size: u64::MAX - 16 },
    ];
    for (number, change) in values.into_iter().enumerate() {
        let outcome = encode(&[root.clone(), child(b"a", change)], features);
        assert_eq!(outcome, refused(Unrepresentable::Value), "value {number}");
    }
    let huge = |size| encode(&[root.clone(), child(b"a", &|node| node.content = Content::Regular { size })], features);
    let max = i64::MAX as u64;
    for size in [max, max * 2 - 100] {
        let Err(Error::Limit { what: Limited::Stream, value, .. }) = huge(size) else { panic!("{size} bytes") };
        assert!(value > size && value - size < 10_000, "{value} with {size} bytes of payload");
    }
    // A root that is no directory, and anything after an error.
    let mut encoder = casync_core::archive::Encoder::new(features);
    let file = Node { content: Content::Fifo, ..root.node.clone() };
    let out_of_turn = Error::Usage(UsageError::OutOfTurn);
    assert_eq!(encoder.root(&file, &mut Vec::new()), Err(out_of_turn.clone()));
    assert_eq!(encoder.root(&root.node, &mut Vec::new()), Err(out_of_turn.clone()));
    assert_eq!(encoder.leave(&mut Vec::new()), Err(out_of_turn));
    assert_eq!(root.node.content.file_type(), FileType::Directory);
}

/// A directory that is passed over is not seen, but the table above it tells whether that was all of it.
#[test]
fn directories_can_be_skipped() {
    let mut skipped = 0;
    for_each_seed(200, |rng| {
        let features = tree::features(rng);
        let archive = encode(&tree::random(rng, features), features).unwrap();
        let members = decode(&archive).unwrap();
        // Where every node ends, by the offset of its ENTRY.
        let mut ends = std::collections::BTreeMap::new();
        let (mut decoder, mut open) = (Decoder::new(&Limits::default()), Vec::new());
        while let Step::Did { event, .. } = decoder.step(&archive[decoder.position() as usize..]).unwrap() {
            match event {
                Event::Node(event) => open.push(event.entry),
                Event::Payload(_) => {}
                Event::End => _ = ends.insert(open.pop().unwrap(), decoder.position()),
            }
        }
        // Nodes that were seen or lie in what was skipped, skipped directories, and how it ended.
        let mut skip = |wrong: u64| {
            let (mut decoder, mut counted, mut passed) = (Decoder::new(&Limits::default()), 0, 0);
            loop {
                let Some(rest) = archive.get(decoder.position() as usize..) else {
                    return (counted, passed, decoder.finish());
                };
                let entry = match decoder.step(rest) {
                    Err(error) => return (counted, passed, Err(error)),
                    Ok(Step::More) => return (counted, passed, decoder.finish()),
                    Ok(Step::Did { event: Event::Node(event), .. }) => {
                        counted += 1;
                        (event.node.content == Content::Directory).then_some(event.entry)
                    }
                    Ok(Step::Did { .. }) => None,
                };
                // Nothing tells the end of the root but the caller.
                let Some(entry) = entry.filter(|&entry| (wrong == 0 || entry > 0) && rng.once_in(3)) else { continue };
                let end = ends[&entry];
                counted += members.iter().filter(|member| entry < member.entry && member.entry < end).count();
                let early = decoder.clone().skip_directory(entry);
                assert_eq!(early, Err(Error::Usage(UsageError::OutOfTurn)), "what was read cannot be skipped");
                decoder.skip_directory(end + wrong).unwrap();
                passed += 1;
            }
        };
        let (counted, passed, outcome) = skip(0);
        outcome.unwrap();
        assert_eq!(counted, members.len());
        skipped += passed;
        let (_, passed, outcome) = skip(1);
        assert!(passed == 0 || outcome.is_err(), "a wrong end is noticed");
    });
    assert!(skipped > 100, "directories that were skipped: {skipped}");
}
