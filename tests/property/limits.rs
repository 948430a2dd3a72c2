//! Limits: nothing grows by what input announces, and what grows is refused at the limit.

use casync_core::archive::{Ask, Decoder, Event, Find, Listing, Located, Lookup, Places, Step, Tree};
use casync_core::error::{Error, Limited, Malformed, UsageError};
use casync_core::record::{ENTRY_SIZE, FeatureFlags, HEADER_SIZE, Header, RecordKind};
use casync_core::{Limits, Result};
use casync_tests::craft::{self, Directory, directory_entry, file, filename, header};
use casync_tests::members::{decode, decode_parts};

const HUGE: u64 = 1 << 60;

fn outcome(limits: Limits, archive: &[u8]) -> Result<()> {
    decode_parts(Decoder::new(&limits), &[archive]).outcome
}

fn limit(what: Limited, value: u64, max: u64) -> Result<()> {
    Err(Error::Limit { what, value, max })
}

/// `depth` directories in each other.
fn nested(depth: usize) -> Vec<u8> {
    (1..depth).fold(Directory::new(directory_entry()).finish(), |inner, _| {
        Directory::new(directory_entry()).with(b"d", &inner).finish()
    })
}

#[test]
fn depth() {
    for allowed in [1, 2, 10, 1024] {
        let limits = Limits::default().with_depth(allowed);
        assert_eq!(outcome(limits, &nested(allowed)), Ok(()));
        let refused = limit(Limited::Depth, allowed as u64 + 1, allowed as u64);
        assert_eq!(outcome(limits, &nested(allowed + 1)), refused);
    }
    assert_eq!(Limits::default().depth, 1024);
}

#[test]
fn directory_entries() {
    let archive = ["a", "b", "c"]
        .iter()
        .fold(Directory::new(directory_entry()), |directory, name| directory.with(name.as_bytes(), &file(b"")))
        .finish();
    assert_eq!(outcome(Limits::default().with_directory_entries(3), &archive), Ok(()));
    let refused = limit(Limited::DirectoryEntries, 3, 2);
    let limits = Limits::default().with_directory_entries(2);
    assert_eq!(outcome(limits, &archive), refused);
    let tree = Tree::new(archive.len() as u64, &limits);
    let listed = casync_tests::ask::Asked::new(&archive, tree, casync_tests::ask::Supply::Exact).list(tree.root());
    assert_eq!(listed.map(|_| ()), refused);
}

/// A node with `count` small attributes.
fn attributes(count: usize) -> Vec<u8> {
    let mut entry = craft::entry(FeatureFlags::XATTRS, 0o040_777);
    for number in 0..count {
        entry.extend(craft::record(RecordKind::Xattr, format!("user.{number:08}\0").as_bytes()));
    }
    entry
}

#[test]
fn node_bytes() {
    let archive = Directory::new(attributes(10)).finish();
    let size = attributes(10).len();
    assert_eq!(outcome(Limits::default().with_node_bytes(size), &archive), Ok(()));
    let refused = limit(Limited::NodeBytes, size as u64, size as u64 - 1);
    assert_eq!(outcome(Limits::default().with_node_bytes(size - 1), &archive), refused);
}

#[test]
fn a_million_tiny_records_are_refused() {
    let entry = attributes(1_000_000);
    let max = Limits::default().node_bytes as u64;
    let decoded = decode_parts(Decoder::new(&Limits::default()), &entry.chunks(10_000).collect::<Vec<_>>());
    let Err(Error::Limit { what: Limited::NodeBytes, value, .. }) = decoded.outcome else {
        panic!("{:?}", decoded.outcome)
    };
    assert!(value > max && value < max + 100, "refused at the limit, not after it: {value}");
}

/// Empty files without end, as they might come from a stream.
#[test]
fn a_million_tiny_files_are_refused() {
    let limits = Limits::default().with_directory_entries(50_000);
    let mut decoder = Decoder::new(&limits);
    let mut feed = |bytes: &[u8]| -> Result<()> {
        let mut rest = bytes;
        while let Step::Did { used, .. } = decoder.step(rest)? {
            rest = &rest[used..];
        }
        Ok(())
    };
    feed(&directory_entry()).unwrap();
    let fed = (0..1_000_000_u32)
        .try_for_each(|number| feed(&[filename(format!("{number:08}").as_bytes()), file(b"")].concat()));
    assert_eq!(fed, limit(Limited::DirectoryEntries, 50_001, 50_000));
}

/// Records that announce 2^60 bytes: refused by their headers, or, payload, believed and never reserved.
#[test]
fn announced_sizes_are_not_believed() {
    let start = directory_entry();
    let child = [filename(b"a"), craft::entry(FeatureFlags::EMPTY, 0o100_666)].concat();
    for kind in [RecordKind::Xattr, RecordKind::User, RecordKind::Selinux, RecordKind::Symlink, RecordKind::Filename] {
        let archive = [&start[..], &header(kind, HUGE)].concat();
        let refused = decode(&archive).outcome;
        let place = start.len() as u64;
        let expected = Error::Format { what: Malformed::RecordSize { kind, size: HUGE }, offset: Some(place) };
        assert_eq!(refused, Err(expected), "{kind}");
    }
    // The decoder knows how many entries there were.
    let archive = [&start[..], &header(RecordKind::Goodbye, HUGE)].concat();
    let expected = Error::Format { what: Malformed::Goodbye, offset: Some(start.len() as u64) };
    assert_eq!(decode(&archive).outcome, Err(expected));

    let archive = [&start[..], &child, &header(RecordKind::Payload, HUGE), b"some"].concat();
    let decoded = decode(&archive);
    assert_eq!(decoded.members[1].payload, b"some");
    assert_eq!(decoded.outcome, Err(Error::Truncated { length: archive.len() as u64 }));
}

/// No stream is longer than the largest file offset.
#[test]
fn payload_beyond_any_stream_is_refused_at_its_header() {
    let start = [directory_entry(), filename(b"a"), craft::entry(FeatureFlags::EMPTY, 0o100_666)].concat();
    let most = i64::MAX as u64 - start.len() as u64;
    for (size, fits) in [(most, true), (most + 1, false), (u64::MAX - 1, false)] {
        let archive = [&start[..], &header(RecordKind::Payload, size)].concat();
        let end = size.saturating_add(start.len() as u64);
        let refused = Error::Limit { what: Limited::Stream, value: end, max: i64::MAX as u64 };
        let expected = if fits { Error::Truncated { length: archive.len() as u64 } } else { refused };
        assert_eq!(decode(&archive).outcome, Err(expected), "{size}");
    }
}

/// Questions about archives of any size ask for little at a time.
#[test]
fn trees_of_any_size_ask_for_little() {
    for size in [0, 1, 103, 104, 128, HUGE, i64::MAX as u64, u64::MAX] {
        let tree = Tree::new(size, &Limits::default());
        for located in [tree.root(), Located { entry: size, end: size }, Located { entry: size / 2, end: size }] {
            // The answers are zeros, which are no records.
            let mut listing = tree.list(located);
            let mut places = tree.places(located);
            let mut lookup = tree.node(located);
            let mut find = tree.find(b"a/b");
            for _ in 0..10 {
                for (ask, provide) in [
                    (listing.step().map(need), Some(&mut listing as &mut dyn Provide)),
                    (places.step().map(need), Some(&mut places as &mut dyn Provide)),
                    (lookup.step().map(need), Some(&mut lookup as &mut dyn Provide)),
                    (find.step().map(need), Some(&mut find as &mut dyn Provide)),
                ] {
                    let (Ok(Some(range)), Some(question)) = (ask, provide) else { continue };
                    assert!(range.end <= size && range.end - range.start <= 512, "{range:?} of {size}");
                    question.provide(range.start, &vec![0; (range.end - range.start) as usize]).unwrap();
                }
            }
        }
    }
}

fn need<T>(ask: Ask<T>) -> Option<std::ops::Range<u64>> {
    match ask {
        Ask::Need(range) => Some(range),
        Ask::Ready(_) => None,
    }
}

/// What all questions have in common.
trait Provide {
    fn provide(&mut self, start: u64, bytes: &[u8]) -> Result<()>;
}

macro_rules! provide {
    ($($question:ty)*) => {
        $(impl Provide for $question {
            fn provide(&mut self, start: u64, bytes: &[u8]) -> Result<()> {
                self.provide(start, bytes)
            }
        })*
    };
}

provide!(Listing Lookup Find Places);

/// A table that announces 2^55 entries in an archive that would be large enough for it.
#[test]
fn a_table_of_huge_size_is_refused_by_its_header() {
    const ITEMS: u64 = 1 << 55;
    let table_size = 40 + 24 * ITEMS;
    let size = HUGE * 2;
    let start = size - table_size;
    let tail: Vec<u8> = [start, table_size, 0x5744_6fa5_3370_2943].into_iter().flat_map(u64::to_le_bytes).collect();
    let head = header(RecordKind::Goodbye, table_size);
    assert_eq!(Header::parse(&head).map(|header| header.size), Ok(table_size));
    let mut listing = Tree::new(size, &Limits::default()).list(Located { entry: 0, end: size });
    assert_eq!(listing.step(), Ok(Ask::Need(size - 24..size)));
    assert_eq!(listing.provide(0, &tail), Err(Error::Usage(UsageError::NotAskedFor)));
    listing.provide(size - 24, &tail).unwrap();
    assert_eq!(listing.step(), Ok(Ask::Need(start..start + HEADER_SIZE as u64)));
    listing.provide(start, &head).unwrap();
    let max = Limits::default().directory_entries;
    assert_eq!(listing.step().map(|_| ()), limit(Limited::DirectoryEntries, ITEMS, max));
    assert_eq!(listing.step(), Err(Error::Usage(UsageError::OutOfTurn)));
}

/// A node of which more than a hint was asked for is still read piece by piece.
#[test]
fn windows_hold_no_more_than_their_limit() {
    let archive = Directory::new(attributes(5000)).finish();
    let limits = Limits::default().with_tree_bytes(1000);
    let tree = Tree::new(archive.len() as u64, &limits);
    let mut lookup = tree.node(tree.root());
    let mut asked = 0;
    let found = loop {
        match lookup.step().unwrap() {
            Ask::Ready(found) => break found,
            Ask::Need(range) => {
                // The whole archive each time: all but a thousand bytes of it is dropped.
                lookup.provide(0, &archive).unwrap();
                asked += usize::from(range.start < archive.len() as u64);
            }
        }
    };
    assert_eq!(found.node.metadata.xattrs.len(), 5000);
    assert!(asked > archive.len() / 1000 / 2, "{asked} ranges of {} bytes", archive.len());
}

#[test]
fn events_of_a_limited_decoder_come_before_its_error() {
    let decoded = decode_parts(Decoder::new(&Limits::default().with_depth(2)), &[&nested(3)]);
    assert_eq!((decoded.members.len(), decoded.ended), (2, 0));
    let mut decoder = Decoder::new(&Limits::default());
    let archive = nested(2);
    assert!(matches!(decoder.step(&archive), Ok(Step::Did { used, event: Event::Node(_) }) if used >= ENTRY_SIZE));
}
