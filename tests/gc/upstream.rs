//! Beside the C casync: the same lines, the same status, the same files left.

use std::path::Path;

use casync_tests::sandbox::{Outcome, Sandbox};
use casync_tests::{store, tool};

use crate::{SIZES, two_blobs};

/// What one program did to a copy of the store.
#[derive(Debug, PartialEq, Eq)]
struct Result {
    status: Option<i32>,
    /// Sorted: both name chunks in the order of the directory, which differs between two copies.
    stdout: Vec<String>,
    stderr: Vec<String>,
    left: Vec<String>,
    directories: Vec<String>,
}

fn run(sandbox: &Sandbox, program: &Path, args: &[&str], spoil: impl Fn(&Path)) -> Result {
    let copy = sandbox.path("copy.castr");
    let _ = std::fs::remove_dir_all(&copy);
    store::copy(&sandbox.path("default.castr"), &copy);
    spoil(&copy);
    let Outcome { status, stdout, stderr } = sandbox.run(program, ["--store=copy.castr"].iter().chain(args));
    let mut stdout: Vec<String> = String::from_utf8_lossy(&stdout).lines().map(str::to_owned).collect();
    stdout.sort();
    // Details, hints, the line about bytes and what is said of strangers are ours alone.
    let ours = |line: &&str| {
        ["  ", "hint: ", "Leaving "].iter().any(|start| line.starts_with(start)) || line.contains(" bytes); ")
    };
    let mut stderr: Vec<String> = stderr.lines().filter(|line| !ours(line)).map(str::to_owned).collect();
    stderr.sort();
    let left = store::files(&copy).into_keys().collect();
    Result { status, stdout, stderr, left, directories: sandbox.names("copy.castr") }
}

fn compare(sandbox: &Sandbox, upstream: &Path, args: &[&str], spoil: impl Fn(&Path)) -> Result {
    let theirs = run(sandbox, upstream, args, &spoil);
    let ours = run(sandbox, tool::ours(), args, &spoil);
    assert_eq!(ours, theirs, "{args:?}");
    ours
}

#[test]
fn both_remove_the_same_and_say_the_same() {
    let Some(upstream) = tool::upstream() else { return };
    let sandbox = two_blobs(300_000);
    sandbox.write("tree/a/b", "a small tree");
    sandbox.casync([SIZES, "make", "tree.caidx", "tree"]).success();
    let before = store::files(&sandbox.path("default.castr")).len();
    for indexes in [
        &["keep.caibx"][..],
        &["drop.caibx", "tree.caidx"],
        &["keep.caibx", "drop.caibx", "tree.caidx"],
        &["tree.caidx", "tree.caidx"],
    ] {
        for options in [&[][..], &["-v"], &["-n"], &["-nv"], &["--verbose", "--log-level=err"]] {
            let args = [options, &["gc"], indexes].concat();
            let result = compare(&sandbox, upstream, &args, |_| {});
            let kept = options.iter().any(|option| option.contains('n')) || indexes.len() == 3;
            assert_eq!(result.left.len() == before, kept, "{args:?}");
        }
    }
}

#[test]
fn both_leave_what_is_no_chunk() {
    let Some(upstream) = tool::upstream() else { return };
    let sandbox = two_blobs(100_000);
    for options in [&["gc"][..], &["-v", "gc"], &["-n", "gc"]] {
        let args = [options, &["keep.caibx"]].concat();
        compare(&sandbox, upstream, &args, |copy| {
            std::fs::create_dir(copy.join("0000")).ok();
            for name in ["0000/foo.cacnk", "0000/.cacnk", "0000/a.b.cacnk", "0000/notes.txt", "0000/empty"] {
                std::fs::write(copy.join(name), "").expect("a stranger");
            }
        });
    }
}

#[test]
fn both_fail_alike() {
    let Some(upstream) = tool::upstream() else { return };
    let sandbox = two_blobs(50_000);
    sandbox.write("empty.caidx", "");
    sandbox.write("garbage.caidx", [7; 1000]);
    sandbox.write("directory.caidx/file", "");
    for args in [
        &["gc"][..],
        &["gc", "missing.caibx"],
        &["gc", "keep.caibx", "missing.caibx"],
        &["gc", "garbage.caidx"],
        &["gc", "directory.caidx"],
        &["gc", "--store=missing.castr", "keep.caibx"],
        &["-v", "gc", "--store=missing.castr", "keep.caibx"],
        &["-n", "gc", "--store=missing.castr", "keep.caibx"],
        &["gc", "--store=keep", "keep.caibx"],
    ] {
        let result = compare(&sandbox, upstream, args, |_| {});
        assert_eq!(result.status, Some(1), "{args:?}");
    }
}
