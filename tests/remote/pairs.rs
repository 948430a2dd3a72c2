//! Archives, indexes and chunks go to and fro, whoever is at which end.

use std::path::Path;

use casync_tests::sandbox::Sandbox;
use casync_tests::tool;

use crate::scene::Scene;

/// Both programs at both ends.
fn pairs() -> Vec<(&'static str, &'static Path, &'static Path)> {
    let mut pairs = vec![("ours to ours", tool::ours(), tool::ours())];
    if let Some(upstream) = tool::upstream() {
        pairs.push(("ours to C", tool::ours(), upstream));
        pairs.push(("C to ours", upstream, tool::ours()));
        pairs.push(("C to C", upstream, upstream));
    }
    pairs
}

#[test]
fn trees_with_their_chunks() {
    let scene = Scene::new();
    let index = scene.made("tree.caidx", "tree");
    let (chunks, digest) = (scene.chunks("local"), scene.digest("tree"));
    for (pair, client, server) in pairs() {
        scene.empty();
        scene.clear_log();
        scene.run(client, server, &["make", "h:srv/tree.caidx", "tree"]).success();
        assert!(scene.sandbox.read("srv/tree.caidx") == index, "{pair}");
        assert_eq!(scene.sandbox.names("srv"), ["default.castr", "tree.caidx"], "{pair}: nothing else is left");
        assert!(scene.chunks("srv/default.castr") == chunks, "{pair}");
        scene.remove("out");
        scene.run(client, server, &["--seed-output=no", "extract", "h:srv/tree.caidx", "out"]).success();
        assert_eq!(scene.digest("out"), digest, "{pair}");
        let server = server.display().to_string().replace(&tool::ours().display().to_string(), "casync");
        let line = |verb| format!("ssh h {server} {verb} - - srv/tree.caidx srv/default.castr");
        assert_eq!(scene.log(), [line("push"), line("pull")], "{pair}: one process, with upstream's words");
    }
}

#[test]
fn blobs_with_their_chunks() {
    let scene = Scene::new();
    let index = scene.made("blob.caibx", "blob");
    for (pair, client, server) in pairs() {
        scene.empty();
        scene.run(client, server, &["make", "u@h:srv/blob.caibx", "blob"]).success();
        assert!(scene.sandbox.read("srv/blob.caibx") == index, "{pair}");
        scene.remove("out");
        scene.run(client, server, &["--seed-output=no", "extract", "u@h:srv/blob.caibx", "out"]).success();
        assert!(scene.sandbox.read("out") == scene.sandbox.read("blob"), "{pair}");
    }
}

#[test]
fn archives() {
    let scene = Scene::new();
    let archive = scene.made("tree.catar", "tree");
    for (pair, client, server) in pairs() {
        scene.empty();
        scene.run(client, server, &["make", "h:srv/tree.catar", "tree"]).success();
        assert!(scene.sandbox.read("srv/tree.catar") == archive, "{pair}");
        assert_eq!(scene.sandbox.names("srv"), ["tree.catar"], "{pair}");
        scene.remove("out");
        scene.run(client, server, &["extract", "h:srv/tree.catar", "out"]).success();
        assert_eq!(scene.digest("out"), scene.digest("tree"), "{pair}");
    }
}

/// The second version of a tree: only what is new is sent, the old index is replaced.
#[test]
fn only_what_is_missing_is_sent() {
    let scene = Scene::new();
    for (pair, client, server) in pairs() {
        scene.empty();
        scene.run(client, server, &["make", "h:srv/tree.caidx", "tree"]).success();
        let before = scene.chunks("srv/default.castr");
        scene.sandbox.write("tree/sub/new", format!("for {pair}"));
        scene.run(client, server, &["make", "h:srv/tree.caidx", "tree"]).success();
        let index = scene.made("again.caidx", "tree");
        assert!(scene.sandbox.read("srv/tree.caidx") == index, "{pair}");
        let after = scene.chunks("srv/default.castr");
        assert!(after.is_superset(&before) && after.len() > before.len(), "{pair}");
        assert!(after.len() - before.len() < 10, "{pair}: {} and {}", before.len(), after.len());
    }
}

/// Chunks that a store holds uncompressed, or compressed in another way, come through.
#[test]
fn all_forms_of_chunks_are_served() {
    let scene = Scene::new();
    for (pair, client, server) in pairs() {
        for form in ["--compression=xz", "--compression=gzip", "plain"] {
            scene.empty();
            let options = if form == "plain" { "--compression=zstd" } else { form };
            scene.ours(&[options, "make", "srv/blob.caibx", "blob"]).success();
            if form == "plain" {
                unpack(&scene.sandbox, "srv/default.castr");
            }
            scene.remove("out");
            scene.run(client, server, &["--seed-output=no", "extract", "h:srv/blob.caibx", "out"]).success();
            assert!(scene.sandbox.read("out") == scene.sandbox.read("blob"), "{pair}, {form}");
        }
    }
}

/// The limit of bytes a second is kept in both directions, whichever side keeps it.
#[test]
fn a_limit_is_kept() {
    let scene = Scene::new();
    for (pair, client, server) in pairs() {
        // Upstream only passes it on.
        if client != tool::ours() && server != tool::ours() {
            continue;
        }
        scene.empty();
        let took = |arguments: &[&str]| {
            let started = std::time::Instant::now();
            scene.run(client, server, &[&["--rate-limit-bps=100K"], arguments].concat()).success();
            assert!(started.elapsed().as_secs_f64() > 1.0, "{pair}: {:?}", started.elapsed());
        };
        took(&["make", "h:srv/blob.caibx", "blob"]);
        scene.remove("out");
        took(&["--seed-output=no", "extract", "h:srv/blob.caibx", "out"]);
    }
}

/// Makes plain files of all chunks.
fn unpack(sandbox: &Sandbox, store: &str) {
    for path in casync_tests::store::paths(&sandbox.path(store)) {
        let frame = std::fs::read(&path).unwrap();
        let chunk = casync_core::chunk::StoredChunk::Compressed(frame).decode(&casync_core::Limits::default()).unwrap();
        std::fs::write(path.with_extension(""), chunk.untrusted_bytes()).unwrap();
        std::fs::remove_file(path).unwrap();
    }
}
