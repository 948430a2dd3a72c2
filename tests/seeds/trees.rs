//! Trees: chunks that lie in files, between them, and across both.

use casync_tests::sandbox::Sandbox;

use crate::scene::{Sources, assert_same_tree, trees};

#[test]
fn only_chunks_that_differ_come_from_the_store() {
    let sandbox = Sandbox::new();
    let differing = trees(&sandbox);
    std::fs::remove_file(sandbox.path("old.caidx")).unwrap();
    sandbox.casync(["extract", "new.caidx", "refused"]).failure();
    for jobs in ["--jobs=1", "--jobs=4"] {
        let outcome = sandbox.casync(["-v", jobs, "--seed=old", "extract", "new.caidx", "out"]);
        assert!(outcome.stderr.contains("Seeding ./\n"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("Seeded b/c/7\n"), "{}", outcome.stderr);
        let sources = Sources::of(&outcome);
        assert_eq!(sources.store, differing);
        assert!(sources.seed > 200, "{sources:?}");
        assert_same_tree(&sandbox.path("new"), &sandbox.path("out"));
        std::fs::remove_dir_all(sandbox.path("out")).unwrap();
    }
}

#[test]
fn listing_verbs_take_metadata_from_seeds() {
    let sandbox = Sandbox::new();
    trees(&sandbox);
    for verb in ["list", "mtree", "digest"] {
        sandbox.casync([verb, "new.caidx"]).failure();
        let ours = sandbox.casync(["--seed=old", verb, "new.caidx"]).success();
        let theirs = sandbox.casync(["--with=symlinks", verb, "new"]).success();
        assert!(ours == theirs, "{verb}");
    }
    let stat = sandbox.casync(["--seed=old", "stat", "new.caidx", "a/image"]).success();
    assert!(String::from_utf8_lossy(&stat).contains("a/image"));
}

#[test]
fn a_part_of_an_archive_is_put_together_from_seeds() {
    let sandbox = Sandbox::new();
    trees(&sandbox);
    sandbox.casync(["--seed=old", "extract", "new.caidx", "out", "a"]).success();
    assert_same_tree(&sandbox.path("new/a"), &sandbox.path("out/a"));
}

#[test]
fn what_cannot_be_read_or_was_archived_differently_is_passed_over() {
    let sandbox = Sandbox::new();
    let differing = trees(&sandbox);
    std::os::unix::net::UnixListener::bind(sandbox.path("old/b/socket")).unwrap();
    std::os::unix::fs::symlink("/nowhere", sandbox.path("old/b/link")).unwrap();
    let outcome = sandbox.casync(["-v", "--seed=old", "--seed=old/a", "extract", "new.caidx", "out"]);
    // Only the records around the new nodes changed; the store has none of the old ones.
    match outcome.status {
        Some(0) => assert!(Sources::of(&outcome).store >= differing),
        _ => assert!(outcome.failure().contains("is in none of the stores")),
    }
}
