//! Random access: paths and listings, and what is asked for on the way.

use std::collections::VecDeque;
use std::ops::Range;

use casync_core::Limits;
use casync_core::archive::{Ask, Found, Tree};
use casync_tests::vectors;
use wasmtime::Val;

use crate::archives::{Seen, seen, shown};
use crate::guest::{Guest, amount, numbers};

/// An answer, and the ranges that were asked for before it.
type Asked = (Option<Seen>, Vec<Range<u64>>);

#[test]
fn paths_are_found_as_they_are_here() {
    let mut guest = Guest::new();
    let archive = archive();
    let size = archive.len() as u64;
    let tree = Tree::new(size, &Limits::default());
    for row in vectors::table("paths.tsv").rows() {
        let path = row.get("path");
        let question = guest.open("casync_find", &[amount(size)], path.as_bytes());
        let (found, needs) = ask(&mut guest, question, &archive);
        // A number, or "not found".
        let entry = row.get("ENTRY offset").parse().ok();
        assert_eq!(found.as_ref().map(|(fields, ..)| fields[5]), entry, "{path}");
        let mut find = tree.find(path.as_bytes());
        let step = |bytes: Option<&Range<u64>>| {
            bytes.map_or(Ok(()), |range| find.provide(range.start, slice(&archive, range)))?;
            find.step()
        };
        assert_eq!((found, needs), native(step), "{path}");
    }
    for path in ["nope", "sizes/nope", "sizes/4096/below a file", "..", "sizes/../sizes"] {
        let question = guest.open("casync_find", &[amount(size)], path.as_bytes());
        assert_eq!(ask(&mut guest, question, &archive).0, None, "{path}");
    }
}

#[test]
fn every_directory_lists_as_it_does_here() {
    let mut guest = Guest::new();
    let archive = archive();
    let size = archive.len() as u64;
    let tree = Tree::new(size, &Limits::default());
    let mut directories = VecDeque::from([tree.root()]);
    let mut listed = 1;
    while let Some(directory) = directories.pop_front() {
        let arguments = [amount(size), amount(directory.entry), amount(directory.end)];
        let question = guest.open("casync_listing", &arguments, &[]);
        let mut listing = tree.list(directory);
        loop {
            let step = |bytes: Option<&Range<u64>>| {
                bytes.map_or(Ok(()), |range| listing.provide(range.start, slice(&archive, range)))?;
                listing.step()
            };
            let answer = ask(&mut guest, question, &archive);
            assert_eq!(answer, native(step), "in the directory at {directory:?}");
            let Some((fields, ..)) = answer.0 else { break };
            listed += 1;
            if fields[0] & 0o170_000 == 0o040_000 {
                directories.push_back(casync_core::archive::Located { entry: fields[5], end: fields[6] });
            }
        }
        guest.call("casync_close", &[question], &[]).unwrap();
    }
    assert_eq!(listed, vectors::read("list.txt").split(|&byte| byte == b'\n').count() - 1);
}

#[test]
fn bytes_that_were_not_asked_for_are_refused() {
    let mut guest = Guest::new();
    let archive = archive();
    let question = guest.open("casync_find", &[amount(archive.len() as u64)], b"sizes");
    assert_eq!(guest.call("casync_question_provide", &[question, amount(0)], &archive).unwrap_err().0, 7);
    let (kind, _) = guest.call("casync_question_step", &[question], &[]).unwrap();
    assert_eq!(kind, 2, "it needs bytes first");
    assert_eq!(guest.call("casync_question_provide", &[question, amount(0)], &archive[..10]).unwrap_err().0, 7);
    assert!(guest.call("casync_question_provide", &[question, amount(0)], &archive).is_ok());
    assert_eq!(guest.call("casync_question_step", &[question], &[]).unwrap().0, 1, "everything is there now");
}

#[test]
fn places_from_nowhere_are_errors() {
    let mut guest = Guest::new();
    for (entry, end) in [(u64::MAX, 0), (7, 0), (0, 0), (900, 1000)] {
        let question = guest.open("casync_listing", &[amount(1000), amount(entry), amount(end)], &[]);
        assert_eq!(guest.call("casync_question_step", &[question], &[]).unwrap_err().0, 1, "{entry}..{end}");
    }
}

fn archive() -> Vec<u8> {
    vectors::read("catar/tree.without=privileged.catar")
}

fn slice<'a>(archive: &'a [u8], range: &Range<u64>) -> &'a [u8] {
    &archive[range.start as usize..range.end as usize]
}

/// Asks the module until there is an answer.
fn ask(guest: &mut Guest, question: Val, archive: &[u8]) -> Asked {
    let mut needs = Vec::new();
    loop {
        match guest.call("casync_question_step", &[question], &[]).unwrap() {
            (0, _) => return (None, needs),
            (1, output) => return (Some(seen(&output)), needs),
            (_, output) => {
                let [start, end] = numbers(&output);
                let range = start..end;
                let provide = [question, amount(start)];
                guest.call("casync_question_provide", &provide, slice(archive, &range)).unwrap();
                needs.push(range);
            }
        }
    }
}

/// Asks the core until there is an answer; `step` takes the bytes that were asked for and goes on.
fn native(mut step: impl FnMut(Option<&Range<u64>>) -> casync_core::Result<Ask<Option<Found>>>) -> Asked {
    let mut needs: Vec<Range<u64>> = Vec::new();
    loop {
        match step(needs.last()).unwrap() {
            Ask::Ready(found) => {
                let view = |found: Found| {
                    let places = [found.located.entry, found.located.end, found.content];
                    shown(found.name.as_ref().map_or(&[][..], |name| name), &found.node, places)
                };
                return (found.map(view), needs);
            }
            Ask::Need(range) => needs.push(range),
        }
    }
}
