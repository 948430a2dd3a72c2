//! What `.caexclude` files leave out: random patterns in random places.

use std::fs;
use std::path::Path;

use casync_tests::random::{Rng, for_each_seed};

use crate::pair::Pair;

/// Names that the patterns match now and then.
const NAMES: [&str; 10] = ["a.o", "b.o", ".x.o", "build", "src", "sub", "keep.o", "#x", "a b", ".caexclude.bak"];

/// Lines as they may stand in a file. Those of the first half are never refused.
const LINES: [&str; 32] = [
    "*.o",
    "/*.o",
    "build",
    "build/",
    "sub/*/a.o",
    "!keep.o",
    "!sub/a.o",
    "sub",
    "*",
    ".*",
    "?.o",
    "[ab].o",
    "[!a].o",
    "# a comment",
    "",
    "  a.o \t",
    "!*",
    "src/build/",
    "!src/",
    "\\#x",
    "a\\ b",
    "**/a.o",
    "/src//sub",
    "!build",
    "*/*.o",
    ".caexclude",
    "[[:alpha:]].o",
    "a.o\0b.o",
    "a.o\r",
    "/src/*/*/",
    "./a.o",
    "/",
];

/// How many of [`LINES`] both read.
const GOOD: usize = 30;

fn grow(rng: &mut Rng, directory: &Path, depth: usize) {
    fs::create_dir(directory).unwrap();
    for name in NAMES {
        match rng.below(4) {
            0 | 1 if depth < 3 => grow(rng, &directory.join(name), depth + 1),
            3 => {}
            _ => fs::write(directory.join(name), name).unwrap(),
        }
    }
    if depth == 0 || rng.once_in(8) {
        let good = if rng.once_in(60) { LINES.len() } else { GOOD };
        let lines: Vec<&str> = (0..rng.number(1..=4)).map(|_| *rng.pick(&LINES[..good])).collect();
        fs::write(directory.join(".caexclude"), lines.join("\n")).unwrap();
    }
}

#[test]
fn random_patterns() {
    let Some(pair) = Pair::new() else { return };
    for_each_seed(40, |rng| {
        pair.remove("tree");
        grow(rng, &pair.path("tree"), 1);
        pair.make("x.catar", &pair.path("tree"), &["--with=symlinks"]);
    });
}

/// Every line alone, on a tree that has all names in two levels.
#[test]
fn each_pattern() {
    let Some(pair) = Pair::new() else { return };
    for directory in ["", "src", "sub", "sub/build", "src/sub"] {
        for name in ["a.o", ".x.o", "keep.o", "#x", "a b", "b.o"] {
            pair.sandbox().write(Path::new("tree").join(directory).join(name), name);
        }
    }
    pair.sandbox().write("tree/build", "a file here");
    let mut sizes = std::collections::BTreeSet::new();
    for (number, line) in LINES.into_iter().enumerate() {
        for file in ["tree/.caexclude", "tree/src/.caexclude"] {
            let path = pair.sandbox().write(file, line);
            let made = pair.make("x.catar", &pair.path("tree"), &["--with=symlinks"]);
            assert_eq!(made, number < GOOD, "{line:?}");
            if made {
                sizes.insert(pair.sandbox().read("ours/x.catar").len());
            }
            fs::remove_file(path).unwrap();
        }
    }
    assert!(sizes.len() > 15, "patterns leave out different things: {sizes:?}");
}

/// What is no file, or not to be read as one.
#[test]
fn odd_files() {
    let Some(pair) = Pair::new() else { return };
    pair.sandbox().write("tree/a.o", "a");
    let file = pair.path("tree/.caexclude");
    fs::create_dir(&file).unwrap();
    assert!(!pair.make("x.catar", &pair.path("tree"), &[]));
    fs::remove_dir(&file).unwrap();
    std::os::unix::fs::symlink("nowhere", &file).unwrap();
    assert!(!pair.make("x.catar", &pair.path("tree"), &[]));
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("../patterns", &file).unwrap();
    pair.sandbox().write("patterns", "a.o");
    assert!(pair.make("x.catar", &pair.path("tree"), &[]));
    fs::remove_file(&file).unwrap();
    fs::write(&file, "x".repeat(65_535)).unwrap();
    assert!(pair.make("x.catar", &pair.path("tree"), &[]));
    // One byte more: the C casync says that it has no buffer space, ours which line it is.
    fs::write(&file, "x".repeat(65_536)).unwrap();
    for side in [0, 1] {
        pair.run(side, ["make", "x.catar", "tree"]).failure();
    }
}
