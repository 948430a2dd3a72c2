//! Trees that have changed.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::time::{Duration, SystemTime};

use crate::scene::{Counts, Scene};

#[test]
fn contents_changed_in_place_are_noticed_whatever_the_modification_time_says() {
    let scene = Scene::new(11);
    let first = scene.make();
    scene.overwrite("large", b"in place");
    scene.overwrite("b/c/05", b"x");
    let second = scene.make();
    assert!(second.hits > 0 && second.invalidated >= 2, "{second:?}");
    assert!(second.hits + second.invalidated <= first.added, "{second:?}");
    scene.extract("default.castr");
}

/// The second of two changes within a tick of the clock leaves no trace in the file's times.
#[test]
fn contents_changed_right_after_a_run_are_noticed() {
    let scene = Scene::new(12);
    for round in 0..20_u8 {
        scene.overwrite("large", &[round; 100]);
        scene.overwrite("a/01", &[round]);
        scene.make();
    }
}

#[test]
fn nothing_is_recorded_of_files_that_were_just_changed() {
    let scene = Scene::new(13);
    let whole = scene.make();
    let times = fs::FileTimes::new().set_modified(SystemTime::now() + Duration::from_secs(3600));
    let large = fs::File::options().write(true).open(scene.tree("large")).unwrap();
    large.set_times(times).unwrap();
    scene.settle();
    for _ in 0..2 {
        let counts = scene.make();
        assert!(counts.hits > 0 && counts.misses + counts.invalidated > 5, "{counts:?}");
        assert!(counts.hits + counts.added < whole.added, "some are never recorded: {counts:?}");
    }
}

#[test]
fn changes_of_siblings_and_metadata_are_noticed() {
    let scene = Scene::new(14);
    scene.make();
    let change: [(&str, &dyn Fn()); 9] = [
        ("a new file before all", &|| scene.write("a/000", &[7; 3000])),
        ("a new file behind all", &|| scene.write("zz", &[8; 3000])),
        ("a file less", &|| fs::remove_file(scene.tree("b/03")).unwrap()),
        ("another name", &|| fs::rename(scene.tree("b/04"), scene.tree("b/04b")).unwrap()),
        ("names exchanged", &|| {
            fs::rename(scene.tree("d/01"), scene.tree("x")).unwrap();
            fs::rename(scene.tree("d/02"), scene.tree("d/01")).unwrap();
            fs::rename(scene.tree("x"), scene.tree("d/02")).unwrap();
        }),
        ("a directory with another name", &|| fs::rename(scene.tree("b/c"), scene.tree("b/e")).unwrap()),
        ("another mode", &|| {
            fs::set_permissions(scene.tree("large"), fs::Permissions::from_mode(0o600)).unwrap();
        }),
        ("another link target", &|| {
            fs::remove_file(scene.tree("d/link")).unwrap();
            std::os::unix::fs::symlink("elsewhere", scene.tree("d/link")).unwrap();
        }),
        ("something left out", &|| scene.write(".caexclude", b"06\n")),
    ];
    for (name, change) in change {
        change();
        scene.settle();
        let counts = scene.make();
        assert!(counts.hits > 0 && counts.misses + counts.invalidated > 0, "{name}: {counts:?}");
        assert!(scene.make().all_hit(), "{name}");
    }
    scene.extract("default.castr");
}

#[test]
fn a_file_with_the_inode_of_a_removed_one_is_another() {
    let scene = Scene::new(15);
    scene.make();
    let path = scene.tree("a/07");
    let before = fs::metadata(&path).unwrap();
    let mut reused = false;
    for round in 0..20_u8 {
        fs::remove_file(&path).unwrap();
        fs::write(&path, vec![round; before.len() as usize]).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(before.modified().unwrap()).unwrap();
        fs::set_permissions(&path, before.permissions()).unwrap();
        reused |= fs::metadata(&path).unwrap().ino() == before.ino();
        scene.settle();
        let Counts { hits, invalidated, .. } = scene.make();
        assert!(hits > 0 && invalidated > 0, "same size, name, mode and modification time, other contents");
        if reused {
            return;
        }
    }
    casync_tests::skip::skip("this file system does not use inode numbers again at once");
}

#[test]
fn one_change_costs_its_surroundings_only() {
    let scene = Scene::new(16);
    let first = scene.make();
    scene.write("b/05", b"quite short now");
    scene.settle();
    let second = scene.make();
    assert!(second.misses + second.invalidated <= 6, "{second:?}");
    assert!(second.hits + 6 >= first.added, "{second:?}");
}
