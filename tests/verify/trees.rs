//! An archive or index and a tree: what differs, by path and attribute.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;
use std::time::Duration;

use casync_tests::random::Rng;
use casync_tests::sandbox::Sandbox;
use casync_tests::{store, tool};

use crate::{SIZES, right, wrong};

/// A sandbox with a tree, and an archive and an index of it.
fn a_tree() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut rng = Rng::new(1);
    for name in ["a", "dir/b", "dir/deep/c", "dir/z", "empty/d", "z"] {
        sandbox.write(format!("tree/{name}"), rng.bytes(30_000));
    }
    symlink("target", sandbox.path("tree/link")).unwrap();
    sandbox.write("tree/.caexclude", "*.left-out\n");
    sandbox.casync([SIZES, "make", "tree.catar", "tree"]).success();
    sandbox.casync([SIZES, "make", "tree.caidx", "tree"]).success();
    sandbox
}

/// Directory times change with what is in them, which is not what these tests are about.
fn keeping_times(sandbox: &Sandbox, change: impl FnOnce()) {
    let directories = ["tree", "tree/dir", "tree/dir/deep", "tree/empty"].map(|name| sandbox.path(name));
    let times = directories.clone().map(|path| fs::metadata(path).unwrap().modified().unwrap());
    change();
    for (path, time) in directories.iter().zip(times) {
        if let Ok(directory) = fs::File::open(path) {
            directory.set_modified(time).unwrap();
        }
    }
}

/// Both forms find the same.
#[track_caller]
fn both_wrong(sandbox: &Sandbox, problems: &[&str]) {
    wrong(sandbox, &["tree.catar", "tree"], problems);
    wrong(sandbox, &["tree.caidx", "tree"], problems);
}

#[test]
fn a_tree_needs_no_store_to_be_right() {
    let sandbox = a_tree();
    keeping_times(&sandbox, || drop(sandbox.write("tree/dir/new.left-out", "not archived")));
    assert!(right(&sandbox, &["tree.catar", "tree"]).contains(": no problems."));
    assert!(right(&sandbox, &["tree.caidx", "tree", "--store=missing.castr"]).contains(": no problems."));
    // Neither does one that was extracted.
    sandbox.casync(["extract", "tree.caidx", "extracted"]).success();
    right(&sandbox, &["tree.caidx", "extracted", "--store=missing.castr"]);
    right(&sandbox, &["tree.catar", "extracted"]);
}

#[test]
fn what_is_there_and_what_is_not() {
    let sandbox = a_tree();
    keeping_times(&sandbox, || {
        fs::remove_file(sandbox.path("tree/a")).unwrap();
        fs::remove_dir_all(sandbox.path("tree/dir/deep")).unwrap();
        sandbox.write("tree/dir/a-new", "");
        sandbox.write("tree/dir/z-new/below", "");
        sandbox.write("tree/zz", "");
        sandbox.write("tree/zz.left-out", "");
    });
    both_wrong(
        &sandbox,
        &[
            "a: only in the archive",
            "dir/a-new: only in the tree",
            "dir/deep: only in the archive",
            "dir/z-new: only in the tree",
            "zz: only in the tree",
        ],
    );
}

#[test]
fn contents_by_offset() {
    let sandbox = a_tree();
    let path = sandbox.path("tree/dir/deep/c");
    let (mut bytes, time) = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap());
    bytes[12_345] ^= 1;
    bytes[20_000] ^= 1;
    fs::write(&path, &bytes).unwrap();
    fs::File::open(&path).unwrap().set_modified(time).unwrap();
    both_wrong(&sandbox, &["dir/deep/c: the content differs from byte 12345 on"]);
    bytes.truncate(10_000);
    fs::write(&path, &bytes).unwrap();
    fs::File::open(&path).unwrap().set_modified(time).unwrap();
    both_wrong(&sandbox, &["dir/deep/c: size is 10000 instead of 30000"]);
}

#[test]
fn attributes_by_name() {
    let sandbox = a_tree();
    let path = |name: &str| sandbox.path("tree").join(name);
    keeping_times(&sandbox, || {
        fs::set_permissions(path("a"), PermissionsExt::from_mode(0o4711)).unwrap();
        store::make_older(&path("dir/b"), Duration::from_secs(1000));
        fs::remove_file(path("link")).unwrap();
        symlink("elsewhere", path("link")).unwrap();
        // Another type; what is below it is no further difference.
        fs::remove_dir_all(path("empty")).unwrap();
        sandbox.write("tree/empty", "");
        fs::remove_file(path("z")).unwrap();
        sandbox.write("tree/z/below", "");
    });
    both_wrong(
        &sandbox,
        &[
            "a: mode is 4711 instead of 0644",
            "dir/b: mtime is ",
            "link: target is elsewhere instead of target; mtime is ",
            "empty: type is regular instead of directory",
            "z: type is directory instead of regular",
        ],
    );
}

#[test]
fn metadata_that_does_not_count() {
    let sandbox = a_tree();
    fs::set_permissions(sandbox.path("tree/a"), PermissionsExt::from_mode(0o600)).unwrap();
    both_wrong(&sandbox, &["a: mode is 0600 instead of 0644"]);
    for archive in ["tree.catar", "tree.caidx"] {
        right(&sandbox, &[archive, "tree", "--without=permissions", "--without=acl"]);
    }
}

#[test]
fn extended_attributes_and_owners() {
    let sandbox = a_tree();
    let set = |name: &str, value: &str| {
        let path = sandbox.path("tree/a");
        Command::new("setfattr").args(["-n", name, "-v", value]).arg(path).status().is_ok_and(|status| status.success())
    };
    if !set("user.kept", "old") || !set("user.gone", "x") {
        return casync_tests::skip::skip(
            "setfattr does not work here (`apt install attr`, and a file system with xattrs)",
        );
    }
    sandbox.casync([SIZES, "make", "tree.catar", "tree"]).success();
    sandbox.casync([SIZES, "make", "tree.caidx", "tree"]).success();
    assert!(set("user.kept", "new") && set("user.added", "y"));
    let removed = Command::new("setfattr").args(["-x", "user.gone"]).arg(sandbox.path("tree/a")).status();
    assert!(removed.unwrap().success());
    let line =
        "a: xattr user.added is not in the archive; xattr user.gone is missing; xattr user.kept has another value";
    both_wrong(&sandbox, &[line]);
}

#[test]
fn without_the_store_the_place_is_named() {
    let sandbox = a_tree();
    let path = sandbox.path("tree/dir/deep/c");
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[29_000] ^= 1;
    fs::write(&path, bytes).unwrap();
    fs::File::open(&path).unwrap().set_modified(time).unwrap();
    let outcome = sandbox.casync(["verify", "tree.caidx", "tree", "--store=missing.castr"]);
    let said = outcome.failure();
    assert!(said.starts_with("dir/deep/c: the tree differs from the index here or soon after"), "{said}");
}

#[test]
fn the_store_and_the_index_inside_of_the_tree() {
    let sandbox = a_tree();
    let made = sandbox.path("tree");
    for name in ["inside.catar", "inside.caidx"] {
        let mut make = sandbox.command(tool::ours());
        casync_tests::sandbox::outcome(make.current_dir(&made).args(["make", name, "."])).success();
        let mut verify = sandbox.command(tool::ours());
        let outcome = casync_tests::sandbox::outcome(verify.current_dir(&made).args(["verify", name, "."]));
        // The time of the directory that the archive was put into has moved since.
        let said = outcome.failure();
        assert!(said.starts_with(".: mtime is ") && said.lines().count() == 2, "{name}: {said}");
        fs::remove_file(made.join(name)).unwrap();
    }
}

#[test]
fn archives_of_the_c_casync() {
    let Some(upstream) = tool::upstream() else { return };
    let sandbox = a_tree();
    sandbox.run(upstream, ["make", "theirs.catar", "tree"]).success();
    sandbox.run(upstream, ["make", "theirs.caidx", "tree"]).success();
    right(&sandbox, &["theirs.catar", "tree"]);
    right(&sandbox, &["theirs.caidx", "tree", "--store=missing.castr"]);
    right(&sandbox, &["theirs.caidx"]);
}
