//! Seeds with an index: their chunks are found without reading them.

use casync_tests::sandbox::Sandbox;

use crate::scene::{CHUNK_SIZE, Sources, assert_same_tree, images, trees};

#[test]
fn the_index_beside_a_seed_or_named_for_it_saves_the_scan() {
    let sandbox = Sandbox::new();
    let differing = images(&sandbox);
    let extract = |options: &[&str]| {
        let outcome = sandbox.casync([&["-v", "extract", "new.caibx", "out"], options].concat());
        assert!(!outcome.stderr.contains("looking through"), "{}", outcome.stderr);
        assert!(sandbox.read("out") == sandbox.read("new.img"));
        Sources::of(&outcome).store
    };
    assert_eq!(extract(&["--seed=nothing", "--seed=old.img", "--seed-index=old.caibx"]), differing);
    std::fs::rename(sandbox.path("old.caibx"), sandbox.path("old.img.caibx")).unwrap();
    std::fs::remove_file(sandbox.path("out")).unwrap();
    assert_eq!(extract(&["--seed=old.img"]), differing);
}

#[test]
fn a_tree_with_an_index_is_only_walked() {
    let sandbox = Sandbox::new();
    let differing = trees(&sandbox);
    let outcome = sandbox.casync(["-v", "--seed=old/", "extract", "new.caidx", "out"]);
    assert!(!outcome.stderr.contains("looking through"), "{}", outcome.stderr);
    assert_eq!(Sources::of(&outcome).store, differing);
    assert_same_tree(&sandbox.path("new"), &sandbox.path("out"));
}

#[test]
fn an_index_of_something_else_is_noticed() {
    let sandbox = Sandbox::new();
    let differing = images(&sandbox);
    // Of another size: plainly wrong.
    let outcome = sandbox.casync(["-v", "--seed=old.img", "--seed-index=new.caibx", "extract", "new.caibx", "out"]);
    assert!(outcome.stderr.contains("old.img is not what its index says, looking through all of it."));
    assert_eq!(Sources::of(&outcome).store, differing);
    assert!(sandbox.read("out") == sandbox.read("new.img"));

    // Of the same size: every chunk is verified, and none is right.
    let length = sandbox.read("new.img").len();
    sandbox.write("zeros.img", vec![1; length]);
    let extract = ["--seed=zeros.img", "--seed-index=new.caibx", "extract", "new.caibx", "out2"];
    let refused = sandbox.casync(extract).failure();
    assert!(refused.contains("is in none of the stores"), "{refused}");
    sandbox.casync([CHUNK_SIZE, "make", "--store=default.castr", "again.caibx", "new.img"]).success();
    let sources = Sources::of(&sandbox.casync([&["-v"], &extract[..]].concat()));
    assert_eq!(sources.seed, 0);
    assert!(sandbox.read("out2") == sandbox.read("new.img"));
}

#[test]
fn a_seed_that_changed_since_its_index_was_made_is_good_where_it_is_unchanged() {
    let sandbox = Sandbox::new();
    images(&sandbox);
    sandbox.casync([CHUNK_SIZE, "make", "--store=default.castr", "again.caibx", "new.img"]).success();
    let whole = sandbox.casync(["-v", "--seed=old.img", "--seed-index=old.caibx", "extract", "new.caibx", "out"]);
    let mut old = sandbox.read("old.img");
    old[100_000..100_100].fill(0);
    sandbox.write("old.img", old);
    let changed = sandbox.casync(["-v", "--seed=old.img", "--seed-index=old.caibx", "extract", "new.caibx", "out2"]);
    let (whole, changed) = (Sources::of(&whole), Sources::of(&changed));
    assert!((1..=3).contains(&(changed.store - whole.store)), "{whole:?} {changed:?}");
    assert!(sandbox.read("out2") == sandbox.read("new.img"));
}

#[test]
fn a_broken_index_is_no_index() {
    let sandbox = Sandbox::new();
    let differing = images(&sandbox);
    sandbox.write("old.img.caibx", "not an index");
    for (options, said) in [
        (&["--seed=old.img"][..], ""),
        (&["--seed=old.img", "--seed-index=old.img.caibx"], "Failed to use seed index old.img.caibx, ignoring: "),
        (
            &["--seed=old.img", "--seed-index=missing"],
            "Failed to use seed index missing, ignoring: open it: No such file",
        ),
        (&["--seed=old.img", "--seed-index=."], "Failed to use seed index ., ignoring: not a regular file"),
    ] {
        let outcome = sandbox.casync([&["-v", "extract", "new.caibx", "out"], options].concat());
        assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
        assert_eq!(Sources::of(&outcome).store, differing);
        std::fs::remove_file(sandbox.path("out")).unwrap();
    }
}
