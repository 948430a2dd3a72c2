//! An old and a new version of something, and stores from which only the difference can be had.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use casync_tests::random::Rng;
use casync_tests::sandbox::{Outcome, Sandbox};

/// Small chunks make small tests.
pub(crate) const CHUNK_SIZE: &str = "--chunk-size=4096";

/// What `--verbose` says of where chunks came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sources {
    /// Chunks from stores.
    pub(crate) store: usize,
    /// Chunks from seeds.
    pub(crate) seed: usize,
    /// Bytes that became part of the output by reference, as the program writes sizes.
    pub(crate) cloned: String,
}

impl Sources {
    /// Reads them from the messages of a run that ended well.
    #[track_caller]
    pub(crate) fn of(outcome: &Outcome) -> Self {
        outcome.clone().success();
        let value = |title: &str| {
            let line = outcome.stderr.lines().find_map(|line| line.strip_prefix(title)).unwrap_or_else(|| {
                panic!("{title} is not in:\n{}", outcome.stderr);
            });
            line.split(' ').next().unwrap_or_default().to_owned()
        };
        let count = |title: &str| value(title).parse().expect("a number");
        Self {
            store: count("Chunk requests fulfilled from local store: "),
            seed: count("Chunk requests fulfilled from local seed: "),
            cloned: value("Bytes cloned through reflinks: "),
        }
    }
}

/// Two versions of an image: bytes were changed, inserted and removed.
pub(crate) fn versions(rng: &mut Rng, size: usize) -> (Vec<u8>, Vec<u8>) {
    let old = rng.bytes(size);
    let mut new = old.clone();
    let inserted = rng.bytes(5000);
    new.splice(size / 2..size / 2, inserted);
    new[size / 4] ^= 1;
    new.drain(size / 5 * 4..size / 5 * 4 + 3000);
    (old, new)
}

/// `old.img` and `new.img` with their indexes. The store of `new.caibx` only has the chunks that are not in the old image;
/// returns how many.
pub(crate) fn images(sandbox: &Sandbox) -> usize {
    let (old, new) = versions(&mut Rng::new(1), 1 << 20);
    sandbox.write("old.img", old);
    sandbox.write("new.img", new);
    differ(sandbox, "old.caibx", "old.img", "new.caibx", "new.img")
}

/// Two versions of a tree in `old` and `new`, likewise, with `old.caidx` and `new.caidx`.
pub(crate) fn trees(sandbox: &Sandbox) -> usize {
    let rng = &mut Rng::new(2);
    for directory in ["a", "b/c", "d"] {
        for number in 0..20 {
            let bytes = rng.bytes(number * 1000);
            sandbox.write(format!("old/{directory}/{number}"), &bytes);
            sandbox.write(format!("new/{directory}/{number}"), &bytes);
        }
    }
    let (old, new) = versions(rng, 500_000);
    sandbox.write("old/a/image", old);
    sandbox.write("new/a/image", new);
    sandbox.write("old/d/15", "shorter");
    sandbox.write("old/d/only-old", rng.bytes(30_000));
    sandbox.write("new/d/only-new", rng.bytes(30_000));
    // Times would make every record differ.
    differ_with(sandbox, &["--with=symlinks"], "old.caidx", "old", "new.caidx", "new")
}

fn differ(sandbox: &Sandbox, old_index: &str, old: &str, new_index: &str, new: &str) -> usize {
    differ_with(sandbox, &[], old_index, old, new_index, new)
}

fn differ_with(sandbox: &Sandbox, more: &[&str], old_index: &str, old: &str, new_index: &str, new: &str) -> usize {
    let make = |store: &str, index: &str, input: &str| {
        let fixed = [CHUNK_SIZE, store, "make", index, input];
        sandbox.casync(fixed.iter().chain(more)).success();
    };
    make("--store=old.castr", old_index, old);
    make("--store=default.castr", new_index, new);
    let shared = chunks(&sandbox.path("old.castr"));
    for (name, path) in chunks(&sandbox.path("default.castr")) {
        if shared.contains_key(&name) {
            std::fs::remove_file(path).unwrap();
        }
    }
    std::fs::remove_dir_all(sandbox.path("old.castr")).unwrap();
    let differing = chunks(&sandbox.path("default.castr")).len();
    assert!((3..60).contains(&differing), "{differing} chunks differ");
    differing
}

/// The chunks of a store, by name.
pub(crate) fn chunks(store: &Path) -> BTreeMap<String, PathBuf> {
    let directories = std::fs::read_dir(store).unwrap().map(|entry| entry.unwrap().path());
    let files = directories.flat_map(|directory| std::fs::read_dir(directory).unwrap());
    files
        .map(|file| {
            let file = file.unwrap();
            (file.file_name().to_string_lossy().into_owned(), file.path())
        })
        .collect()
}

/// Panics unless the files and directories below two directories have the same names and contents.
#[track_caller]
pub(crate) fn assert_same_tree(left: &Path, right: &Path) {
    let names = |directory: &Path| {
        let entries = std::fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(left), names(right), "{} and {}", left.display(), right.display());
    for name in names(left) {
        let (left, right) = (left.join(&name), right.join(&name));
        if left.is_dir() {
            assert_same_tree(&left, &right);
        } else {
            assert!(std::fs::read(&left).unwrap() == std::fs::read(&right).unwrap(), "{} differs", right.display());
        }
    }
}
