//! A make that finds a chunk present never ends with an index whose chunk is gone.

use std::process::{Child, Stdio};
use std::time::Duration;

use casync_tests::random::for_each_seed;
use casync_tests::sandbox::Sandbox;
use casync_tests::{store, tool};

use crate::{SIZES, assert_whole, make, two_blobs};

const ROUNDS: u64 = 40;

fn start(sandbox: &Sandbox, args: &[&str]) -> Child {
    let mut command = sandbox.command(tool::ours());
    command.args(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("casync runs")
}

/// Status 0, or a refusal because of the other.
fn ended(child: Child) -> bool {
    let output = child.wait_with_output().expect("casync ends");
    let stderr = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => true,
        Some(1) if stderr.contains("is in use by another casync") => false,
        status => panic!("{status:?}: {stderr}"),
    }
}

/// Round after round, the index `used` is made anew of the blob whose chunks are garbage to whoever reads its old state,
/// while garbage is collected.
fn stress(collect: &[&str], prepare: impl Fn(&Sandbox)) -> usize {
    let sandbox = two_blobs(400_000);
    let mut collected = 0;
    let mut blobs = ["keep", "drop"];
    make(&sandbox, "used", blobs[1]);
    for_each_seed(ROUNDS, |rng| {
        let [now, before] = blobs;
        // All chunks of both are there, and only those of the one before are in use.
        make(&sandbox, "other", now);
        prepare(&sandbox);
        let making: &[&str] = &[SIZES, "make", "used.caibx", now];
        let (making, collecting) = if rng.once_in(2) {
            let collecting = start(&sandbox, collect);
            (start(&sandbox, making), collecting)
        } else {
            let making = start(&sandbox, making);
            (making, start(&sandbox, collect))
        };
        collected += usize::from(ended(collecting));
        assert!(ended(making), "make never gives way for good");
        assert_whole(&sandbox, "used", now);
        blobs = [before, now];
    });
    collected
}

#[test]
fn with_the_lock() {
    stress(&["gc", "used.caibx"], |_| {});
}

#[test]
fn by_age() {
    let collected = stress(&["gc", "--grace=10m", "used.caibx"], |sandbox| {
        for path in store::paths(&sandbox.path("default.castr")) {
            store::make_older(&path, Duration::from_secs(24 * 3600));
        }
    });
    assert_eq!(collected as u64, ROUNDS, "with grace nobody is refused");
}

#[test]
fn several_collections_at_once() {
    let sandbox = two_blobs(400_000);
    let mut removed = store::files(&sandbox.path("default.castr")).len();
    let collections: Vec<Child> = (0..4).map(|_| start(&sandbox, &["gc", "keep.caibx"])).collect();
    assert!(collections.into_iter().map(ended).filter(|done| *done).count() > 0, "one is the first");
    removed -= store::files(&sandbox.path("default.castr")).len();
    assert!(removed > 0);
    assert_whole(&sandbox, "keep", "keep");
}
