//! When anything about an index or the store is doubtful, nothing is removed.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use casync_tests::random::Rng;
use casync_tests::sandbox::{self, Sandbox};
use casync_tests::{store, tool};

use crate::{SIZES, assert_whole, two_blobs};

#[track_caller]
fn refuses(sandbox: &Sandbox, args: &[&str], why: &str) {
    let before = store::files(&sandbox.path("default.castr"));
    let said = sandbox.casync(args).failure();
    assert!(said.contains(why), "{args:?}: {said}");
    assert_eq!(store::files(&sandbox.path("default.castr")), before, "{args:?}");
}

#[test]
fn damaged_indexes() {
    let sandbox = two_blobs(100_000);
    let index = sandbox.read("drop.caibx");
    for length in [0, 1, 47, 48, 64, 104, index.len() / 2, index.len() - 40, index.len() - 1] {
        sandbox.write("cut.caibx", &index[..length]);
        refuses(&sandbox, &["gc", "keep.caibx", "cut.caibx"], "Failed to open index \"cut.caibx\": Broken pipe");
        refuses(&sandbox, &["-n", "gc", "cut.caibx", "keep.caibx"], "Failed to open index \"cut.caibx\"");
    }
    sandbox.write("longer.caibx", [&index[..], &[0; 40]].concat());
    refuses(&sandbox, &["gc", "keep.caibx", "longer.caibx"], "Failed to open index \"longer.caibx\"");
    // Anywhere but in ids, where damage cannot be seen, nor in the last item's offset, which may be any.
    let mut rng = Rng::new(1);
    for _ in 0..50 {
        let mut damaged = index.clone();
        let item = rng.number(0..=(index.len() - 64) / 40 - 3);
        damaged[64 + 40 * item + 5] ^= 1 << rng.below(8);
        sandbox.write("damaged.caibx", damaged);
        refuses(&sandbox, &["gc", "keep.caibx", "damaged.caibx"], "Failed to open index \"damaged.caibx\"");
    }
}

#[test]
fn an_index_that_comes_through_a_pipe_is_read_whole() {
    let sandbox = two_blobs(50_000);
    let mut gc = sandbox.command(tool::ours());
    gc.args(["-v", "gc", "--store=default.castr", "/dev/stdin"]);
    let index = sandbox.read("keep.caibx");
    sandbox::outcome_with_input(&mut gc, &index[..index.len() - 1]).failure();
    assert_whole(&sandbox, "drop", "drop");
    sandbox::outcome_with_input(&mut gc, &index).success();
    assert_whole(&sandbox, "keep", "keep");
    sandbox.casync(["extract", "drop.caibx", "dropped"]).failure();
}

#[test]
fn stores_that_are_none() {
    let sandbox = two_blobs(50_000);
    refuses(&sandbox, &["gc", "--store=", "keep.caibx"], "Failed to set store: Invalid argument");
    refuses(&sandbox, &["gc", ""], "Failed to automatically derive store location from index: Invalid argument");
    refuses(&sandbox, &["gc", "--store=keep", "keep.caibx"], "Failed to iterate over store: Not a directory");
}

/// Runs gc as somebody who is not root.
fn as_nobody(sandbox: &Sandbox, args: &[&str]) -> sandbox::Outcome {
    const NOBODY: u32 = 65534;
    let open = |path: &Path| std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).expect("own directory");
    open(&sandbox.path(""));
    let mut gc = sandbox.command(tool::ours());
    // Where the tests do not run as root, nobody else is needed.
    if std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
        let copy = sandbox.path("casync");
        std::fs::copy(tool::ours(), &copy).expect("a copy where everybody may execute it");
        gc = sandbox.command(copy);
        gc.uid(NOBODY).gid(NOBODY);
    }
    sandbox::outcome(gc.args(args))
}

#[test]
fn stores_that_cannot_be_read() {
    let sandbox = two_blobs(50_000);
    let store = sandbox.path("default.castr");
    let before = store::files(&store);
    let mode = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("own store");
    mode(&store, 0o000);
    let said = as_nobody(&sandbox, &["gc", "keep.caibx"]).failure();
    assert!(said.contains("Failed to iterate over store: Permission denied\nChunk cleanup failed: Perm"), "{said}");
    mode(&store, 0o755);
    assert_eq!(store::files(&store), before);
}

#[test]
fn chunks_that_cannot_be_removed_are_told_and_counted() {
    let sandbox = two_blobs(50_000);
    let store = sandbox.path("default.castr");
    let before = store::files(&store);
    for name in sandbox.names("default.castr") {
        std::fs::set_permissions(store.join(name), PermissionsExt::from_mode(0o555)).expect("own store");
    }
    let outcome = as_nobody(&sandbox, &["-v", "gc", "keep.caibx"]);
    assert!(outcome.stderr.contains("Failed to unlink chunk file \""), "{}", outcome.stderr);
    assert!(outcome.text().contains(&format!("Removed 0 chunks, 0 directories, {} chunks remaining.", before.len())));
    outcome.success();
    assert_eq!(store::files(&store), before);
    // A backup that does not hold everything is no backup.
    as_nobody(&sandbox, &["gc", "--backup=/tmp/", "keep.caibx"]).failure();
    for name in sandbox.names("default.castr") {
        std::fs::set_permissions(store.join(name), PermissionsExt::from_mode(0o755)).expect("own store");
    }
}

#[test]
fn a_store_that_is_written_to() {
    let sandbox = two_blobs(50_000);
    // A make that waits for the rest of its input holds the store.
    let mut make = sandbox.command(tool::ours());
    make.args([SIZES, "make", "piped.caibx", "-"]).stdin(std::process::Stdio::piped());
    make.stdout(std::process::Stdio::null());
    let mut make = make.spawn().expect("make runs");
    let mut input = make.stdin.take().expect("it is piped");
    // More than pipes and buffers hold: when this is written, make has come to work.
    std::io::Write::write_all(&mut input, &sandbox.read("drop").repeat(200)).expect("make reads");
    refuses(&sandbox, &["gc", "keep.caibx"], "is in use by another casync, nothing was removed");
    refuses(&sandbox, &["gc", "--grace=9m", "keep.caibx"], "is in use by another casync");
    sandbox.casync(["gc", "--grace=10m", "keep.caibx"]).success();
    sandbox.casync(["--dry-run", "gc", "keep.caibx"]).success();
    drop(input);
    assert!(make.wait().expect("make ends").success());
    sandbox.casync(["extract", "piped.caibx", "extracted"]).success();
    sandbox.casync(["gc", "keep.caibx"]).success();
    sandbox.casync(["extract", "piped.caibx", "extracted-again"]).failure();
}
