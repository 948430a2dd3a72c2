//! What `list`, `mtree`, `stat` and `digest` print of directories, archives, indexes, blobs and the parts of archives.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use casync_tests::disk::{Scope, Shape};
use casync_tests::input;
use casync_tests::random::{Rng, for_each_seed};
use casync_tests::sandbox::Outcome;

use crate::pair::Pair;

const VERBS: [&str; 4] = ["list", "mtree", "stat", "digest"];

/// What is read of archives and directories alike.
const MASKS: &[&[&str]] = &[
    &[],
    &["--with=unix"],
    &["--without=privileged"],
    &["--without=acl", "--without=permissions"],
    &["--without=xattrs"],
    &["--without=32bit-uids", "--without=16bit-uids", "--without=acl"],
    &["--uid-shift=100000"],
];

#[test]
fn random_trees() {
    for_each_seed(4, |rng| {
        let Some(pair) = Pair::new() else { return };
        let tree = pair.grow(rng, Shape::Random, Scope::Extractable);
        assert!(pair.make("x.caidx", &tree, &["--chunk-size=2K", "--store=store"]));
        fs::rename(pair.path("theirs/x.caidx"), pair.path("theirs.caidx")).unwrap();
        assert!(pair.make("x.catar", &tree, &[]));
        for verb in VERBS {
            for mask in MASKS {
                agree(&pair, verb, mask, &[OsStr::new("theirs/x.catar")]).success();
                // What C says of a directory without these: "No data available".
                let fails = mask.iter().any(|option| ["--with=unix", "--without=xattrs"].contains(option));
                if !(fails && verb == "stat") {
                    agree(&pair, verb, mask, &[OsStr::new("tree")]);
                }
            }
            agree(&pair, verb, &["--store=store"], &[OsStr::new("theirs.caidx")]).success();
            agree(&pair, verb, &["--store=nowhere"], &[OsStr::new("theirs.caidx")]).failure();
            agree(&pair, verb, &["--digest=sha256"], &[OsStr::new("tree")]);
        }
        agree(&pair, "list", &["--recursive=no"], &[OsStr::new("theirs/x.catar")]).success();
    });
}

#[test]
fn parts_of_random_trees() {
    for_each_seed(2, |rng| {
        let Some(pair) = Pair::new() else { return };
        let tree = pair.grow(rng, Shape::Random, Scope::Everything);
        assert!(pair.make("x.catar", &tree, &[]));
        let mut paths = Vec::new();
        collect(&tree, &PathBuf::new(), &mut paths);
        paths.extend(["", "/", "nowhere", ".", "..", "a/b/c/d"].map(PathBuf::from));
        for path in &paths {
            for verb in ["list", "mtree", "stat"] {
                agree(&pair, verb, &[], &[OsStr::new("theirs/x.catar"), path.as_os_str()]);
            }
            // What has no digest: the C casync ends its message with whatever error happened last.
            let digest =
                |side| pair.run(side, ["digest".as_ref(), "--".as_ref(), "theirs/x.catar".as_ref(), path.as_os_str()]);
            let [ours, theirs] = [0, 1].map(digest);
            assert_eq!((ours.status, &ours.stdout), (theirs.status, &theirs.stdout), "digest of {path:?}");
        }
        for _ in 0..10 {
            let path = rng.pick(&paths).as_os_str().to_owned();
            agree(&pair, "list", &["--recursive=no"], &[OsStr::new("theirs/x.catar"), &path]);
            for mask in MASKS {
                agree(&pair, "stat", mask, &[OsStr::new("theirs/x.catar"), &path]);
            }
        }
    });
}

#[test]
fn digests_of_blobs() {
    let Some(pair) = Pair::new() else { return };
    for name in ["empty", "one", "rmin", "rmax+1", "z1M", "mixed"] {
        let blob = pair.sandbox().write(name, input::blob(name));
        assert!(pair.make("x.caibx", &blob, &[]));
        for options in [&[][..], &["--digest=sha256"], &["--with=unix"]] {
            agree(&pair, "digest", options, &[blob.as_os_str()]).success();
        }
        agree(&pair, "digest", &[], &[OsStr::new("theirs/x.caibx")]).success();
    }
}

fn agree(pair: &Pair, verb: &str, options: &[&str], operands: &[&OsStr]) -> Outcome {
    // Paths may look like options.
    let words = [verb].into_iter().chain(options.iter().copied()).chain(["--"]).map(OsStr::new);
    pair.agree(words.chain(operands.iter().copied()))
}

fn collect(directory: &Path, path: &Path, paths: &mut Vec<PathBuf>) {
    let mut names: Vec<OsString> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    for name in names {
        let path = path.join(&name);
        paths.push(path.clone());
        if fs::symlink_metadata(directory.join(&name)).unwrap().is_dir() {
            collect(&directory.join(&name), &path, paths);
        }
    }
}

/// Parts of a tree with thousands of entries, through its goodbye table.
#[test]
fn parts_of_a_wide_tree() {
    let Some(pair) = Pair::new() else { return };
    let mut rng = Rng::new(0);
    let tree = pair.grow(&mut rng, Shape::Wide, Scope::Extractable);
    assert!(pair.make("x.catar", &tree, &[]));
    let mut paths = Vec::new();
    collect(&tree, &PathBuf::new(), &mut paths);
    for _ in 0..30 {
        agree(&pair, "stat", &[], &[OsStr::new("theirs/x.catar"), rng.pick(&paths).as_os_str()]).success();
    }
}
