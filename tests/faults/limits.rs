//! Limits of the system: open files, file size, threads.

use casync_tests::running::within;
use casync_tests::skip;

use crate::scene::Scene;

/// However few files may be open: it works, or it says what could not be opened.
#[test]
fn few_open_files() {
    let scene = Scene::new();
    let mut failed = 0;
    for limit in 5..24 {
        for arguments in ["make new.caidx tree", "extract x.caidx out", "extract x.caibx new.img", "mtree tree"] {
            let script = format!("exec prlimit --nofile={limit} \"$casync\" --jobs=2 {arguments}");
            let outcome = within(&mut scene.script(&script));
            // With fewer the program is not even loaded.
            let loaded = !outcome.stderr.contains("shared libraries");
            if outcome.status == Some(0) {
                scene.assert_tidy();
            } else if loaded {
                failed += 1;
                scene.assert_failed(outcome, &["Too many open files"]);
            }
        }
        let _ = std::fs::remove_dir_all(scene.path("out"));
    }
    assert!(failed > 0);
    scene.casync(["extract", "x.caidx", "out"]).success();
    scene.assert_same("out", "tree");
}

/// However little memory there is: it works, or it says that there is too little.
#[test]
fn little_memory() {
    let scene = Scene::new();
    let (mut loads, mut failed) = (false, 0);
    for mebibytes in (16..128).step_by(8) {
        for arguments in ["--jobs=4 make new.caibx blob", "--jobs=1 extract x.caibx new.img", "mtree tree"] {
            let script = format!("exec prlimit --as={} \"$casync\" {arguments}", mebibytes << 20);
            let outcome = within(&mut scene.script(&script));
            // With less the program is not even loaded: the system ends it, or the loader says so.
            loads |= outcome.status.is_some() && !outcome.stderr.contains("shared libraries");
            if outcome.status == Some(0) {
                scene.assert_tidy();
            } else if loads {
                failed += 1;
                // What cannot be had may be memory, or a thread with its stack.
                let thread = outcome.stderr.contains("start a thread: Resource temporarily unavailable");
                scene.assert_failed(outcome, if thread { &["hint: "] } else { &["Cannot allocate memory", "hint: "] });
            }
        }
        let _ = std::fs::remove_file(scene.path("new.img"));
    }
    assert!(failed > 0);
}

#[test]
fn files_of_limited_size() {
    let scene = Scene::new();
    let cases = [
        ("1000000", "extract x.caibx old.img"),
        ("1000000", "extract x.caidx out"),
        ("1000000", "extract x.catar out"),
        ("1000000", "make old.catar tree"),
        ("4096", "make --store=new.castr old.caibx blob"),
        ("1000", "make old.caibx blob"),
    ];
    scene.write("old.catar", b"the old archive");
    scene.write("old.caibx", b"the old index");
    for (limit, arguments) in cases {
        let script = format!("exec prlimit --fsize={limit} \"$casync\" {arguments}");
        scene.assert_failed(within(&mut scene.script(&script)), &["File too large"]);
    }
    assert_eq!(scene.0.read("old.img"), b"the old image");
    assert_eq!(scene.0.read("old.catar"), b"the old archive");
    assert_eq!(scene.0.read("old.caibx"), b"the old index");
}

#[test]
fn no_more_threads() {
    if !rustix::process::geteuid().is_root() {
        return skip::skip("only root can become somebody else, who has no threads yet");
    }
    let scene = Scene::new();
    let program = scene.readable_program();
    within(&mut scene.script("chown -R 61234:61234 .")).success();
    for arguments in ["make new.caidx tree", "extract x.caidx out", "extract x.caibx old.img", "mtree x.catar"] {
        // A user that has nothing running but this.
        let user = "setpriv --reuid=61234 --regid=61234 --clear-groups prlimit --nproc=1";
        let outcome = within(&mut scene.script(&format!("exec {user} {} {arguments}", program.display())));
        scene.assert_failed(outcome, &["Resource temporarily unavailable"]);
    }
    assert_eq!(scene.0.read("old.img"), b"the old image");
}
