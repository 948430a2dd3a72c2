//! `gc` with the real binary: what it removes, what it refuses, and that nobody loses a chunk to it.

mod concurrent;
mod killed;
mod options;
mod refusals;
mod upstream;

use casync_tests::random::Rng;
use casync_tests::sandbox::Sandbox;

/// Small chunks, so that little data makes many.
const SIZES: &str = "--chunk-size=1K:4K:16K";

/// A sandbox with blobs `keep` and `drop` of this many bytes and their indexes, in one store.
fn two_blobs(size: usize) -> Sandbox {
    let sandbox = Sandbox::new();
    let mut rng = Rng::new(size as u64);
    let shared = rng.bytes(size / 4);
    for name in ["keep", "drop"] {
        let blob = [rng.bytes(size / 2), shared.clone(), rng.bytes(size / 4)].concat();
        sandbox.write(name, blob);
        make(&sandbox, name, name);
    }
    sandbox
}

/// Makes `INDEX.caibx` of a blob.
fn make(sandbox: &Sandbox, index: &str, blob: &str) {
    sandbox.casync([SIZES, "make", &format!("{index}.caibx"), blob]).success();
}

/// Fails unless an index gives back a blob.
#[track_caller]
fn assert_whole(sandbox: &Sandbox, index: &str, blob: &str) {
    sandbox.casync(["extract", &format!("{index}.caibx"), "extracted"]).success();
    assert!(sandbox.read("extracted") == sandbox.read(blob), "{index} gives back {blob}");
    std::fs::remove_file(sandbox.path("extracted")).expect("it was just extracted");
}
