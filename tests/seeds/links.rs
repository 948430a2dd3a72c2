//! `--hardlink=yes`: equal files of seeds become the output's, and nothing is ever set on them.

use std::ffi::OsString;
use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use casync_tests::mount::{FileSystem, is_root};
use casync_tests::random::Rng;
use casync_tests::sandbox::Sandbox;
use casync_tests::skip::skip;
use casync_tests::tool;

use crate::scene::assert_same_tree;
use crate::tables::settle;

/// Files with nothing in common, and an empty one.
const FILES: [(&str, usize); 5] =
    [("a/large", 300_000), ("a/small", 20), ("b/c/other", 5000), ("empty", 0), ("top", 999)];

/// A tree in `tree`, its archive in both forms, and a copy of it with all metadata in `seed`.
fn scene() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut rng = Rng::new(21);
    for (number, (name, size)) in FILES.into_iter().enumerate() {
        let path = sandbox.write(format!("tree/{name}"), rng.bytes(size));
        set_time(&path, 1_000_000_000 + number as u64);
    }
    sandbox.casync(["make", "t.caidx", "tree"]).success();
    sandbox.casync(["make", "t.catar", "tree"]).success();
    sandbox.casync(["extract", "t.caidx", "seed"]).success();
    sandbox
}

fn set_time(path: &Path, seconds: u64) {
    let time = UNIX_EPOCH + Duration::from_secs(seconds);
    File::open(path).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
}

/// Which files of `out` are also those of `seed`, by name.
fn linked(sandbox: &Sandbox, out: &str, seed: &str) -> Vec<&'static str> {
    let identity = |path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    let is_linked = |name: &&str| {
        let there = identity(sandbox.path(format!("{out}/{name}")));
        assert!(there.is_some(), "{name} was not extracted");
        there == identity(sandbox.path(format!("{seed}/{name}")))
    };
    FILES.into_iter().map(|(name, _)| name).filter(is_linked).collect()
}

/// The names of all files but some.
fn all_but(missing: &[&str]) -> Vec<&'static str> {
    FILES.into_iter().map(|(name, _)| name).filter(|name| !missing.contains(name)).collect()
}

/// Extracts anew with `seed`, and makes sure that the output is the archive and the seed is what it was.
#[track_caller]
fn extract(sandbox: &Sandbox, more: &[&str]) -> Vec<&'static str> {
    let _ = fs::remove_dir_all(sandbox.path("out"));
    let before = sandbox.casync(["mtree", "seed"]).success();
    let fixed = ["extract", "--hardlink=yes", "t.caidx", "out"];
    sandbox.casync(fixed.iter().chain(more)).success();
    assert!(sandbox.casync(["mtree", "seed"]).success() == before, "the seed was changed");
    assert_same_tree(&sandbox.path("tree"), &sandbox.path("out"));
    linked(sandbox, "out", "seed")
}

/// Makes sure that the output is the archive, metadata and all.
#[track_caller]
fn assert_exact(sandbox: &Sandbox) {
    let said = sandbox.casync(["verify", "t.caidx", "out"]);
    assert_eq!(said.status, Some(0), "{}", said.text());
    assert!(sandbox.casync(["digest", "out"]).success() == sandbox.casync(["digest", "t.caidx"]).success());
}

#[test]
fn equal_files_become_links() {
    let sandbox = scene();
    assert_eq!(extract(&sandbox, &["--seed=seed"]), all_but(&[]));
    assert_exact(&sandbox);
    assert_eq!(extract(&sandbox, &["--seed=seed", "--hardlink=no"]), [""; 0]);
    assert_eq!(extract(&sandbox, &["--seed=seed", "--jobs=1", "--fsync=each"]), all_but(&[]));
    assert_exact(&sandbox);
    // A seed that has an index is not read; one with a table is not even walked, and that has no empty files.
    sandbox.casync(["make", "seed.caidx", "seed"]).success();
    assert_eq!(extract(&sandbox, &["--seed=seed"]), all_but(&[]));
    fs::remove_file(sandbox.path("seed.caidx")).unwrap();
    settle(&sandbox.path("seed"));
    sandbox.casync(["make", "seed.catab", "seed"]).success();
    assert_eq!(extract(&sandbox, &["--seed=seed.catab"]), all_but(&["empty"]));
    // How much that was is told.
    fs::remove_dir_all(sandbox.path("out")).unwrap();
    let told = sandbox.casync(["extract", "-v", "--hardlink=yes", "--seed=seed", "t.caidx", "out"]);
    assert!(told.stderr.contains("Bytes cloned through hardlinks: 298"), "{}", told.stderr);
    fs::remove_dir_all(sandbox.path("out")).unwrap();
    let told = sandbox.casync(["extract", "--json", "--hardlink=yes", "--seed=seed", "t.caidx", "out"]).success();
    assert!(String::from_utf8(told).unwrap().contains("\"linked_bytes\":306019"));
}

#[test]
fn archives_in_one_piece_and_parts_are_linked_too() {
    let sandbox = scene();
    fs::rename(sandbox.path("t.caidx"), sandbox.path("index")).unwrap();
    sandbox.casync(["extract", "--hardlink=yes", "--seed=seed", "t.catar", "out"]).success();
    assert_eq!(linked(&sandbox, "out", "seed"), all_but(&[]));
    sandbox
        .casync(["extract", "--what=archive-index", "--hardlink=yes", "--seed=seed", "index", "part", "b"])
        .success();
    let inode = |path: &str| fs::metadata(sandbox.path(path)).unwrap().ino();
    assert_eq!(inode("part/b/c/other"), inode("seed/b/c/other"));
    // The C program does the same.
    let Some(upstream) = tool::upstream() else { return };
    sandbox.run(upstream, ["extract", "--hardlink=yes", "--seed=seed", "t.catar", "theirs"]).success();
    assert_eq!(linked(&sandbox, "theirs", "seed"), all_but(&[]));
}

#[test]
fn files_of_the_output_stay_what_they_are() {
    let sandbox = scene();
    sandbox.casync(["extract", "t.caidx", "out"]).success();
    let inodes = || FILES.map(|(name, _)| fs::metadata(sandbox.path(format!("out/{name}"))).unwrap().ino());
    let before = inodes();
    sandbox.write("out/stranger", "is removed");
    sandbox.write("out/top", "changed");
    for more in [&[][..], &["--seed-output=yes"]] {
        let fixed = ["extract", "--hardlink=yes", "t.caidx", "out"];
        sandbox.casync(fixed.iter().chain(more)).success();
        assert_exact(&sandbox);
        assert_eq!(inodes()[..4], before[..4], "{more:?}");
        assert_eq!(sandbox.names("out"), ["a", "b", "empty", "top"]);
    }
    sandbox.casync(["extract", "--hardlink=yes", "--seed-output=no", "t.caidx", "out"]).success();
    assert!(inodes().iter().zip(before).all(|(now, before)| *now != before));
}

#[test]
fn only_what_is_equal_is_linked() {
    let sandbox = scene();
    // The same size and time, other bytes: at the start, at the end.
    let change = |name: &str, at: usize| {
        let path = sandbox.path(format!("seed/{name}"));
        let mut bytes = fs::read(&path).unwrap();
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        File::open(&path).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
    };
    change("a/large", 299_999);
    change("a/small", 0);
    assert_eq!(extract(&sandbox, &["--seed=seed"]), all_but(&["a/large", "a/small"]));
    // Other metadata.
    fs::set_permissions(sandbox.path("seed/b/c/other"), Permissions::from_mode(0o600)).unwrap();
    set_time(&sandbox.path("seed/top"), 5);
    assert_eq!(extract(&sandbox, &["--seed=seed"]), ["empty"]);
    assert_exact(&sandbox);
    // What is not restored need not be the same, but for what a new file would have.
    let without = ["--without=nsec-time", "--without=usec-time", "--without=sec-time", "--without=2sec-time"];
    let linked = extract(&sandbox, &[&["--seed=seed"], &without[..]].concat());
    assert_eq!(linked, ["empty", "top"]);
}

#[test]
fn extended_attributes_count() {
    let sandbox = scene();
    let set = |path: &str, name: &str| {
        rustix::fs::setxattr(sandbox.path(path), name, b"value", rustix::fs::XattrFlags::empty())
    };
    if set("seed/top", "user.more").is_err() {
        return skip("no extended attributes in the temporary directory");
    }
    set("tree/a/small", "user.archived").unwrap();
    sandbox.casync(["make", "t.caidx", "tree"]).success();
    assert_eq!(extract(&sandbox, &["--seed=seed"]), all_but(&["a/small", "top"]));
    assert_exact(&sandbox);
    set("seed/a/small", "user.archived").unwrap();
    assert_eq!(extract(&sandbox, &["--seed=seed"]), all_but(&["top"]));
    assert_exact(&sandbox);
}

#[test]
fn owners_count() {
    if !is_root() {
        return skip("only root can give files away");
    }
    let sandbox = scene();
    std::os::unix::fs::chown(sandbox.path("seed/top"), Some(12_345), Some(0)).unwrap();
    std::os::unix::fs::chown(sandbox.path("seed/empty"), Some(0), Some(12_345)).unwrap();
    assert_eq!(extract(&sandbox, &["--seed=seed"]), all_but(&["empty", "top"]));
    assert_exact(&sandbox);
    // Also where owners are not restored: a new file would be root's.
    assert_eq!(extract(&sandbox, &["--seed=seed", "--without=privileged"]), all_but(&["empty", "top"]));
    // With shifted ids, of the same shift.
    let shift = ["extract", "--hardlink=yes", "--uid-shift=65536"];
    sandbox.casync(shift.iter().chain(&["t.caidx", "shifted"])).success();
    sandbox.casync(shift.iter().chain(&["--seed=shifted", "t.caidx", "again"])).success();
    assert_eq!(linked(&sandbox, "again", "shifted"), all_but(&[]));
    sandbox.casync(["extract", "--hardlink=yes", "--seed=shifted", "t.caidx", "back"]).success();
    assert_eq!(linked(&sandbox, "back", "shifted"), [""; 0]);
}

#[test]
fn many_files_of_one_size_and_time_are_told_apart() {
    let sandbox = Sandbox::new();
    for number in 0..200 {
        let path = sandbox.write(format!("tree/{number:03}"), format!("contents {number:03}"));
        set_time(&path, 1_000_000_000);
        // None has the name that it has in the tree.
        let path = sandbox.write(format!("seed/{:03}", 199 - number), format!("contents {number:03}"));
        set_time(&path, 1_000_000_000);
    }
    sandbox.casync(["make", "t.caidx", "tree"]).success();
    sandbox.casync(["extract", "--hardlink=yes", "--seed=seed", "t.caidx", "out"]).success();
    for number in 0..200 {
        let inode = |path: String| fs::metadata(sandbox.path(path)).unwrap().ino();
        assert_eq!(inode(format!("out/{number:03}")), inode(format!("seed/{:03}", 199 - number)));
    }
    assert_exact(&sandbox);
}

#[test]
fn what_cannot_be_linked_is_copied() {
    let sandbox = scene();
    for kind in [FileSystem::Tmpfs, FileSystem::Btrfs] {
        let Some(mounted) = kind.mount() else { return };
        let out = mounted.path("out");
        let arguments = ["extract", "--hardlink=yes", "--seed=seed", "t.caidx"].map(OsString::from).into_iter();
        let arguments = arguments.chain([out.clone().into_os_string()]);
        sandbox.casync(arguments).success();
        assert_same_tree(&sandbox.path("tree"), &out);
        assert!(FILES.iter().all(|(name, _)| fs::metadata(out.join(name)).unwrap().nlink() == 1));
        // From the same file system.
        let arguments = ["extract", "--hardlink=yes"].map(OsString::from).into_iter();
        let mut seed = OsString::from("--seed=");
        seed.push(&out);
        let again = mounted.path("again").into_os_string();
        sandbox.casync(arguments.chain([seed, "t.caidx".into(), again])).success();
        assert!(FILES.iter().all(|(name, _)| fs::metadata(out.join(name)).unwrap().nlink() == 2));
    }
    // A file that must not be changed can get no further name.
    let top = sandbox.path("seed/top");
    if casync_tests::disk::change_flags(&top, rustix::fs::IFlags::IMMUTABLE, rustix::fs::IFlags::empty()) {
        let linked = extract(&sandbox, &["--seed=seed", "--without=flag-immutable"]);
        casync_tests::disk::change_flags(&top, rustix::fs::IFlags::empty(), rustix::fs::IFlags::IMMUTABLE);
        assert_eq!(linked, all_but(&["top"]));
        assert_exact(&sandbox);
    }
}
