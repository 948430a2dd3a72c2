//! Clocks that were set: change times that no program can choose, put into a file system that is not mounted meanwhile.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use casync_tests::mount::{FileSystem, Mounted};
use casync_tests::sandbox::outcome;
use casync_tests::skip::skip;
use casync_tests::tool;

use crate::scene::Scene;

/// A scene on a file system of its own.
fn scene(seed: u64) -> Option<(Mounted, Scene)> {
    if tool::which("debugfs").is_none() {
        skip("no debugfs (`apt install e2fsprogs`)");
        return None;
    }
    let mounted = FileSystem::Ext4.mount()?;
    let scene = Scene::new_in(seed, &mounted.path(""));
    Some((mounted, scene))
}

/// Sets the change time of a file of the tree, as if the clock had shown it when the file was last changed.
fn set_change_time(mounted: &Mounted, scene: &Scene, file: &str, seconds: i64, nanoseconds: u32) {
    let target: PathBuf = mounted.path("").components().collect();
    let path = scene.tree(file);
    let inside = path.strip_prefix(&target).unwrap().display().to_string();
    let run = |program: &str, arguments: &[&str]| {
        let mut command = std::process::Command::new(program);
        let done = outcome(command.args(arguments));
        assert_eq!(done.status, Some(0), "{program}: {}", done.stderr);
    };
    let target = target.to_str().unwrap();
    let source = outcome(std::process::Command::new("findmnt").args(["-no", "SOURCE", target])).success();
    let device = std::str::from_utf8(&source).unwrap().trim_end();
    // Open all the while, so that it remains this image's: the number of the device is part of what identifies a file.
    let held = fs::File::open(device).unwrap();
    run("umount", &[target]);
    // Seconds above 32 bits would go into the lower two bits of the second field.
    let fields = [("ctime", format!("@{seconds}")), ("ctime_extra", format!("{}", nanoseconds << 2))];
    for (field, value) in fields {
        run("debugfs", &["-w", "-R", &format!("set_inode_field /{inside} {field} {value}"), device]);
    }
    run("mount", &["-t", "ext4", device, target]);
    drop(held);
    let file = fs::metadata(&path).unwrap();
    assert_eq!((file.ctime(), file.ctime_nsec()), (seconds, i64::from(nanoseconds)), "debugfs has set it");
}

#[test]
fn what_was_changed_before_the_clock_was_set_back_is_read_every_time() {
    let Some((mounted, scene)) = scene(31) else { return };
    let whole = scene.make();
    // The clock was an hour ahead when this was written, and will get there again.
    let now = fs::metadata(scene.tree("large")).unwrap().ctime();
    set_change_time(&mounted, &scene, "large", now + 3600, 5);
    for _ in 0..2 {
        let counts = scene.make();
        assert!(counts.hits > 0 && counts.misses + counts.invalidated > 5, "{counts:?}");
        assert!(counts.hits + counts.added < whole.added, "it is never recorded: {counts:?}");
    }
    // The next change has a time of now, and shows.
    scene.overwrite("large", b"with the clock right again");
    scene.settle();
    scene.make();
    assert!(scene.make().all_hit());
    scene.extract("default.castr");
}

#[test]
fn changes_while_the_clock_was_slow_are_noticed() {
    let Some((mounted, scene)) = scene(32) else { return };
    scene.make();
    assert!(scene.make().all_hit());
    let before = fs::metadata(scene.tree("large")).unwrap();
    // All that tells of the change is a change time that is older than the one before.
    scene.overwrite("large", b"while the clock was slow");
    set_change_time(&mounted, &scene, "large", before.ctime() - 3600, before.ctime_nsec() as u32);
    let after = fs::metadata(scene.tree("large")).unwrap();
    assert_eq!((before.ino(), before.size(), before.mtime()), (after.ino(), after.size(), after.mtime()));
    let counts = scene.make();
    assert!(counts.hits > 0 && counts.invalidated > 0, "{counts:?}");
    scene.make();
    assert!(scene.make().all_hit());
    scene.extract("default.castr");
}
