//! Indexes: the old one is there until the new one is complete, whatever they are of.

use std::path::PathBuf;

use casync_tests::random::for_each_seed;
use casync_tests::sandbox::Sandbox;

use crate::moments::{duration, kill, left_over};

/// Kills `make` of the second input over an index of the first one. `check` compares what was extracted with the second input.
pub(crate) fn make_over_an_older(
    sandbox: &Sandbox,
    index: &str,
    chunks: &str,
    [old, new]: [&str; 2],
    check: impl Fn(PathBuf),
) {
    let right = format!("right-{index}");
    sandbox.casync(["make", chunks, "--store=s0", index, old]).success();
    sandbox.casync(["make", chunks, "--store=right", &right, new]).success();
    let [old, right] = [index, &right].map(|index| sandbox.read(index));
    let make = ["make", chunks, "--store=s", index, new];
    let restore = || {
        sandbox.write(index, &old);
        let _ = std::fs::remove_dir_all(sandbox.path("s"));
        sandbox.run("cp", ["-r", "s0", "s"]).success();
    };
    let duration = duration(sandbox, &make, restore);
    let mut killed = 0;
    for_each_seed(50, |rng| {
        restore();
        killed += usize::from(!kill(sandbox, &make, duration, rng));
        let found = sandbox.read(index);
        assert!(found == old || found == right, "the index is neither the old one nor the new one");
        // What either needs is in the store, and readable.
        sandbox.casync(["extract", "--store=s", index, "check"]).success();
        sandbox.casync(make).success();
        assert!(sandbox.read(index) == right);
        // Half a chunk under a chunk's name would fail here.
        sandbox.casync(["extract", "--store=s", index, "check"]).success();
        check(sandbox.path("check"));
        for name in left_over(sandbox, ".") {
            std::fs::remove_file(sandbox.path(name)).unwrap();
        }
    });
    assert!(killed > 20 || std::env::var_os("CASYNC_TEST_SEED").is_some(), "killed only {killed} of 50");
}
