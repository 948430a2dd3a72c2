//! Inputs, outputs and stores that are not there, or not what they should be.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use casync_tests::running::within;
use casync_tests::skip;

use crate::scene::Scene;

#[test]
fn a_directory_where_a_file_belongs() {
    let scene = Scene::new();
    for (arguments, says) in [
        (&["make", "old.catar", "tree"][..], "create \"old.catar\": Is a directory"),
        (&["make", "old.caidx", "tree"], "create \"old.caidx\": Is a directory"),
        (&["extract", "x.caibx", "old"], "Output is a directory"),
        (&["make", "new.caibx", "tree"], "Input is a directory"),
        (&["extract", "old.catar", "out"], "Is a directory"),
        (&["list", "old.caidx"], "Input is a directory"),
    ] {
        for directory in ["old.catar", "old.caidx"] {
            scene.write(format!("{directory}/keep"), b"what was there");
        }
        let before = scene.snapshot("old");
        scene.assert_failed(scene.casync(arguments), &[says]);
        assert!(scene.snapshot("old") == before);
        assert_eq!(scene.0.read("old.catar/keep"), b"what was there");
    }
}

#[test]
fn a_file_where_a_directory_belongs() {
    let scene = Scene::new();
    for (arguments, says) in [
        (&["extract", "x.catar", "old.img"][..], "Output is a regular file"),
        (&["extract", "x.caidx", "old.img"], "Output is a regular file"),
        (&["extract", "x.caidx", "old.img/out"], "Not a directory"),
        (&["make", "new.catar", "blob"], "Input is a regular file"),
        (&["make", "old.img/new.catar", "tree"], "Not a directory"),
        (&["make", "--store=old.img", "new.caibx", "blob"], "open store \"old.img\": Not a directory"),
        (&["extract", "--store=old.img", "x.caibx", "new.img"], "open store \"old.img\": Not a directory"),
        (&["list", "--what=directory", "blob"], "Input is a regular file"),
    ] {
        scene.assert_failed(scene.casync(arguments), &[says]);
        assert_eq!(scene.0.read("old.img"), b"the old image");
        assert!(!scene.path("new.caibx").exists() && !scene.path("new.img").exists());
    }
}

#[test]
fn what_is_not_there() {
    let scene = Scene::new();
    let id = scene.ids("x.caibx")[0].clone();
    for (arguments, says) in [
        (&["make", "new.catar", "none"][..], "Failed to open none"),
        (&["make", "none/new.catar", "tree"], "create \"none/new.catar\""),
        (&["make", "--store=none/new.castr", "new.caibx", "blob"], "create store \"none/new.castr\""),
        (&["extract", "none.catar", "out"], "open \"none.catar\""),
        (&["extract", "x.catar", "none/out"], "create the directory \"none/out\""),
        (&["extract", "x.caibx", "none/new.img"], "create \"none/new.img\""),
        (&["list", "none.catar"], "Failed to open \"none.catar\""),
        (&["digest", "none"], "Failed to open none"),
        (&["extract", "--store=none.castr", "x.caibx", "old.img"], &id),
        (&["extract", "--store=none.castr", "x.caidx", "out"], "none.castr"),
    ] {
        scene.assert_failed(scene.casync(arguments), &[says, "No such file or directory"]);
        assert!(!scene.path("new.caibx").exists() && !scene.path("new.catar").exists());
        assert_eq!(scene.0.read("old.img"), b"the old image");
    }
    let outcome = scene.casync(["list", "x.catar", "below/none"]);
    scene.assert_failed(outcome, &["Seek path not available in archive."]);
}

/// A store without any chunk is a missing store, as is one that only the environment names.
#[test]
fn an_empty_store() {
    let scene = Scene::new();
    fs::create_dir(scene.path("empty.castr")).unwrap();
    let id = scene.ids("x.caibx")[0].clone();
    let mut command = scene.command(["extract", "x.caibx", "old.img"]);
    let outcome = within(command.env("CASYNC_STORE", "empty.castr"));
    scene.assert_failed(outcome, &[&id, "empty.castr", "is in none of the stores"]);
    assert_eq!(scene.0.read("old.img"), b"the old image");
}

#[test]
fn places_that_others_own() {
    if !rustix::process::geteuid().is_root() {
        return skip::skip("only root can become somebody who may not write");
    }
    let scene = Scene::new();
    let program = scene.readable_program();
    let allow = |name: &str, mode| fs::set_permissions(scene.path(name), fs::Permissions::from_mode(mode)).unwrap();
    allow("", 0o777);
    allow("tree/small", 0o000);
    allow("old", 0o555);
    for (arguments, says) in [
        ("make old/new.caibx blob", "create \"old/new.caibx\""),
        ("make --store=old new.caibx blob", "store \"old\""),
        ("make --store=old/new.castr new.caibx blob", "create store \"old/new.castr\""),
        ("make new.catar tree", "read \"small\""),
        ("make new.caidx tree", "read \"small\""),
        ("mtree tree", "read \"small\""),
        ("extract x.caibx old/new.img", "create \"old/new.img\""),
        ("extract x.caidx old/out", "create the directory \"old/out\""),
        ("extract --delete=no --without=privileged x.caidx old", "extract \""),
    ] {
        let before = scene.snapshot("old");
        let nobody = "exec setpriv --reuid=65534 --regid=65534 --clear-groups";
        let outcome = within(&mut scene.script(&format!("{nobody} {} {arguments}", program.display())));
        scene.assert_failed(outcome, &[says, "Permission denied"]);
        assert!(scene.snapshot("old") == before, "{arguments}");
        for made in ["new.caibx", "new.catar", "new.caidx"] {
            assert!(!scene.path(made).exists(), "{arguments}");
        }
    }
}
