//! `verify` with the real binary: what is wrong is found and named, and what can be repaired is.

mod blobs;
mod indexes;
mod killed;
mod stores;
mod trees;

use std::path::PathBuf;

use casync_tests::random::Rng;
use casync_tests::sandbox::Sandbox;
use casync_tests::store;

/// Small chunks, so that little data makes many.
const SIZES: &str = "--chunk-size=1K:4K:16K";

/// A sandbox with `blob`, `blob.caibx`, its store, and a copy of that: `good.castr`.
fn a_blob(size: usize) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("blob", Rng::new(size as u64).bytes(size));
    sandbox.casync([SIZES, "make", "blob.caibx", "blob"]).success();
    store::copy(&sandbox.path("default.castr"), &sandbox.path("good.castr"));
    sandbox
}

/// Files of the chunks of the store.
fn chunks(sandbox: &Sandbox) -> Vec<PathBuf> {
    store::paths(&sandbox.path("default.castr"))
}

/// The id that a chunk's file is named after.
fn id(path: &std::path::Path) -> String {
    let name = path.file_name().expect("a file").to_string_lossy();
    name.split('.').next().expect("the part before the suffix").to_owned()
}

/// Fails unless everything is right; returns the summary.
#[track_caller]
fn right(sandbox: &Sandbox, args: &[&str]) -> String {
    let outcome = sandbox.casync([&["verify"], args].concat());
    assert_eq!(outcome.status, Some(0), "{args:?}: {}", outcome.stderr);
    outcome.text()
}

/// Fails unless exactly these problems are named, in any order, each by a part of its line.
#[track_caller]
fn wrong(sandbox: &Sandbox, args: &[&str], problems: &[&str]) {
    let outcome = sandbox.casync([&["verify"], args].concat());
    let said = outcome.clone().failure();
    let mut lines: Vec<&str> = said.lines().collect();
    let last = lines.pop().unwrap_or_default();
    assert!(last.starts_with("Verification failed: "), "{args:?}: {said}");
    for problem in problems {
        let place = lines.iter().position(|line| line.contains(problem));
        lines.remove(place.unwrap_or_else(|| panic!("{args:?}: {problem:?} is not in {said}")));
    }
    assert!(lines.is_empty(), "{args:?}: {lines:?} was not expected");
    let count = problems.len();
    let summary = outcome.text();
    assert!(summary.contains(&format!(": {count} problem")), "{args:?}: {summary}");
}
