//! Searching goodbye tables: every name is found, and no other.

use std::collections::BTreeSet;

use casync_core::archive::{Ask, Tree};
use casync_core::error::{Error, UsageError};
use casync_core::{Limits, Name};
use casync_tests::ask::{Asked, Supply};
use casync_tests::craft::{Directory, directory_entry, file};
use casync_tests::random::for_each_seed;
use casync_tests::tree;

#[test]
fn every_name_is_found_and_no_other() {
    for_each_seed(60, |rng| {
        let count = *rng.pick(&[0, 1, 2, 3, 7, 8, 9, 100, 1000]);
        let names: BTreeSet<Name> = (0..count).map(|_| tree::name(rng)).collect();
        let mut directory = Directory::new(directory_entry());
        for name in &names {
            directory = directory.with(name, &file(name));
        }
        let archive = directory.finish();
        let asked = Asked::new(&archive, Tree::new(archive.len() as u64, &Limits::default()), *rng.pick(&Supply::ALL));
        for name in &names {
            let found = asked.find(name).unwrap().unwrap_or_else(|| panic!("{name:?} is lost"));
            let content = &archive[found.content as usize..found.located.end as usize];
            assert_eq!((found.name.as_ref(), content), (Some(name), name.as_bytes()));
            // What stands below a file is nothing.
            assert_eq!(asked.find(&[name, &b"/x"[..]].concat()), Ok(None));
        }
        for _ in 0..50 {
            let name = tree::name(rng);
            assert_eq!(asked.find(&name).unwrap().is_some(), names.contains(&name), "{name:?}");
        }
        let listed: Vec<_> = asked.list(asked.find(b"").unwrap().unwrap().located).unwrap();
        assert!(listed.iter().map(|found| found.name.as_ref()).eq(names.iter().map(Some)));
    });
}

/// Equal hashes may stand on either side of each other in the table.
#[test]
fn names_with_equal_hashes_are_all_found() {
    for count in [2_u8, 3, 4, 5, 6, 7, 8, 20] {
        for equal in 2..=count {
            let mut directory = Directory::new(directory_entry());
            for number in 0..count {
                directory = directory.with(&[b'a' + number], &file(&[number]));
            }
            // The search compares the hash of the name it is given: all equal ones must have that one's.
            for wanted in 0..equal {
                let archive = directory.clone().finish_with(|items| {
                    let hash = items[usize::from(wanted)].hash;
                    items[..usize::from(equal)].iter_mut().for_each(|item| item.hash = hash);
                });
                let tree = Tree::new(archive.len() as u64, &Limits::default());
                let asked = Asked::new(&archive, tree, Supply::Exact);
                let found = asked.find(&[b'a' + wanted]).unwrap().expect("it is there");
                assert_eq!(archive[found.content as usize], wanted, "{wanted} of {equal} equal ones of {count}");
            }
        }
    }
}

/// A question that was answered, or that failed, is over; a listing goes on to say that there is no more.
#[test]
fn questions_are_answered_once() {
    let archive = Directory::new(directory_entry()).with(b"a", &Directory::new(directory_entry()).finish()).finish();
    let tree = Tree::new(archive.len() as u64, &Limits::default());
    let out_of_turn = Error::Usage(UsageError::OutOfTurn);
    for damage in [false, true] {
        let mut archive = archive.clone();
        let size = archive.len();
        if damage {
            archive[8] ^= 1;
            archive[size - 1] ^= 1;
        }
        let supply = |range: std::ops::Range<u64>| &archive[range.start as usize..];
        let mut find = tree.find(b"a");
        while let Ok(Ask::Need(range)) = find.step() {
            find.provide(range.start, supply(range)).unwrap();
        }
        assert_eq!(find.step(), Err(out_of_turn.clone()), "damage: {damage}");
        let mut lookup = tree.node(tree.root());
        while let Ok(Ask::Need(range)) = lookup.step() {
            lookup.provide(range.start, supply(range)).unwrap();
        }
        assert_eq!(lookup.step(), Err(out_of_turn.clone()), "damage: {damage}");
        let mut listing = tree.list(tree.root());
        let last = loop {
            match listing.step() {
                Ok(Ask::Need(range)) => listing.provide(range.start, supply(range)).unwrap(),
                Ok(Ask::Ready(Some(_))) => {}
                other => break other,
            }
        };
        assert_eq!(last.is_err(), damage);
        assert_eq!(listing.step(), if damage { Err(out_of_turn.clone()) } else { Ok(Ask::Ready(None)) });
    }
}
