//! The cache's directory and what is found in it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::scene::Scene;

#[test]
fn damaged_files_are_reported_and_written_anew() {
    let scene = Scene::new(31);
    scene.make();
    let path = scene.cache_file();
    let whole = fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for (name, bytes) in [
        ("empty", &[][..]),
        ("cut off", &whole[..whole.len() - 1]),
        ("an entry less", &[&whole[..104], &whole[184..]].concat()),
        ("a flipped bit", &flipped),
        ("more", &[whole.as_slice(), &whole].concat()),
        ("zeros, as after a crash", &vec![0; whole.len()]),
        ("something else", b"a text"),
    ] {
        fs::write(&path, bytes).unwrap();
        let made = ["make", "--cache=cache", "--store=default.castr", "a.caidx", "tree"];
        let run = scene.sandbox.casync(made);
        let told = run.stderr.clone();
        run.success();
        assert!(told.contains("is of no use, ignoring: ") && told.contains("damaged"), "{name}: {told}");
        assert!(scene.sandbox.read("a.caidx") == scene.plain(), "{name}");
        assert!(scene.make().all_hit(), "{name}");
        assert_eq!(fs::read(scene.cache_file()).unwrap().len(), whole.len(), "{name}");
    }
}

#[test]
fn files_that_others_could_have_written_are_not_believed() {
    let scene = Scene::new(32);
    scene.make();
    assert_eq!(fs::metadata(scene.cache_file()).unwrap().permissions().mode() & 0o777, 0o600);
    Scene::open_to_all(&scene.cache_file());
    assert_eq!(scene.make().hits, 0);
    assert!(scene.make().all_hit(), "it was replaced");
    // A link is not followed.
    let name = scene.sandbox.path("moved");
    fs::copy(scene.cache_file(), &name).unwrap();
    let before = fs::read(&name).unwrap();
    let path = scene.cache_file();
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&name, &path).unwrap();
    assert_eq!(scene.make().hits, 0);
    assert!(fs::symlink_metadata(&path).unwrap().is_file(), "replaced, not followed");
    assert!(fs::read(&name).unwrap() == before);
}

#[test]
fn the_directory_is_made_but_not_those_above() {
    let scene = Scene::new(33);
    let make = |cache: &str| {
        let made = ["make", cache, "--store=default.castr", "a.caidx", "tree"];
        scene.sandbox.casync(made).failure()
    };
    let told = make("--cache=missing/cache");
    assert!(told.starts_with("Failed to run synchronizer: No such file or directory\n"), "{told}");
    assert!(!scene.sandbox.path("missing").exists());
    scene.sandbox.write("file", "");
    assert!(make("--cache=file").starts_with("Failed to run synchronizer: Not a directory\n"));
    assert!(make("--cache=tree").contains("it is the tree that is archived"));
    assert!(!scene.sandbox.path("a.caidx").exists());
    assert_eq!(scene.sandbox.names("."), ["file", "tree"]);
}

#[test]
fn caches_are_for_trees_with_a_name() {
    let scene = Scene::new(34);
    scene.sandbox.write("blob", "blob");
    for option in ["--cache=cache", "-c"] {
        let told = scene.sandbox.casync(["make", option, "a.caibx", "blob"]).failure();
        assert_eq!(told, "Caching only supported when archiving files trees.\n");
    }
    let mut command = scene.sandbox.command(casync_tests::tool::ours());
    command.args(["make", "-c", "a.caidx", "-"]).stdin(fs::File::open(scene.sandbox.path("tree")).unwrap());
    let told = casync_tests::sandbox::outcome(&mut command).failure();
    assert_eq!(told, "Can't automatically derive cache path if no input path is given.\n");
    // Without an operand it is the current directory.
    let mut command = scene.sandbox.command(casync_tests::tool::ours());
    command.current_dir(scene.sandbox.path("tree")).args(["make", "-c", "../a.caidx"]);
    casync_tests::sandbox::outcome(&mut command).success();
    assert!(scene.tree(".cacac").is_dir());
    assert!(scene.sandbox.read("a.caidx") == scene.plain());
}

#[test]
fn a_cache_that_cannot_be_written_keeps_nobody_from_making_an_index() {
    let scene = Scene::new(35);
    scene.make();
    // A directory in the place of the file, which can neither be read nor replaced.
    let path = scene.cache_file();
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    fs::write(path.join("x"), "").unwrap();
    for _ in 0..2 {
        assert_eq!(scene.make().hits, 0);
    }
    assert_eq!(scene.sandbox.names("cache").len(), 1, "no temporary file is left");
}
