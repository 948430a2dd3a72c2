//! Killed at any point, gc has removed nothing that is in use, and the next one finishes the work.

use std::process::Stdio;

use casync_tests::random::for_each_seed;
use casync_tests::{store, tool};

use crate::{assert_whole, make, two_blobs};

fn killed_and_run_again(options: &[&str]) {
    let sandbox = two_blobs(1_000_000);
    let path = sandbox.path("default.castr");
    sandbox.casync(["gc", "keep.caibx"]).success();
    let kept = store::files(&path);
    let mut interrupted = 0;
    for_each_seed(8, |rng| {
        make(&sandbox, "drop", "drop");
        let all = std::fs::read_dir(&path).expect("the store").count();
        let limit = all - rng.number(1..=all / 4);
        let mut gc = sandbox.command(tool::ours());
        let mut gc = gc.args(options).args(["gc", "keep.caibx"]).stdout(Stdio::null()).spawn().expect("gc runs");
        while gc.try_wait().expect("gc is ours").is_none()
            && std::fs::read_dir(&path).expect("the store").count() > limit
        {}
        gc.kill().ok();
        interrupted += usize::from(!gc.wait().expect("gc ends").success());
        assert_whole(&sandbox, "keep", "keep");
        sandbox.casync(["gc", "keep.caibx"]).success();
        assert_eq!(store::files(&path), kept);
    });
    assert!(interrupted > 0, "some were killed in the middle");
}

#[test]
fn removing() {
    killed_and_run_again(&[]);
}

#[test]
fn moving() {
    killed_and_run_again(&["--backup=attic.castr"]);
}
