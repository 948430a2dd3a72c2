//! Runs that are killed.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use casync_tests::random::Rng;

use crate::scene::Scene;

#[test]
fn killed_runs_leave_nothing_and_break_nothing() {
    let scene = Scene::new(41);
    let mut rng = Rng::new(41);
    let mut killed = 0;
    for round in 0..40_u8 {
        scene.overwrite("large", &[round; 64]);
        let made = ["make", "--cache=cache", "--store=default.castr", "k.caidx", "tree", "--chunk-size=4K"];
        let mut command = scene.sandbox.command(casync_tests::tool::ours());
        let mut child = command.args(made).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Any moment will do; this is no wait for something.
        std::thread::sleep(Duration::from_micros(rng.below(40_000)));
        let _ = child.kill();
        killed += u32::from(!child.wait().unwrap().success());
    }
    assert!(killed > 0, "no run was fast enough to escape each time");
    scene.settle();
    let mut scene = scene;
    scene.options = vec!["--chunk-size=4K".to_owned()];
    scene.make();
    assert!(scene.make().all_hit());
    // Not a single file of the runs before: only the cache of this one.
    let left = fs::read(scene.cache_file()).unwrap();
    assert!(!left.is_empty());
    scene.extract("default.castr");
}

/// A run that stops by itself keeps what it knew.
#[test]
fn a_run_that_fails_leaves_the_cache_as_it_was() {
    let scene = Scene::new(42);
    scene.make();
    let before = fs::read(scene.cache_file()).unwrap();
    // Names of files in the archive's order: this one fails after all others have been read.
    scene.write(".caexclude", b"");
    fs::write(scene.tree("b/.caexclude"), vec![b'x'; 17 << 20]).unwrap();
    let made = ["make", "--cache=cache", "--store=default.castr", "a.caidx", "tree"];
    scene.sandbox.casync(made).failure();
    assert!(fs::read(scene.cache_file()).unwrap() == before);
    fs::remove_file(scene.tree("b/.caexclude")).unwrap();
    fs::remove_file(scene.tree(".caexclude")).unwrap();
    assert!(scene.make().hits > 0);
}
