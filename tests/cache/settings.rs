//! Runs that want something else than the run before, and stores that lost something.

use std::fs;

use crate::scene::Scene;

#[test]
fn runs_with_other_settings_do_not_disturb_each_other() {
    let mut scene = Scene::new(21);
    let kinds: [&[&str]; 8] = [
        &[],
        &["--chunk-size=16K"],
        &["--chunk-size=16K:32K:48K"],
        &["--digest=sha256"],
        &["--without=nsec-time"],
        &["--uid-shift=1", "--uid-range=65536", "--with=32bit-uids"],
        &["--exclude-file=no"],
        &["--exclude-nodump=no"],
    ];
    if !is_root() {
        casync_tests::skip::skip("ids of this user cannot be shifted down");
        return;
    }
    scene.chown_all(70_000);
    for round in 0..2 {
        for kind in kinds {
            scene.options = kind.iter().map(|option| (*option).to_owned()).collect();
            let counts = scene.make();
            assert_eq!(counts.all_hit(), round == 1, "{kind:?}: {counts:?}");
        }
    }
    assert_eq!(scene.sandbox.names("cache").len(), kinds.len());
}

#[test]
fn other_trees_have_other_files() {
    let scene = Scene::new(22);
    scene.make();
    fs::rename(scene.sandbox.path("tree"), scene.sandbox.path("old")).unwrap();
    scene.write("a/00", &[9; 50_000]);
    scene.settle();
    let counts = scene.make();
    assert_eq!(counts.hits, 0, "the same path, another tree");
    assert_eq!(scene.sandbox.names("cache").len(), 1, "which takes the place of the one before");
    let made = ["make", "--cache=cache", "--store=default.castr", "old.caidx", "old"];
    scene.sandbox.casync(made).success();
    assert_eq!(scene.sandbox.names("cache").len(), 2);
    assert!(scene.make().all_hit());
}

#[test]
fn chunks_that_the_store_lacks_are_made_again() {
    let mut scene = Scene::new(23);
    let first = scene.make();
    // All of another store's.
    scene.options = vec!["--store=other.castr".to_owned()];
    let counts = scene.make();
    assert_eq!((counts.hits, counts.invalidated), (0, first.added));
    scene.extract("other.castr");
    // Some of the first.
    scene.options.clear();
    let mut removed = 0;
    for prefix in scene.sandbox.names("default.castr").into_iter().step_by(3) {
        let prefix = scene.sandbox.path("default.castr").join(prefix);
        removed += fs::read_dir(&prefix).unwrap().count() as u64;
        fs::remove_dir_all(&prefix).unwrap();
    }
    let counts = scene.make();
    assert_eq!((counts.hits, counts.invalidated), (first.added - removed, removed));
    scene.extract("default.castr");
    assert!(scene.make().all_hit());
    // All, with the directory.
    fs::remove_dir_all(scene.sandbox.path("default.castr")).unwrap();
    assert_eq!(scene.make().hits, 0);
    scene.extract("default.castr");
}

fn is_root() -> bool {
    casync_tests::sandbox::Sandbox::new().run("id", ["-u"]).success() == b"0\n"
}
