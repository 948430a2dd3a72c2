//! Archives whose tables lie: every question ends, with an error or an answer, whatever the numbers say.

use casync_core::archive::{Content, Tree};
use casync_core::error::{Error, Malformed};
use casync_core::hash::name_hash;
use casync_core::record::{ENTRY_SIZE, GoodbyeItem};
use casync_core::{Limits, Result};
use casync_tests::ask::{Asked, Supply};
use casync_tests::craft::{Directory, directory_entry, file, filename};
use casync_tests::random::for_each_seed;

fn asked(archive: &[u8]) -> Asked<'_> {
    Asked::new(archive, Tree::new(archive.len() as u64, &Limits::default()), Supply::Around(64))
}

fn walk(archive: &[u8]) -> Result<usize> {
    let tree = Tree::new(archive.len() as u64, &Limits::default());
    // No tree has more nodes than its size has room for FILENAME and ENTRY records.
    asked(archive).walk(tree.root(), archive.len() / 82 + 1).map(|nodes| nodes.len())
}

fn two_files() -> Directory {
    Directory::new(directory_entry()).with(b"a", &file(b"1")).with(b"b", &file(b"2"))
}

fn assert_broken<T: std::fmt::Debug>(result: Result<T>, case: &str) {
    match result {
        Err(Error::Format { what: Malformed::Goodbye, offset: Some(_) }) => {}
        other => panic!("{case}: {other:?}"),
    }
}

#[test]
fn the_untouched_archive_is_right() {
    assert_eq!(walk(&two_files().finish()), Ok(3));
}

#[test]
fn items_out_of_range_are_refused() {
    for value in [0, 1, 81, 1 << 20, 1 << 32, 1 << 60, u64::MAX - 1, u64::MAX] {
        for (case, change) in [
            ("offset", (|item, value| item.offset = value) as fn(&mut GoodbyeItem, u64)),
            ("size", |item, value| item.size = value),
            ("both", |item, value| (item.offset, item.size) = (value, value)),
        ] {
            let archive = two_files().finish_with(|items| change(&mut items[0], value));
            let case = format!("{case} {value}");
            assert_broken(walk(&archive), &case);
            assert_broken(asked(&archive).find(b"a"), &case);
        }
    }
}

#[test]
fn tails_out_of_range_are_refused() {
    let archive = two_files().finish();
    let tail = archive.len() - 24;
    for value in [0, 1, 39, 40, 41, 64, 1 << 20, 1 << 32, 1 << 60, 40 + 24 * ((1 << 59) - 1), u64::MAX] {
        for field in [tail, tail + 8] {
            let mut archive = archive.clone();
            archive[field..field + 8].copy_from_slice(&u64::to_le_bytes(value));
            assert_broken(walk(&archive), &format!("{value} at {field}"));
            assert_broken(asked(&archive).find(b"a"), &format!("{value} at {field}"));
        }
    }
}

/// A directory that is said to be its own child would never end.
#[test]
fn a_directory_below_itself_is_refused() {
    // Between a FILENAME and the table there is nothing but the directory's own entry: the child is the parent.
    let entry = directory_entry();
    let inner = Directory::new(entry.clone()).with(b"self", &entry);
    let archive = inner.finish_with(|items| items[0].size = items[0].offset);
    assert!(walk(&archive).is_err(), "a child that ends where the parent's table begins");
    let first = ENTRY_SIZE as u64;
    for end in [first, first + 20, first + 84, archive.len() as u64 - 1] {
        let inner = Directory::new(entry.clone()).with(b"self", &entry);
        let archive = inner.finish_with(|items| items[0].size = end - (items[0].offset - first));
        assert!(walk(&archive).is_err(), "up to {end}");
    }
}

/// Directories in each other of which every table lists all that lie deeper: a walk would visit 2^30 nodes.
#[test]
fn overlapping_entries_are_refused() {
    const DEPTH: u8 = 30;
    let mut inner = file(b"");
    // (start of FILENAME, end) of all that is inside, counted from the end of `inner`.
    let mut lower: Vec<(Vec<u8>, u64, u64)> = Vec::new();
    for level in (0..DEPTH).rev() {
        let name = [b'a' + level];
        let directory = Directory::new(directory_entry()).with(&name, &inner);
        let table = directory.position();
        for (_, start, end) in &mut lower {
            let shift = ENTRY_SIZE as u64 + filename(&name).len() as u64;
            (*start, *end) = (*start + shift, *end + shift);
        }
        lower.push((name.to_vec(), ENTRY_SIZE as u64, table));
        inner = directory.finish_with(|items| {
            items.clear();
            items.extend(lower.iter().map(|(name, start, end)| GoodbyeItem {
                hash: name_hash(name),
                offset: table - start,
                size: end - start,
            }));
        });
    }
    assert_broken(walk(&inner), "every directory lists all below it");
}

/// But for one before the first entry: a listing does not read the directory's own records.
#[test]
fn gaps_between_entries_are_refused() {
    let three = || two_files().with(b"c", &file(b"3"));
    for lost in 1..3 {
        let archive = three().finish_with(|items| _ = items.remove(lost));
        assert_broken(walk(&archive), &format!("entry {lost} is not in the table"));
    }
    let archive = three().finish_with(|items| items[1] = items[0]);
    assert_broken(walk(&archive), "an entry is listed twice");
}

/// With one hash for all items every one of them is a candidate.
#[test]
fn many_equal_hashes_end_the_search() {
    let mut directory = Directory::new(directory_entry());
    for number in 0..3000_u32 {
        directory = directory.with(format!("{number:04}").as_bytes(), &file(b""));
    }
    let archive = directory.finish_with(|items| items.iter_mut().for_each(|item| item.hash = name_hash(b"lost")));
    let mut question = Tree::new(archive.len() as u64, &Limits::default()).find(b"lost");
    let answer = loop {
        match question.step() {
            Ok(casync_core::archive::Ask::Need(range)) => {
                question.provide(range.start, &archive[range.start as usize..range.end as usize]).unwrap();
            }
            other => break other,
        }
    };
    assert_eq!(answer, Err(Malformed::Goodbye.into()));
    assert_eq!(question.step(), Err(Error::Usage(casync_core::error::UsageError::OutOfTurn)));
}

/// Random damage: no panic, no endless question, no more nodes than there can be.
#[test]
fn damaged_archives_are_survived() {
    let nested = Directory::new(directory_entry())
        .with(b"dir", &two_files().with(b"c", &two_files().finish()).finish())
        .with(b"file", &file(b"payload"))
        .finish();
    let paths = [&b""[..], b"dir", b"dir/a", b"dir/c/b", b"file", b"nothing", b"dir/nothing"];
    let (mut unharmed, mut refused) = (0, 0);
    for_each_seed(3000, |rng| {
        let mut archive = nested.clone();
        for _ in 0..rng.number(1..=3) {
            let at = rng.number(0..=archive.len() - 8);
            let value = match rng.below(3) {
                0 => rng.extreme(),
                // Distances that mean something somewhere.
                1 => rng.below(archive.len() as u64),
                _ => u64::from_le_bytes(*archive[rng.number(0..=archive.len() - 8)..].first_chunk().unwrap()),
            };
            let length = rng.number(1..=8);
            archive[at..at + length].copy_from_slice(&value.to_le_bytes()[..length]);
        }
        match walk(&archive) {
            Ok(_) => unharmed += 1,
            Err(_) => refused += 1,
        }
        for path in paths {
            if let Ok(Some(found)) = asked(&archive).find(path) {
                assert!(found.located.entry + ENTRY_SIZE as u64 <= found.located.end);
                assert!(found.located.end <= archive.len() as u64 && found.content <= found.located.end + 16);
                if let Content::Regular { size } = found.node.content {
                    assert!(found.content.saturating_add(size) <= archive.len() as u64, "payload of {found:?}");
                }
            }
        }
    });
    assert!(unharmed > 0 && refused > 0, "{unharmed} and {refused}");
}
