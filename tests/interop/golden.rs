//! The trees of the golden data once more on a real file system: what the program makes of them, row by row.
//!
//! `tests/vectors/gen.py` makes the trees, as it did for the C casync. That is not needed here.

use std::path::PathBuf;

use casync_tests::sandbox::Sandbox;
use casync_tests::skip::skip;
use casync_tests::{input, tool, vectors};

/// Makes a tree of the golden data in a sandbox. False if that cannot be done here, which has been told by then.
fn grow(sandbox: &Sandbox, tree: &str) -> bool {
    if tool::which("python3").is_none() {
        skip("python3 is not installed, which makes the golden trees");
        return false;
    }
    if tree == "roottree" && !rustix::process::geteuid().is_root() {
        skip("not root: no devices and foreign owners");
        return false;
    }
    let script = vectors::path("gen.py").into_os_string();
    sandbox.run("python3", [script, tree.into(), tree.into()]).success();
    true
}

fn check_trees(tree: &str) {
    let sandbox = Sandbox::new();
    if !grow(&sandbox, tree) {
        return;
    }
    let is_root = rustix::process::geteuid().is_root();
    let mut checked = 0;
    for row in vectors::table("trees.tsv").rows().filter(|row| row.get("tree") == tree) {
        if row.get("needs") == "root" && !is_root {
            continue;
        }
        let arguments = ["make"].into_iter().chain(row.get("options").split_whitespace()).chain(["x.catar", tree]);
        let made = sandbox.casync(arguments);
        checked += 1;
        match row.get("printed").strip_prefix("FAILS: ") {
            Some(message) => {
                let message = format!("Failed to run synchronizer: {message}");
                assert!(made.failure().lines().any(|line| line == message), "{message} of {row:?}");
            }
            None => {
                assert_eq!(String::from_utf8(made.success()).unwrap().trim_end(), row.get("printed"), "{row:?}");
                assert_eq!(input::sha256(&sandbox.read("x.catar")), row.get("sha256"), "{row:?}");
            }
        }
    }
    assert!(checked > 5, "rows of {tree}");
}

#[test]
fn tree() {
    check_trees("tree");
}

#[test]
fn xattrtree() {
    check_trees("xattrtree");
}

#[test]
fn roottree() {
    check_trees("roottree");
}

#[test]
fn indexes() {
    let sandbox = Sandbox::new();
    if !grow(&sandbox, "tree") {
        return;
    }
    for row in vectors::table("caidx.tsv").rows() {
        let arguments = ["make"].into_iter().chain(row.get("options").split_whitespace()).chain(["x.caidx", "tree"]);
        let printed = sandbox.casync(arguments).success();
        assert_eq!(String::from_utf8(printed).unwrap().trim_end(), row.get("printed"), "{row:?}");
        assert_eq!(input::sha256(&sandbox.read("x.caidx")), row.get("index sha256"), "{row:?}");
    }
}

#[test]
fn paths_and_texts() {
    let sandbox = Sandbox::new();
    if !grow(&sandbox, "tree") {
        return;
    }
    sandbox.casync(["make", "--without=privileged", "x.catar", "tree"]).success();
    for row in vectors::table("paths.tsv").rows() {
        let (path, digest) = (row.get("path"), sandbox.casync(["digest", "x.catar", row.get("path")]));
        let stat = sandbox.casync(["stat", "x.catar", path]).text();
        let field = |name: &str| stat.lines().find_map(|line| line.trim_start().strip_prefix(name)).map(str::to_owned);
        assert_eq!(field("Offset: ").unwrap_or_else(|| "not found".to_owned()), row.get("ENTRY offset"), "{row:?}");
        assert_eq!(field("HLDigest: ").unwrap_or_else(|| "-".to_owned()), row.get("hardlink digest"), "{row:?}");
        let printed = if digest.status == Some(0) { digest.text() } else { "-".to_owned() };
        assert_eq!(printed.trim_end(), row.get("casync digest"), "{row:?}");
    }
    for verb in ["list", "mtree"] {
        assert!(sandbox.casync([verb, "x.catar"]).success() == vectors::read(&format!("{verb}.txt")), "{verb}");
    }
}

#[test]
fn blobs() {
    let sandbox = Sandbox::new();
    let mut last = String::new();
    // The large one is indexed in the target `golden`, and beside the C casync in `blobs`.
    for row in vectors::table("blobs.tsv").rows().filter(|row| row.get("input") != "huge") {
        if row.get("input") != last {
            last = row.get("input").to_owned();
            sandbox.write("blob", input::blob(&last));
        }
        let operands = [PathBuf::from("x.caibx"), PathBuf::from("blob")];
        let mut command = sandbox.command(tool::ours());
        command.arg("make").args(row.get("options").split_whitespace()).args(operands);
        let printed = casync_tests::sandbox::outcome(&mut command).success();
        assert_eq!(String::from_utf8(printed).unwrap().trim_end(), row.get("printed"), "{row:?}");
        assert_eq!(input::sha256(&sandbox.read("x.caibx")), row.get("index sha256"), "{row:?}");
    }
}
