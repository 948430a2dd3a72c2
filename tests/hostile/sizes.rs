//! Sizes that nobody has room for: refused or missed, and never believed.

use casync_core::record::FeatureFlags;
use casync_core::record::{HEADER_SIZE, RecordKind};
use casync_tests::craft::{Directory, directory_entry, entry, header};
use casync_tests::sandbox::outcome;
use casync_tests::tool::ours;

use crate::yard::Yard;

const HUGE: [u64; 6] = [1 << 40, 1 << 60, (1 << 63) - 1, 1 << 63, u64::MAX - 15, u64::MAX];

/// Runs with little memory: an allocation by an announced size would end it.
fn run_small(yard: &Yard, arguments: &str) -> casync_tests::sandbox::Outcome {
    let script = format!("ulimit -v 1000000; exec {} {arguments}", ours().display());
    let outcome = outcome(yard.sandbox.command("bash").args(["-c", &script]));
    yard.check();
    outcome
}

#[test]
fn files_of_any_size() {
    for size in HUGE {
        let yard = Yard::new();
        let node = [entry(FeatureFlags::EMPTY, 0o100_666), header(RecordKind::Payload, size), vec![7; 100]].concat();
        yard.sandbox.write("x.catar", Directory::new(directory_entry()).with(b"a", &node).finish());
        for arguments in ["extract x.catar out", "list x.catar", "mtree x.catar", "stat x.catar a", "list x.catar a"] {
            let outcome = run_small(&yard, arguments);
            assert_eq!(outcome.status, Some(1), "{size:#x} {arguments}: {}", outcome.stderr);
            assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
        }
        assert!(yard.sandbox.names("out").is_empty(), "{size:#x}: {:?}", yard.sandbox.names("out"));
    }
}

#[test]
fn records_of_any_size() {
    for size in HUGE.into_iter().chain([0, 1, HEADER_SIZE as u64 - 1, HEADER_SIZE as u64, HEADER_SIZE as u64 + 1]) {
        for kind in
            [RecordKind::Filename, RecordKind::Symlink, RecordKind::Goodbye, RecordKind::Entry, RecordKind::Xattr]
        {
            let yard = Yard::new();
            let archive = [directory_entry(), header(kind, size), vec![b'x'; 100]].concat();
            yard.sandbox.write("x.catar", archive);
            for arguments in ["extract x.catar out", "list x.catar", "stat x.catar a"] {
                let outcome = run_small(&yard, arguments);
                assert_eq!(outcome.status, Some(1), "{kind:?} {size:#x} {arguments}: {}", outcome.stderr);
                assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
            }
        }
    }
}
