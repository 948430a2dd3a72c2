//! Trees that have not changed.

use std::fs;

use casync_tests::sandbox::outcome;

use crate::scene::{Counts, Scene};

#[test]
fn all_chunks_of_an_unchanged_tree_are_known() {
    let scene = Scene::new(1);
    let first = scene.make();
    assert!(first.misses > 10, "{first:?}");
    assert_eq!(first, Counts { hits: 0, invalidated: 0, added: first.misses, ..first });
    for _ in 0..2 {
        assert_eq!(scene.make(), Counts { hits: first.misses, misses: 0, invalidated: 0, added: 0 });
    }
    scene.extract("default.castr");
}

/// The kernel counts the bytes that a process and its children have read.
#[test]
fn contents_of_an_unchanged_tree_are_not_read() {
    let scene = Scene::empty();
    for number in 0..8 {
        scene.write(&format!("{number}"), &vec![number; 8 << 20]);
    }
    scene.settle();
    let program = casync_tests::tool::ours().display();
    let read = || {
        let script =
            format!("{program} make --cache=cache --store=default.castr a.caidx tree && exec cat /proc/$$/io",);
        let told = outcome(scene.sandbox.command("/bin/sh").args(["-c", &script])).success();
        let told = String::from_utf8(told).unwrap();
        let line = told.lines().find_map(|line| line.strip_prefix("rchar: "));
        line.and_then(|number| number.parse::<u64>().ok()).unwrap_or_else(|| panic!("{told}"))
    };
    let first = read();
    assert!(first > 64 << 20, "{first} bytes");
    let again = read();
    assert!(again < 4 << 20, "{again} bytes");
}

#[test]
fn the_cache_may_be_inside_of_the_tree() {
    let scene = Scene::new(2);
    let first = scene.make_with(&["--cache-auto"]);
    assert!(first.hits == 0 && first.added > 10, "{first:?}");
    assert!(scene.make_with(&["-c"]).all_hit(), "the cache that was just written does not count as a change");
    // Others leave it out by its attribute; this does not need that.
    let listed = scene.sandbox.casync(["list", "cached.caidx", "--store=default.castr"]).success();
    assert!(!String::from_utf8_lossy(&listed).contains("cacac"));
    assert!(fs::read_dir(scene.tree(".cacac")).unwrap().count() == 1);
    let made = ["make", "-c", "--exclude-nodump=no", "all.caidx", "tree", "--store=default.castr"];
    scene.sandbox.casync(made).success();
    let listed = scene.sandbox.casync(["list", "all.caidx", "--store=default.castr"]).success();
    assert!(!String::from_utf8_lossy(&listed).contains("cacac"));
}

#[test]
fn a_cache_is_found_again_from_other_directories() {
    let scene = Scene::new(3);
    scene.make();
    let mut command = scene.sandbox.command(casync_tests::tool::ours());
    command.current_dir(scene.tree("b"));
    let arguments = ["-v", "make", "--cache=../../cache", "--store=../../default.castr", "../../other.caidx", "./.."];
    let run = outcome(command.args(arguments));
    assert!(run.stderr.contains("misses: 0, invalidated: 0, added: 0"), "{}", run.stderr);
    assert!(scene.sandbox.read("other.caidx") == scene.plain());
}

/// As upstream: with a whole archive to write there is nothing to save, but the next index profits.
#[test]
fn an_archive_with_a_store_fills_the_cache() {
    let scene = Scene::new(4);
    let made = ["make", "--cache=cache", "x.catar", "tree"];
    assert_eq!(scene.sandbox.casync(made).success(), b"", "no digest");
    assert!(!scene.sandbox.path("cache").exists(), "no chunks, no cache");
    let made = [made.as_slice(), &["--store=default.castr"]].concat();
    for _ in 0..2 {
        scene.sandbox.casync(made.clone()).success();
        scene.sandbox.casync(["make", "plain.catar", "tree"]).success();
        assert!(scene.sandbox.read("x.catar") == scene.sandbox.read("plain.catar"));
    }
    assert!(scene.make().all_hit());
}
