//! Links to elsewhere, names that are paths, names twice or out of order, devices.

use std::os::unix::fs::symlink;

use casync_core::record::{FeatureFlags, RecordKind};
use casync_tests::craft::{self, Directory, record};
use casync_tests::sandbox::Sandbox;

use crate::yard::{Yard, directory, entry, file, link};

/// A link to elsewhere, then something under the link's name as if it were a directory.
#[test]
fn nothing_is_written_through_links_of_the_archive() {
    for target in ["../outside", "/", ".", "..", "../outside/file"] {
        let yard = Yard::new();
        let below = Directory::new(directory()).with(b"file", &file(b"evil")).finish();
        let twice = Directory::new(directory()).with(b"a", &link(target)).with(b"a", &below).finish();
        let error = yard.extract(&twice).failure();
        assert!(error.contains("Bad message"), "{target}: {error}");
        let file_twice = Directory::new(directory()).with(b"a", &link(target)).with(b"a", &file(b"evil")).finish();
        yard.extract(&file_twice).failure();
        // The link alone is right.
        yard.extract(Directory::new(directory()).with(b"a", &link(target)).finish()).success();
        assert_eq!(std::fs::read_link(yard.sandbox.path("out/a")).unwrap().to_str(), Some(target));
        // And goes, when the next archive has something else there.
        yard.extract(Directory::new(directory()).with(b"a", &below).finish()).success();
        assert_eq!(yard.sandbox.read("out/a/file"), b"evil");
    }
}

#[test]
fn nothing_is_written_through_links_that_are_there() {
    let yard = Yard::new();
    for name in ["a", "b", "c"] {
        symlink("../outside", yard.sandbox.path("out").join(name)).unwrap();
    }
    let below = Directory::new(directory()).with(b"file", &file(b"evil")).finish();
    let tree = Directory::new(directory()).with(b"a", &below).with(b"b", &file(b"evil")).finish();
    yard.extract(tree).success();
    // The third link went with --delete, what it leads to did not.
    assert_eq!(yard.sandbox.names("out"), ["a", "b"]);
}

#[test]
fn names_are_single_components() {
    let names: [&[u8]; 12] =
        [b"", b".", b"..", b"/", b"/evil", b"a/b", b"../evil", b"../outside/file", b"a/", b"./a", b"a\0b", b"..\0"];
    for name in names {
        let yard = Yard::new();
        for node in [file(b"evil"), Directory::new(directory()).finish(), link("/")] {
            let error = yard.extract(Directory::new(directory()).with(name, &node).finish()).failure();
            assert!(error.contains("Bad message"), "{}: {error}", name.escape_ascii());
            assert!(yard.sandbox.names("out").is_empty(), "{}", name.escape_ascii());
        }
    }
}

#[test]
fn names_come_once_and_in_order() {
    for names in [["a", "a"], ["b", "a"], ["a", "A"]] {
        let yard = Yard::new();
        let [first, second] = names.map(str::as_bytes);
        let tree = Directory::new(directory()).with(first, &file(b"1")).with(second, &file(b"2")).finish();
        let error = yard.extract(tree).failure();
        assert!(error.contains("Bad message"), "{names:?}: {error}");
    }
}

#[test]
fn names_that_no_file_system_takes_are_refused() {
    let yard = Yard::new();
    let error = yard.extract(Directory::new(directory()).with(&[b'x'; 256], &file(b"")).finish()).failure();
    assert!(error.contains("Bad message"), "{error}");
    assert!(yard.sandbox.names("out").is_empty());
}

/// Modes that an archive without permissions cannot have, and set-id bits that nobody asked for.
#[test]
fn modes_without_permissions_are_refused() {
    for mode in [0o104_666, 0o100_777, 0o140_000 | 0o7777, 0o160_000, 0] {
        let yard = Yard::new();
        let node = [entry(FeatureFlags::SYMLINKS, mode), record(RecordKind::Payload, b"")].concat();
        yard.extract(Directory::new(directory()).with(b"a", &node).finish()).failure();
        assert!(yard.sandbox.names("out").is_empty(), "{mode:o}");
    }
}

/// A device where the archive says it has none is passed over, and one that it has, if it is not to be restored.
#[test]
fn devices_come_only_on_demand() {
    let device = |features| {
        let numbers = [1_u64, 3].map(u64::to_le_bytes).concat();
        let node = [craft::entry(features, 0o020_666), record(RecordKind::Device, &numbers)].concat();
        Directory::new(craft::entry(features, 0o040_777)).with(b"null", &node).finish()
    };
    let yard = Yard::new();
    yard.extract(device(FeatureFlags::EMPTY)).success();
    assert!(yard.sandbox.names("out").is_empty());
    yard.sandbox.write("x.catar", device(FeatureFlags::DEVICE_NODES));
    yard.sandbox.casync(["extract", "--without=device-nodes", "x.catar", "out"]).success();
    assert!(yard.sandbox.names("out").is_empty());
}

/// Nothing but a directory can be at the top.
#[test]
fn the_top_is_a_directory() {
    for node in [file(b"evil"), link("/")] {
        let yard = Yard::new();
        assert!(yard.extract(node).failure().contains("Bad message"));
    }
}

/// An archive that ends anywhere ends the run, and what was under way goes.
#[test]
fn archives_may_end_anywhere() {
    let below = Directory::new(directory()).with(b"file", &file(&[7; 100])).finish();
    let tree = Directory::new(directory()).with(b"a", &below).with(b"b", &link("/")).finish();
    for length in (0..tree.len()).step_by(13) {
        let sandbox = Sandbox::new();
        sandbox.write("x.catar", &tree[..length]);
        sandbox.write("out/a/file", "old");
        let error = sandbox.casync(["extract", "x.catar", "out"]).failure();
        assert!(error.contains("Broken pipe"), "{length}: {error}");
        let file = sandbox.read("out/a/file");
        assert!(file == b"old" || file == [7; 100], "{length}: {file:?}");
        assert_eq!(sandbox.names("out/a"), ["file"], "{length}");
    }
}
