//! Seed tables: what was found out once is not looked for again, as long as files are what they were.

use std::fs::{self, FileTimes};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use casync_tests::sandbox::Sandbox;

use crate::scene::{CHUNK_SIZE, Sources, assert_same_tree, images, trees};

/// When something in a tree was changed last.
fn newest(path: &Path) -> Duration {
    let metadata = fs::symlink_metadata(path).unwrap();
    let changed = Duration::new(metadata.ctime() as u64, metadata.ctime_nsec() as u32);
    let below = metadata.is_dir().then(|| fs::read_dir(path).unwrap());
    below.into_iter().flatten().map(|entry| newest(&entry.unwrap().path())).fold(changed, Duration::max)
}

/// Waits until a table can have everything. The clock is what this waits for: no event tells that it has ticked.
pub(crate) fn settle(path: &Path) {
    let newest = newest(path);
    let margin = if newest.subsec_nanos() == 0 { 2000 } else { 40 };
    while SystemTime::now().duration_since(UNIX_EPOCH).unwrap() <= newest + Duration::from_millis(margin) {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Makes `t.catab` of what is at a path; returns what was said.
#[track_caller]
fn make(sandbox: &Sandbox, path: &str) -> String {
    settle(&sandbox.path(path));
    let outcome = sandbox.casync([CHUNK_SIZE, "--with=symlinks", "make", "t.catab", path]);
    assert_eq!(outcome.clone().success(), b"");
    outcome.stderr
}

/// The two trees, and a store that has all of the new one.
fn complete_trees(sandbox: &Sandbox) {
    trees(sandbox);
    fs::remove_file(sandbox.path("old.caidx")).unwrap();
    let again = ["--with=symlinks", CHUNK_SIZE, "make", "--store=default.castr", "again.caidx", "new"];
    sandbox.casync(again).success();
}

/// Extracts the new tree with the table, checks it, and returns where its chunks were from and what was said.
#[track_caller]
fn extract(sandbox: &Sandbox) -> (Sources, String) {
    let outcome = sandbox.casync(["-v", "--seed=t.catab", "extract", "new.caidx", "out"]);
    let sources = Sources::of(&outcome);
    assert!(!outcome.stderr.contains("Seeding"), "{}", outcome.stderr);
    assert_same_tree(&sandbox.path("new"), &sandbox.path("out"));
    fs::remove_dir_all(sandbox.path("out")).unwrap();
    (sources, outcome.stderr)
}

#[test]
fn a_tree_is_used_without_a_scan() {
    let sandbox = Sandbox::new();
    let differing = trees(&sandbox);
    fs::remove_file(sandbox.path("old.caidx")).unwrap();
    // The tree is found again by its real path.
    symlink("old", sandbox.path("link")).unwrap();
    assert_eq!(make(&sandbox, "link"), "");
    fs::remove_file(sandbox.path("link")).unwrap();
    sandbox.casync(["extract", "new.caidx", "refused"]).failure();
    assert_eq!(extract(&sandbox).0.store, differing);
    // It is a seed like others, also beside others and for other verbs.
    let listed = sandbox.casync(["--seed=nothing", "--seed=t.catab", "list", "new.caidx"]).success();
    assert_eq!(listed, sandbox.casync(["--with=symlinks", "list", "new"]).success());
}

#[test]
fn a_file_is_used_without_a_scan() {
    let sandbox = Sandbox::new();
    let differing = images(&sandbox);
    make(&sandbox, "old.img");
    let extract = ["-v", "--seed=t.catab", "extract", "new.caibx", "out"];
    assert_eq!(Sources::of(&sandbox.casync(extract)).store, differing);
    assert!(sandbox.read("out") == sandbox.read("new.img"));
    fs::remove_file(sandbox.path("out")).unwrap();
    // It is not even looked into once it is another file, though its bytes are the same.
    let old = sandbox.read("old.img");
    fs::remove_file(sandbox.path("old.img")).unwrap();
    sandbox.write("old.img", old);
    let refused = sandbox.casync(extract).failure();
    assert!(refused.contains("is in none of the stores"), "{refused}");
}

#[test]
fn only_files_that_are_what_they_were_are_used() {
    let sandbox = Sandbox::new();
    complete_trees(&sandbox);
    make(&sandbox, "old");
    let whole = extract(&sandbox).0;
    let image = sandbox.path("old/a/image");
    // Its bytes are still good, but nothing says so.
    fs::set_permissions(&image, fs::Permissions::from_mode(0o640)).unwrap();
    let touched = extract(&sandbox).0;
    assert!(touched.store > whole.store + 80, "{whole:?} {touched:?}");
    assert!(touched.seed > 100, "other files are used: {touched:?}");
    let mtime = fs::metadata(&image).unwrap().modified().unwrap();
    let bytes = vec![7; sandbox.read("old/a/image").len()];
    fs::write(&image, bytes).unwrap();
    fs::File::options().write(true).open(&image).unwrap().set_times(FileTimes::new().set_modified(mtime)).unwrap();
    assert_eq!(extract(&sandbox).0, touched, "changed in place, with its old time");
    fs::remove_file(&image).unwrap();
    assert_eq!(extract(&sandbox).0, touched, "removed");
    symlink("../../new/a/image", &image).unwrap();
    assert_eq!(extract(&sandbox).0, touched, "links are not followed");
    fs::remove_dir_all(sandbox.path("old/a")).unwrap();
    sandbox.write("old/a", "no directory any more");
    assert!(extract(&sandbox).0.seed > 50, "what is elsewhere is used");
}

#[test]
fn files_that_may_still_change_unnoticed_are_left_out() {
    let sandbox = Sandbox::new();
    complete_trees(&sandbox);
    make(&sandbox, "old");
    let whole = extract(&sandbox).0;
    let image = fs::File::options().write(true).open(sandbox.path("old/a/image")).unwrap();
    image.set_times(FileTimes::new().set_modified(SystemTime::now() + Duration::from_secs(3600))).unwrap();
    let said = make(&sandbox, "old");
    assert!(said.contains("a further change might not show: 1\n"), "{said}");
    let without = extract(&sandbox).0;
    assert!(without.store > whole.store + 80 && without.seed > 100, "{whole:?} {without:?}");
}

#[test]
fn tables_that_are_damaged_or_of_something_else_are_ignored() {
    let sandbox = Sandbox::new();
    complete_trees(&sandbox);
    make(&sandbox, "old");
    let table = sandbox.read("t.catab");
    let mut flipped = table.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for (bytes, why) in [
        (&table[..table.len() - 1], "input ends too early"),
        (&flipped, "the seed table is damaged"),
        (&table[8..], "the seed table is damaged"),
        (&[], "input ends too early"),
    ] {
        sandbox.write("t.catab", bytes);
        let (sources, said) = extract(&sandbox);
        assert_eq!(sources.seed, 0, "{why}");
        assert!(said.contains(&format!("Failed to use seed table t.catab, ignoring: {why}")), "{said}");
    }
    sandbox.casync(["--digest=sha256", CHUNK_SIZE, "make", "t.catab", "old"]).success();
    assert!(extract(&sandbox).1.contains("its chunks have another digest"));
    sandbox.casync(["--chunk-size=9000", "make", "t.catab", "old"]).success();
    assert!(extract(&sandbox).1.contains("made with another chunk size"));
    sandbox.write("t.catab", &table);
    fs::rename(sandbox.path("old"), sandbox.path("elsewhere")).unwrap();
    let said = extract(&sandbox).1;
    assert!(said.contains("which it is about: No such file or directory"), "{said}");
}

#[test]
fn a_table_only_depends_on_the_tree() {
    let sandbox = Sandbox::new();
    trees(&sandbox);
    settle(&sandbox.path("old"));
    let make = |jobs: &str| {
        sandbox.casync([jobs, CHUNK_SIZE, "--with=symlinks", "make", "old/t.catab", "old"]).success();
        sandbox.read("old/t.catab")
    };
    let first = make("--jobs=1");
    // Neither it nor what it is written to is part of it.
    assert!(make("--jobs=4") == first);
    let mode = fs::metadata(sandbox.path("old/t.catab")).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600, "it tells of files that not all may see");
}

#[test]
fn a_failed_run_leaves_the_table_as_it_was() {
    let sandbox = Sandbox::new();
    trees(&sandbox);
    make(&sandbox, "old");
    let before = sandbox.read("t.catab");
    let names = sandbox.names(".");
    sandbox.write("old/d/.caexclude", vec![b'x'; 17 << 20]);
    sandbox.casync(["make", "t.catab", "old"]).failure();
    assert!(sandbox.read("t.catab") == before);
    assert_eq!(sandbox.names("."), names);
    sandbox.casync(["make", "t.catab", "missing"]).failure();
    let refused = sandbox.casync(["make", "t.catab", "/dev/null"]).failure();
    assert!(refused.contains("nothing tells whether"), "{refused}");
    assert!(sandbox.read("t.catab") == before);
}
