//! Goodbye tables that lead in circles or to the wrong place: sub-paths end, and show nothing that is not there.

use casync_core::record::GoodbyeItem;
use casync_tests::craft::{Directory, directory_entry, file};

use crate::yard::Yard;

fn tree(change: impl FnOnce(&mut Vec<GoodbyeItem>)) -> Vec<u8> {
    let below = Directory::new(directory_entry()).with(b"file", &file(b"x")).finish();
    Directory::new(directory_entry()).with(b"a", &below).with(b"b", &file(b"y")).finish_with(change)
}

/// What users run with a path into an archive.
const ASKED: [&[&str]; 5] = [
    &["list", "x.catar", "a"],
    &["stat", "x.catar", "a/file"],
    &["mtree", "x.catar", "a"],
    &["extract", "x.catar", "out", "a"],
    &["list", "x.catar", "a/a/a/a/a/a/a/a/a/a"],
];

/// What is wrong with a table whose items are right at first.
type Change = fn(&mut Vec<GoodbyeItem>);

/// Every change of a table; the program ends, without success where the table says something else than the archive.
#[test]
fn tables_that_lie() {
    let changes: [(&str, Change); 9] = [
        ("a is the directory itself", |items| {
            let farthest = items.iter().map(|item| item.offset).max().unwrap();
            items[0].offset = farthest + directory_entry().len() as u64;
        }),
        ("a is before the archive", |items| items[0].offset = 1 << 60),
        ("a is here", |items| items[0].offset = 0),
        ("a is behind", |items| items[0].offset = u64::MAX),
        ("a is b", |items| items[0].offset = items[1].offset),
        ("a is huge", |items| items[0].size = 1 << 60),
        ("a is nothing", |items| items[0].size = 0),
        ("a is short", |items| items[0].size -= 1),
        ("a is inside itself", |items| items[0].offset -= 8),
    ];
    for (what, change) in changes {
        let yard = Yard::new();
        yard.sandbox.write("x.catar", tree(change));
        for arguments in ASKED {
            let error = yard.sandbox.casync(arguments).failure();
            assert!(!error.is_empty(), "{what} {arguments:?}");
            yard.check();
            // Nothing of what was not asked for.
            assert!(!yard.sandbox.path("out/b").exists(), "{what} {arguments:?}: {:?}", yard.sandbox.names("out"));
        }
        // Who reads all of it notices the table, too.
        yard.sandbox.casync(["extract", "x.catar", "out"]).failure();
    }
}

#[test]
fn the_right_table_is_right() {
    let yard = Yard::new();
    yard.sandbox.write("x.catar", tree(|_| {}));
    for arguments in &ASKED[..4] {
        yard.sandbox.casync(*arguments).success();
    }
    assert_eq!(yard.sandbox.read("out/a/file"), b"x");
}
