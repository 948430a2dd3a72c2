//! Archives that announce much, or that are made of a million small things.

use casync_core::archive::{Ask, Decoder, Step, Tree};
use casync_core::record::{FeatureFlags, RecordKind};
use casync_core::{Limits, Result};
use casync_tests::craft::{self, Directory, directory_entry, file, filename, header, record};
use casync_tests::vectors;

use super::peak;

/// Feeds pieces until there are no more or one is refused.
fn feed<'a>(decoder: &mut Decoder, pieces: impl IntoIterator<Item = impl AsRef<[u8]> + 'a>) -> Result<()> {
    for piece in pieces {
        let mut rest = piece.as_ref();
        while let Step::Did { used, .. } = decoder.step(rest)? {
            rest = &rest[used..];
        }
    }
    Ok(())
}

#[test]
fn hand_made_archives_take_no_more_than_a_few_times_their_size() {
    for row in vectors::table("decoder.tsv").rows() {
        let archive = vectors::read(&format!("decoder/{}.catar", row.get("case")));
        let bytes = peak(|| drop(feed(&mut Decoder::new(&Limits::default()), [&archive])));
        assert!(bytes < 4 * archive.len() as u64 + 1000, "{bytes} bytes for {} of {row:?}", archive.len());
    }
}

#[test]
fn announced_sizes_take_nothing() {
    let kinds =
        [RecordKind::Xattr, RecordKind::Symlink, RecordKind::Filename, RecordKind::Goodbye, RecordKind::Payload];
    for kind in kinds {
        for size in [1 << 30, 1 << 60, u64::MAX - 1] {
            let child = [filename(b"a"), craft::entry(FeatureFlags::EMPTY, 0o100_666)].concat();
            for start in [directory_entry(), [directory_entry(), child].concat()] {
                let archive = [start, header(kind, size), vec![0; 100]].concat();
                let bytes = peak(|| drop(feed(&mut Decoder::new(&Limits::default()), [&archive])));
                assert!(bytes < 4000, "{bytes} bytes for a {kind} record of {size}");
            }
        }
    }
}

#[test]
fn a_million_attributes_take_a_few_times_the_limit() {
    let limits = Limits::default().with_node_bytes(1 << 20);
    let entry = craft::entry(FeatureFlags::XATTRS, 0o040_777);
    let attributes =
        (0..1_000_000_u32).map(|number| record(RecordKind::Xattr, format!("user.{number:08}\0").as_bytes()));
    let bytes = peak(|| assert!(feed(&mut Decoder::new(&limits), [entry].into_iter().chain(attributes)).is_err()));
    assert!(bytes < 8 << 20, "{bytes} bytes for 1 MiB of records");
}

#[test]
fn a_million_files_take_a_few_words_each() {
    let mut decoder = Decoder::new(&Limits::default());
    let files = (0..1_000_000_u32).map(|number| [filename(format!("{number:08}").as_bytes()), file(b"")].concat());
    let bytes = peak(|| feed(&mut decoder, [directory_entry()].into_iter().chain(files)).unwrap());
    // 24 bytes each, in a vector that has just doubled.
    assert!(bytes < 3 * 24 * (1 << 20), "{bytes} bytes");
}

#[test]
fn payload_takes_nothing() {
    let start = [directory_entry(), filename(b"a"), craft::entry(FeatureFlags::EMPTY, 0o100_666)].concat();
    let mut decoder = Decoder::new(&Limits::default());
    feed(&mut decoder, [start, header(RecordKind::Payload, 1 << 40)]).unwrap();
    let piece = vec![1; 1 << 20];
    let bytes = peak(|| feed(&mut decoder, (0..100).map(|_| &piece)).unwrap());
    assert_eq!(bytes, 0);
}

#[test]
fn questions_hold_their_window_and_little_else() {
    let directory = (0..50_000_u32).fold(Directory::new(directory_entry()), |directory, number| {
        directory.with(format!("{number:08}").as_bytes(), &file(&[7; 100]))
    });
    let archive = directory.finish();
    assert!(archive.len() > 10 << 20);
    let limits = Limits::default().with_tree_bytes(100_000);
    let tree = Tree::new(archive.len() as u64, &limits);
    let bytes = peak(|| {
        let mut find = tree.find(b"00012345");
        while let Ask::Need(range) = find.step().unwrap() {
            find.provide(range.start.saturating_sub(1 << 20), &archive[range.start.saturating_sub(1 << 20) as usize..])
                .unwrap();
        }
    });
    assert!(bytes < 300_000, "{bytes} bytes to find one of 50,000");
    let bytes = peak(|| {
        let mut listing = tree.list(tree.root());
        let mut entries = 0;
        loop {
            match listing.step().unwrap() {
                Ask::Ready(Some(_)) => entries += 1,
                Ask::Ready(None) => break,
                Ask::Need(range) => listing.provide(range.start, &archive[range.start as usize..]).unwrap(),
            }
        }
        assert_eq!(entries, 50_000);
    });
    // Two offsets for each entry, in a vector that doubles.
    assert!(bytes < 300_000 + 3 * 16 * (1 << 16), "{bytes} bytes to list 50,000");
}
