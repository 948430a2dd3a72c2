//! The golden archives and indexes that a reader must refuse, through every verb that reads them.

use casync_tests::input;
use casync_tests::vectors;

use crate::scene::Scene;

#[test]
fn bad_archives_are_refused_by_every_verb() {
    let scene = Scene::new();
    let mut refused = 0;
    for row in vectors::table("decoder.tsv").rows() {
        let name = format!("decoder/{}.catar", row.get("case"));
        scene.write("bad.catar", vectors::read(&name));
        for arguments in
            [&["list", "bad.catar"][..], &["mtree", "bad.catar"], &["digest", "--what=archive", "bad.catar"]]
        {
            let outcome = scene.casync(arguments);
            if row.get("should") != "reject" {
                outcome.success();
                continue;
            }
            refused += 1;
            // Broken, unknown or cut off: then the place; what a table of names says wrong has a path instead.
            let stderr = outcome.stderr.clone();
            scene.assert_failed(outcome, &["Failed to run synchronizer: "]);
            assert!(stderr.lines().count() >= 2, "no cause is given: {row:?} {stderr}");
        }
        if row.get("should") == "reject" {
            scene.assert_failed(scene.casync(["extract", "bad.catar", "out"]), &["Failed to run synchronizer: "]);
            let _ = std::fs::remove_dir_all(scene.path("out"));
        }
    }
    assert!(refused > 100);
}

/// What is wrong only far inside is found after much was extracted; what was there and is not in the archive stays.
#[test]
fn a_bad_archive_deletes_nothing() {
    let scene = Scene::new();
    for case in ["truncated-header", "truncated-payload", "truncated-goodbye", "duplicate-name", "unsorted"] {
        scene.write("bad.catar", vectors::read(&format!("decoder/{case}.catar")));
        let before = scene.snapshot("old/keep");
        scene.assert_failed(scene.casync(["extract", "bad.catar", "old"]), &["Failed to run synchronizer: "]);
        assert!(scene.snapshot("old/keep") == before, "{case}");
    }
}

#[test]
fn bad_indexes_are_refused_and_the_old_output_stays() {
    let scene = Scene::new();
    scene.write("index-blob", input::index_blob());
    scene.casync(["make", "ok.caibx", "index-blob"]).success();
    for row in vectors::table("index.tsv").rows() {
        scene.write("bad.caibx", vectors::read(&format!("index/{}.caibx", row.get("case"))));
        let (extract, digest) = (["extract", "bad.caibx", "old.img"], ["digest", "bad.caibx"]);
        if row.get("should") == "accept" {
            scene.casync(digest).success();
            scene.casync(["extract", "bad.caibx", "new.img"]).success();
            let length: usize = row.parse("bytes extracted");
            assert!(scene.0.read("new.img") == input::index_blob()[..length], "{row:?}");
            continue;
        }
        scene.assert_failed(scene.casync(digest), &["Failed to run synchronizer: "]);
        scene.assert_failed(scene.casync(extract), &["Failed to run synchronizer: "]);
        assert_eq!(scene.0.read("old.img"), b"the old image", "{row:?}");
    }
}

#[test]
fn what_is_no_archive_at_all_is_refused() {
    let scene = Scene::new();
    for (name, bytes) in [("text", input::text(5000)), ("zeros", vec![0; 5000]), ("noise", input::prng("noise", 5000))]
    {
        for suffix in ["catar", "caidx", "caibx"] {
            let file = format!("{name}.{suffix}");
            scene.write(&file, &bytes);
            let _ = std::fs::remove_dir_all(scene.path("out"));
            scene.assert_failed(scene.casync(["extract", &file, "out"]), &["Bad message"]);
            if suffix != "caibx" {
                for verb in ["list", "mtree", "stat"] {
                    scene.assert_failed(scene.casync([verb, &file]), &["Bad message"]);
                }
            }
        }
    }
}
