//! What can be where: index, store and more stores, here and there; names that need care.

use std::path::Path;

use casync_tests::tool;

use crate::scene::Scene;

/// Both programs as servers.
fn servers() -> Vec<&'static Path> {
    [Some(tool::ours()), tool::upstream()].into_iter().flatten().collect()
}

#[test]
fn a_local_index_has_its_chunks_elsewhere() {
    let scene = Scene::new();
    let index = scene.made("tree.caidx", "tree");
    let chunks = scene.chunks("local");
    for server in servers() {
        scene.empty();
        let made = scene.run(tool::ours(), server, &["--store=h:srv/st", "make", "x.caidx", "tree"]);
        assert_eq!(made.stderr, "", "{server:?}: how such a session ends is nobody's business");
        made.success();
        assert!(scene.sandbox.read("x.caidx") == index, "{server:?}");
        assert!(scene.chunks("srv/st") == chunks, "{server:?}");
        assert_eq!(scene.sandbox.names("srv"), ["st"], "{server:?}: nothing else is left");
        // All is there by now.
        scene.run(tool::ours(), server, &["--store=h:srv/st", "make", "x.caidx", "tree"]).success();
        scene.remove("out");
        scene.run(tool::ours(), server, &["--store=h:srv/st", "extract", "x.caidx", "out"]).success();
        assert_eq!(scene.digest("out"), scene.digest("tree"), "{server:?}");
    }
}

#[test]
fn more_chunks_than_are_held_back_go_elsewhere() {
    let scene = Scene::new();
    scene.sandbox.write("large", casync_tests::input::prng("large", 40 << 20));
    for server in servers() {
        scene.empty();
        let large = ["--store=h:srv/st", "--chunk-size=64K", "make", "x.caibx", "large"];
        scene.run(tool::ours(), server, &large).success();
        scene.ours(&["--store=srv/st", "verify", "x.caibx"]).success();
        scene.empty();
        scene.run(tool::ours(), server, &["--chunk-size=64K", "make", "h:srv/x.caibx", "large"]).success();
        scene.ours(&["verify", "srv/x.caibx"]).success();
        scene.run(tool::ours(), server, &["--seed-output=no", "extract", "h:srv/x.caibx", "out"]).success();
        assert!(scene.sandbox.read("out") == scene.sandbox.read("large"), "{server:?}");
    }
}

#[test]
fn an_index_elsewhere_has_its_chunks_here() {
    let scene = Scene::new();
    let index = scene.made("tree.caidx", "tree");
    for server in servers() {
        scene.empty();
        scene.remove("here");
        scene.run(tool::ours(), server, &["--store=here", "make", "h:srv/x.caidx", "tree"]).success();
        assert!(scene.sandbox.read("srv/x.caidx") == index, "{server:?}");
        assert_eq!(scene.sandbox.names("srv"), ["x.caidx"], "{server:?}");
        scene.remove("out");
        scene.run(tool::ours(), server, &["--store=here", "extract", "h:srv/x.caidx", "out"]).success();
        assert_eq!(scene.digest("out"), scene.digest("tree"), "{server:?}");
    }
}

#[test]
fn index_and_store_are_on_different_hosts() {
    let scene = Scene::new();
    let index = scene.made("tree.caidx", "tree");
    for server in servers() {
        scene.empty();
        scene.clear_log();
        scene.run(tool::ours(), server, &["--store=b:srv/st", "make", "a:srv/x.caidx", "tree"]).success();
        assert!(scene.sandbox.read("srv/x.caidx") == index, "{server:?}");
        scene.remove("out");
        scene.run(tool::ours(), server, &["--store=b:srv/st", "extract", "a:srv/x.caidx", "out"]).success();
        assert_eq!(scene.digest("out"), scene.digest("tree"), "{server:?}");
        let hosts: Vec<String> = scene.log().iter().map(|line| line[4..5].to_owned()).collect();
        assert_eq!(hosts.len(), 4, "{hosts:?}");
    }
}

#[test]
fn extra_stores_may_be_elsewhere() {
    let scene = Scene::new();
    scene.made("tree.caidx", "tree");
    for server in servers() {
        scene.empty();
        std::fs::rename(scene.sandbox.path("local"), scene.sandbox.path("srv/st")).unwrap();
        scene.remove("out");
        let options = ["--store=nowhere", "--extra-store=h:srv/st", "extract", "tree.caidx", "out"];
        scene.run(tool::ours(), server, &options).success();
        assert_eq!(scene.digest("out"), scene.digest("tree"), "{server:?}");
        std::fs::rename(scene.sandbox.path("srv/st"), scene.sandbox.path("local")).unwrap();
    }
}

#[test]
fn parts_of_what_is_elsewhere_can_be_had() {
    let scene = Scene::new();
    scene.made("tree.caidx", "tree");
    for server in servers() {
        scene.empty();
        scene.ours(&["make", "srv/tree.caidx", "tree"]).success();
        let local = |arguments: &[&str]| scene.ours(arguments).success();
        let there = |arguments: &[&str]| scene.run(tool::ours(), server, arguments).success();
        for verb in ["list", "mtree", "digest"] {
            assert_eq!(there(&[verb, "h:srv/tree.caidx"]), local(&[verb, "srv/tree.caidx"]), "{verb}");
        }
        for verb in ["list", "stat"] {
            assert_eq!(
                there(&[verb, "h:srv/tree.caidx", "sub/dir with space"]),
                local(&[verb, "srv/tree.caidx", "sub/dir with space"]),
                "{verb}"
            );
        }
        scene.remove("out");
        there(&["extract", "h:srv/tree.caidx", "out", "sub"]);
        local(&["extract", "srv/tree.caidx", "part", "sub"]);
        // What it lies in has the time at which it was made.
        assert_eq!(scene.digest("out/sub"), scene.digest("part/sub"));
        scene.remove("part");
    }
}

#[test]
fn names_are_never_options_and_reach_the_other_side_whole() {
    let scene = Scene::new();
    let name = "it's; echo $(x) `y` \"z\"";
    std::fs::create_dir(scene.sandbox.path(format!("srv/{name}"))).unwrap();
    scene.ours(&["make", &format!("h:srv/{name}/a b.caibx"), "blob"]).success();
    assert_eq!(scene.sandbox.names(format!("srv/{name}")), ["a b.caibx", "default.castr"]);
    scene.ours(&["extract", &format!("h:srv/{name}/a b.caibx"), "out"]).success();
    assert!(scene.sandbox.read("out") == scene.sandbox.read("blob"));
    scene.clear_log();
    let refused = scene.ours(&["extract", "--", "-oProxyCommand=touch oops:x.caibx", "out"]).failure();
    assert!(refused.contains("would be taken for an option") || refused.contains("open"), "{refused}");
    let refused = scene.ours(&["extract", "u@-oProxyCommand:x.caibx", "out"]).failure();
    assert!(refused.contains("would be taken for an option"), "{refused}");
    assert!(scene.log().is_empty(), "ssh was not started");
}

/// With chunks that are used again and again, more often than a session answers.
#[test]
fn chunks_can_be_had_more_than_once() {
    let scene = Scene::new();
    let piece = casync_tests::input::prng("piece", 18 << 20);
    scene.sandbox.write("twice", [&piece[..], b"and", &piece].concat());
    for server in servers() {
        scene.empty();
        scene.ours(&["--chunk-size=64K", "make", "srv/x.caibx", "twice"]).success();
        scene.run(tool::ours(), server, &["--seed-output=no", "extract", "h:srv/x.caibx", "out"]).success();
        assert!(scene.sandbox.read("out") == scene.sandbox.read("twice"), "{server:?}");
        let digest = scene.run(tool::ours(), server, &["digest", "h:srv/x.caibx"]);
        digest.success();
    }
}

#[test]
fn what_is_not_there_is_told() {
    let scene = Scene::new();
    scene.made("tree.caidx", "tree");
    let missing = scene.ours(&["list", "h:srv/none.caidx"]).failure();
    assert!(missing.contains("srv/none.caidx") && missing.contains("No such file or directory"), "{missing}");
    let nowhere = scene.ours(&["make", "h:srv/none/x.caidx", "tree"]).failure();
    assert!(nowhere.contains("srv/none/x.caidx") && nowhere.contains("No such file or directory"), "{nowhere}");
    let chunks = scene.ours(&["--store=h:srv/none", "extract", "tree.caidx", "out"]).failure();
    assert!(chunks.contains("is in none of the stores (\"h:srv/none\")"), "{chunks}");
    let mut command = scene.command(tool::ours(), tool::ours(), &["list", "h:srv/none.caidx"]);
    let no_ssh = casync_tests::sandbox::outcome(command.env("CASYNC_SSH_PATH", "./nonexistent")).failure();
    assert!(no_ssh.starts_with("Failed to execute ./nonexistent: No such file or directory"), "{no_ssh}");
}
