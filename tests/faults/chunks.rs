//! Bad chunks in a store: nothing wrong is ever written, and a good copy elsewhere is used.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use casync_tests::input;
use casync_tests::running::within;
use casync_tests::{skip, vectors};

use crate::scene::Scene;

/// Does something to a chunk; `other` is another chunk of the store.
type Damage = fn(chunk: &Path, other: &Path);

fn replace(chunk: &Path, bytes: &[u8]) {
    fs::remove_file(chunk).unwrap();
    fs::write(chunk, bytes).unwrap();
}

/// What can be wrong with a chunk, and what is said about it.
const DAMAGES: [(&str, Damage, &str); 12] = [
    ("missing", |chunk, _| fs::remove_file(chunk).unwrap(), "is in none of the stores"),
    ("empty", |chunk, _| replace(chunk, b""), "from store"),
    (
        "truncated",
        |chunk, _| {
            let bytes = fs::read(chunk).unwrap();
            replace(chunk, &bytes[..bytes.len() / 2]);
        },
        "from store",
    ),
    ("garbage", |chunk, _| replace(chunk, &input::prng("garbage", 3000)), "from store"),
    ("zstd and then garbage", |chunk, _| replace(chunk, b"\x28\xb5\x2f\xfd garbage after the magic"), "from store"),
    (
        "trailing garbage",
        |chunk, _| {
            let bytes = fs::read(chunk).unwrap();
            replace(chunk, &[&bytes[..], b"more"].concat());
        },
        "from store",
    ),
    ("of another id", |chunk, other| replace(chunk, &fs::read(other).unwrap()), "from store"),
    ("a bomb", |chunk, _| replace(chunk, &vectors::read("frames/zstd-bomb")), "from store"),
    ("a gzip bomb", |chunk, _| replace(chunk, &vectors::read("frames/gzip-bomb")), "from store"),
    (
        "a directory",
        |chunk, _| {
            fs::remove_file(chunk).unwrap();
            fs::create_dir(chunk).unwrap();
        },
        "Is a directory",
    ),
    (
        "a link",
        |chunk, other| {
            fs::remove_file(chunk).unwrap();
            symlink(other, chunk).unwrap();
        },
        "marked as missing",
    ),
    (
        "larger than any chunk",
        |chunk, _| {
            replace(chunk, b"");
            fs::File::options().write(true).open(chunk).unwrap().set_len(1 << 40).unwrap();
        },
        "larger than any chunk",
    ),
];

#[test]
fn bad_chunks_are_told_by_id_and_store() {
    for (name, damage, cause) in DAMAGES {
        let scene = Scene::new();
        copy(&scene.path("default.castr"), &scene.path("good.castr"));
        // One in the middle: much is done before it is reached.
        for index in ["x.caibx", "x.caidx"] {
            let ids = scene.ids(index);
            let (id, other) = (&ids[ids.len() / 2], &ids[1]);
            damage(&scene.chunk("default.castr", id), &scene.chunk("default.castr", other));
            let says = [id.as_str(), "default.castr", cause];
            if index == "x.caibx" {
                scene.assert_failed(scene.casync(["extract", index, "old.img"]), &says);
                assert_eq!(scene.0.read("old.img"), b"the old image", "{name}");
                scene.assert_failed(scene.casync(["extract", index, "new.img"]), &says);
                assert!(!scene.path("new.img").exists(), "{name}");
                scene.assert_failed(scene.casync(["digest", index]), &says);
                // The pipe's reader decides about the status, so the program says its own.
                let mut piped = scene.script("{ \"$casync\" extract x.caibx -; echo $? >status; } | cat >piped");
                within(&mut piped);
                assert_eq!(scene.0.read("status"), b"1\n", "{name}");
                assert!(scene.0.read("blob").starts_with(&scene.0.read("piped")), "{name}: nothing wrong was written");
            } else {
                scene.assert_failed(scene.casync(["extract", index, "out"]), &says);
                assert_parts_of(&scene.path("out"), &scene.path("tree"));
                scene.assert_failed(scene.casync(["mtree", index]), &says);
                scene.assert_failed(scene.casync(["digest", index]), &says);
            }
        }
        let extra = "--extra-store=good.castr";
        scene.casync(["extract", extra, "x.caibx", "old.img"]).success();
        assert!(scene.0.read("old.img") == scene.0.read("blob"), "{name}");
        scene.casync(["extract", extra, "x.caidx", "whole"]).success();
        scene.assert_same("whole", "tree");
        scene.assert_tidy();
    }
}

/// `make` takes what is in the store for what it says to be, but never an empty file or something else than a file.
#[test]
fn making_repairs_what_cannot_be_a_chunk() {
    for (name, damage, _) in DAMAGES.iter().filter(|(name, ..)| matches!(*name, "missing" | "empty" | "a link")) {
        let scene = Scene::new();
        let ids = scene.ids("x.caibx");
        damage(&scene.chunk("default.castr", &ids[3]), &scene.chunk("default.castr", &ids[1]));
        scene.casync(["make", "x.caibx", "blob"]).success();
        scene.casync(["extract", "x.caibx", "new.img"]).success();
        assert!(scene.0.read("new.img") == scene.0.read("blob"), "{name}");
        scene.assert_tidy();
    }
}

#[test]
fn a_chunk_that_may_not_be_read_is_told() {
    if !rustix::process::geteuid().is_root() {
        return skip::skip("only root can become somebody who may not read a file");
    }
    let scene = Scene::new();
    let id = scene.ids("x.caibx")[5].clone();
    let chunk = scene.chunk("default.castr", &id);
    fs::set_permissions(&chunk, fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(scene.path(""), fs::Permissions::from_mode(0o777)).unwrap();
    let mut command = scene.0.command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(scene.readable_program());
    let outcome = within(command.args(["extract", "x.caibx", "new.img"]));
    scene.assert_failed(outcome, &[&id, "default.castr", "Permission denied"]);
    assert!(!scene.path("new.img").exists());
}

/// Every file of `part` is a whole file of `all`.
fn assert_parts_of(part: &Path, all: &Path) {
    for entry in fs::read_dir(part).unwrap() {
        let entry = entry.unwrap();
        let (path, whole) = (entry.path(), all.join(entry.file_name()));
        if path.is_dir() {
            assert_parts_of(&path, &whole);
        } else {
            assert!(fs::read(&path).unwrap() == fs::read(&whole).unwrap(), "{} is not whole", path.display());
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            let _ = fs::copy(entry.path(), target).unwrap();
        }
    }
}
