//! Partners that leave in the middle of a word, fall silent, or are killed.

use std::time::{Duration, Instant};

use casync_tests::running::Running;
use casync_tests::sandbox::Outcome;
use casync_tests::tool;

use crate::scene::Scene;

/// Seconds that partners may be silent in these tests.
const SILENCE: &str = "2";

/// Longer than that with a busy machine, but no hang.
const SOON: Duration = Duration::from_secs(30);

fn run(scene: &Scene, server: &str, arguments: &[&str]) -> Outcome {
    let mut command = scene.command(tool::ours(), &scene.sandbox.path(server), arguments);
    command.env("CASYNC_REMOTE_TIMEOUT", SILENCE);
    let started = Instant::now();
    let outcome = Running::start(&mut command).finish();
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    outcome
}

/// Bytes after which something happens: around the first messages, and here and there.
fn places() -> Vec<usize> {
    [0, 1, 15, 24, 30, 41, 100, 600].into_iter().chain((0..5).map(|at| 2_000 + at * 37_001)).collect()
}

#[test]
fn a_server_leaves_while_it_serves() {
    let scene = Scene::new();
    scene.ours(&["make", "srv/tree.caidx", "tree"]).success();
    scene.ours(&["make", "srv/tree.catar", "tree"]).success();
    let ours = tool::ours().display();
    for what in ["tree.caidx", "tree.catar"] {
        for bytes in places() {
            scene.script("cut", &format!("{ours} \"$@\" | {{ dd bs=1 count={bytes} status=none; kill -KILL $$; }}\n"));
            let cut = run(&scene, "cut", &["--seed-output=no", "extract", &format!("h:srv/{what}"), "out"]);
            let told = cut.failure();
            assert!(told.contains("has closed the connection"), "{what} at {bytes}: {told}");
        }
    }
}

/// What is printed is all that there is, or there is an error.
#[test]
fn a_server_leaves_while_parts_are_read() {
    let scene = Scene::new();
    scene.ours(&["make", "srv/tree.caidx", "tree"]).success();
    scene.ours(&["make", "srv/tree.catar", "tree"]).success();
    let ours = tool::ours().display();
    for what in ["tree.caidx", "tree.catar"] {
        for words in [&["list", "FILE"][..], &["list", "FILE", "sub"], &["mtree", "FILE"], &["stat", "FILE", "noise"]] {
            // The protocol has no parts of archives.
            if what == "tree.catar" && words.len() > 2 {
                continue;
            }
            let with = |file: String| -> Vec<String> {
                words.iter().map(|word| if *word == "FILE" { file.clone() } else { (*word).to_owned() }).collect()
            };
            let (here, there) = (with(format!("srv/{what}")), with(format!("h:srv/{what}")));
            let there: Vec<&str> = there.iter().map(String::as_str).collect();
            let whole = scene.sandbox.casync(&here).success();
            let mut failures = 0;
            for bytes in places() {
                scene.script(
                    "cut",
                    &format!("{ours} \"$@\" | {{ dd bs=1 count={bytes} status=none; kill -KILL $$; }}\n"),
                );
                let cut = run(&scene, "cut", &there);
                if cut.status == Some(0) {
                    assert_eq!(cut.success(), whole, "{there:?} at {bytes}");
                } else {
                    let told = cut.failure();
                    assert!(told.contains("has closed the connection"), "{there:?} at {bytes}: {told}");
                    failures += 1;
                }
            }
            assert!(failures >= 6, "{there:?}: {failures}");
        }
    }
}

#[test]
fn a_server_leaves_while_it_takes() {
    let scene = Scene::new();
    let ours = tool::ours().display();
    for what in ["tree.caidx", "tree.catar"] {
        for bytes in places() {
            scene.empty();
            // What the server is told ends there, which also ends it.
            scene.script("cut", &format!("dd bs=1 count={bytes} status=none | {ours} \"$@\"\n"));
            let told = run(&scene, "cut", &["make", &format!("h:srv/{what}"), "tree"]).failure();
            assert!(told.contains("connection") || told.contains("gave up"), "{what} at {bytes}: {told}");
            let left = scene.sandbox.names("srv");
            assert!(left.iter().all(|name| name == "default.castr"), "{what} at {bytes}: {left:?}");
        }
    }
    // An upload of chunks alone, too.
    scene.script("cut", &format!("dd bs=1 count=30000 status=none | {ours} \"$@\"\n"));
    run(&scene, "cut", &["--store=h:srv/st", "make", "x.caidx", "tree"]).failure();
    assert!(!scene.sandbox.path("x.caidx").exists());
}

#[test]
fn a_partner_falls_silent() {
    let scene = Scene::new();
    scene.ours(&["make", "srv/tree.caidx", "tree"]).success();
    let ours = tool::ours().display();
    for bytes in [0, 24, 500, 60_000] {
        scene.script(
            "mute",
            &format!("{ours} \"$@\" | (dd bs=1 count={bytes} status=none; exec sleep 20) 2>/dev/null\n"),
        );
        let told = run(&scene, "mute", &["--seed-output=no", "extract", "h:srv/tree.caidx", "out"]).failure();
        assert!(told.contains("has been silent for 2 s"), "{told}");
    }
    // One that never reads, and one that never says goodbye.
    for silent in [
        "exec sleep 20 2>/dev/null\n".to_owned(),
        format!("{ours} \"$@\" | (dd bs=1 count=24 status=none; exec sleep 20) 2>/dev/null\n"),
    ] {
        scene.script("mute", &silent);
        for what in ["h:srv/y.caidx", "h:srv/y.catar"] {
            let told = run(&scene, "mute", &["make", what, "tree"]).failure();
            assert!(told.contains("has been silent for 2 s"), "{told}");
        }
        let told = run(&scene, "mute", &["--store=h:srv/st", "make", "y.caidx", "tree"]).failure();
        assert!(told.contains("has been silent for 2 s"), "{told}");
    }
}

#[test]
fn a_client_falls_silent() {
    let scene = Scene::new();
    for verb in ["pull", "push"] {
        let mut command = scene.sandbox.command(tool::ours());
        command.args([verb, "-", "-", "-", "srv/st"]).env("CASYNC_REMOTE_TIMEOUT", SILENCE);
        let (reader, writer) = std::io::pipe().unwrap();
        let server = Running::start_with(&mut command, |command| {
            command.stdin(reader);
        });
        let told = server.finish().failure();
        drop(writer);
        assert!(told.contains("the client has been silent for 2 s"), "{told}");
    }
}

/// The connection is lost because one side is killed: the other one ends, and the server leaves nothing behind.
#[test]
fn one_side_is_killed() {
    let scene = Scene::new();
    scene.sandbox.write("large", casync_tests::input::prng("large", 8 << 20));
    let ours = tool::ours().display();
    // The limit makes it last; the server tells its number.
    scene.script("told", &format!("echo $$ > pid\nexec {ours} \"$@\"\n"));
    let pid = scene.sandbox.path("pid");
    let started = |scene: &Scene| {
        let server = scene.sandbox.path("told");
        let _ = std::fs::remove_file(&pid);
        scene.empty();
        let mut command =
            scene.command(tool::ours(), &server, &["--rate-limit-bps=100K", "make", "h:srv/x.caibx", "large"]);
        let client = Running::start(&mut command);
        client.until("chunks arrive", || scene.chunks("srv/default.castr").len() > 3);
        client
    };
    let alive = |pid: &str| std::path::Path::new(&format!("/proc/{pid}/exe")).exists();
    let client = started(&scene);
    let server = std::fs::read_to_string(&pid).unwrap().trim().to_owned();
    client.signal(rustix::process::Signal::KILL);
    client.finish();
    let began = Instant::now();
    while alive(&server) {
        assert!(began.elapsed() < SOON, "the server goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(scene.sandbox.names("srv"), ["default.castr"]);

    let client = started(&scene);
    let server = std::fs::read_to_string(&pid).unwrap().trim().to_owned();
    let server = rustix::process::Pid::from_raw(server.parse().unwrap()).unwrap();
    rustix::process::kill_process(server, rustix::process::Signal::KILL).unwrap();
    let told = client.finish().failure();
    assert!(told.contains("has closed the connection"), "{told}");
}
