//! The output as its own seed: what stands there before, and what was just written.

use std::path::Path;
use std::process::Command;

use casync_tests::random::Rng;
use casync_tests::sandbox::Sandbox;
use casync_tests::skip::skip;
use casync_tests::tool;

use crate::scene::{CHUNK_SIZE, Sources, assert_same_tree, images, trees};

#[test]
fn an_existing_file_is_a_seed_unless_that_is_unwanted() {
    let sandbox = Sandbox::new();
    let differing = images(&sandbox);
    let old = sandbox.read("old.img");
    sandbox.write("out", &old);
    sandbox.casync(["--seed-output=no", "extract", "new.caibx", "out"]).failure();
    assert!(sandbox.read("out") == old, "a failed run leaves what was there");
    let sources = Sources::of(&sandbox.casync(["-v", "extract", "new.caibx", "out"]));
    assert_eq!(sources.store, differing);
    assert!(sandbox.read("out") == sandbox.read("new.img"));
    // Now all of it is there.
    assert_eq!(Sources::of(&sandbox.casync(["-v", "extract", "new.caibx", "out"])).store, 0);
    assert!(sandbox.read("out") == sandbox.read("new.img"));
}

#[test]
fn an_existing_tree_is_a_seed_for_those_who_ask() {
    let sandbox = Sandbox::new();
    let differing = trees(&sandbox);
    sandbox.casync(["extract", "new.caidx", "old"]).failure();
    // What the failed run had replaced is gone.
    let sandbox = Sandbox::new();
    assert_eq!(trees(&sandbox), differing);
    let outcome = sandbox.casync(["-v", "--seed-output=yes", "extract", "new.caidx", "old"]);
    assert!(Sources::of(&outcome).store >= differing, "files are replaced while they are read");
    assert_same_tree(&sandbox.path("new"), &sandbox.path("old"));
}

#[test]
fn repeats_are_loaded_once() {
    let sandbox = Sandbox::new();
    let part = Rng::new(5).bytes(200_000);
    let image = [&part[..], &Rng::new(6).bytes(50_000), &part, &part].concat();
    sandbox.write("image", &image);
    sandbox.casync([CHUNK_SIZE, "make", "image.caibx", "image"]).success();
    let stored = crate::scene::chunks(&sandbox.path("default.castr")).len();
    let sources = Sources::of(&sandbox.casync(["-v", "--jobs=1", "extract", "image.caibx", "out"]));
    assert_eq!(sources.store, stored);
    assert!(sources.seed > 60, "{sources:?}");
    assert!(sandbox.read("out") == image);
}

#[test]
fn zeros_are_known_from_the_index() {
    let sandbox = Sandbox::new();
    // Chunks of zeros are as large as chunks get, and these are all whole.
    sandbox.write("zeros", vec![0; 16 * 16384]);
    sandbox.casync([CHUNK_SIZE, "make", "zeros.caibx", "zeros"]).success();
    std::fs::remove_dir_all(sandbox.path("default.castr")).unwrap();
    for punch in ["--punch-holes=yes", "--punch-holes=no"] {
        let sources = Sources::of(&sandbox.casync(["-v", punch, "--jobs=1", "extract", "zeros.caibx", "out"]));
        assert_eq!(sources.store, 0);
        assert!(sandbox.read("out") == vec![0; 16 * 16384]);
        let blocks = std::os::unix::fs::MetadataExt::blocks(&std::fs::metadata(sandbox.path("out")).unwrap());
        assert_eq!(blocks == 0, punch.ends_with("yes"), "{blocks} blocks");
        std::fs::remove_file(sandbox.path("out")).unwrap();
    }
}

/// Loop devices, for root.
struct Loop(String);

impl Loop {
    fn over(file: &Path) -> Option<Self> {
        let attached = Command::new("losetup").args(["--find", "--show"]).arg(file).output().ok();
        let Some(attached) = attached.filter(|attached| attached.status.success()) else {
            skip("no loop devices");
            return None;
        };
        Some(Self(String::from_utf8(attached.stdout).unwrap().trim().to_owned()))
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup").arg("--detach").arg(&self.0).status();
    }
}

#[test]
fn a_device_is_updated_in_place() {
    if tool::which("losetup").is_none() {
        return skip("no losetup");
    }
    let sandbox = Sandbox::new();
    images(&sandbox);
    // In place: nothing moves.
    let mut new = sandbox.read("old.img");
    new[300_000..300_010].fill(9);
    sandbox.write("new.img", &new);
    sandbox.casync([CHUNK_SIZE, "--store=more.castr", "make", "next.caibx", "new.img"]).success();
    let file = sandbox.write("device", [&sandbox.read("old.img")[..], &[0; 1 << 20]].concat());
    let Some(device) = Loop::over(&file) else { return };
    let extract = |options: &[&str]| {
        Sources::of(
            &sandbox.casync([&["-v", "--store=more.castr", "extract", "next.caibx", &device.0], options].concat()),
        )
    };
    let first = extract(&[]);
    assert!((1..=2).contains(&first.store), "{first:?}");
    assert_eq!(extract(&[]).store, 0);
    assert!(extract(&["--seed-output=no"]).seed == 0);
    assert!(std::fs::read(&device.0).unwrap().starts_with(&new));
}
