//! SFTP: to a server without a way to it, by a real sshd, as helper of the C casync; and servers that leave, stall or lie.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use casync_tests::running::Running;
use casync_tests::sandbox::Outcome;
use casync_tests::service::Sftp;
use casync_tests::tool;

use crate::scene::{OPTIONS, Scene};
use crate::sshd::Sshd;

/// A place on `h`, which is this host.
fn url(scene: &Scene, name: &str) -> String {
    format!("sftp://h{}", scene.sandbox.path(name).display())
}

fn run_with(scene: &Scene, client: &Path, ssh: &Path, arguments: &[&str]) -> Outcome {
    let mut command = scene.sandbox.command(client);
    command.args(OPTIONS).args(arguments).env("CASYNC_SSH_PATH", ssh).env("CASYNC_REMOTE_TIMEOUT", "2");
    Running::start(&mut command).finish()
}

fn run(scene: &Scene, ssh: &Path, arguments: &[&str]) -> Outcome {
    run_with(scene, tool::ours(), ssh, arguments)
}

/// Writes and reads all kinds of files at a place, and compares them with what is made without any network.
fn there_and_back(scene: &Scene, ssh: &Path, place: impl Fn(&str) -> String) {
    let (tree, blob) = (scene.made("tree.caidx", "tree"), scene.made("blob.caibx", "blob"));
    let archive = scene.made("tree.catar", "tree");
    // What is there before is replaced.
    scene.sandbox.write("srv/tree.catar", "older");
    for (name, input, bytes) in
        [("tree.caidx", "tree", &tree), ("blob.caibx", "blob", &blob), ("tree.catar", "tree", &archive)]
    {
        let place = place(&format!("srv/{name}"));
        run(scene, ssh, &["make", &place, input]).success();
        assert!(scene.sandbox.read(format!("srv/{name}")) == *bytes, "{name}");
        scene.remove("out");
        run(scene, ssh, &["--seed-output=no", "extract", &place, "out"]).success();
        if input == "blob" {
            assert!(scene.sandbox.read("out") == scene.sandbox.read("blob"));
        } else {
            assert_eq!(scene.digest("out"), scene.digest("tree"), "{name}");
            let part = run(scene, ssh, &["list", &place, "sub/dir with space"]).success();
            assert!(String::from_utf8_lossy(&part).contains("zeros"), "{name}");
        }
    }
    assert!(scene.chunks("srv/default.castr") == scene.chunks("local"));
    assert_eq!(scene.sandbox.names("srv"), ["blob.caibx", "default.castr", "tree.caidx", "tree.catar"]);
    run(scene, ssh, &["verify", &place("srv/tree.caidx")]).success();
    run(scene, ssh, &["--store", &place("srv/default.castr"), "gc", "--grace=0", &place("srv/blob.caibx")]).success();
    scene.remove("local");
    scene.made("blob.caibx", "blob");
    assert!(scene.chunks("srv/default.castr") == scene.chunks("local"), "only the chunks of the blob are left");
}

#[test]
fn everything_goes_there_and_back() {
    let scene = Scene::new();
    let Some(sftp) = Sftp::in_sandbox(&scene.sandbox) else { return };
    there_and_back(&scene, &sftp.ssh, |name| url(&scene, name));
    // Index and store share a connection.
    assert_eq!(sftp.calls(), vec!["-s h sftp"; sftp.calls().len()]);
    assert_eq!(sftp.calls().len(), 10);
}

#[test]
fn by_a_real_sshd() {
    let Some(sshd) = Sshd::start() else { return };
    let scene = &sshd.scene;
    there_and_back(scene, &scene.sandbox.path("ssh"), |name| url(scene, name));
}

#[test]
fn the_c_casync_uses_this_program_for_urls() {
    let Some(upstream) = tool::upstream() else { return };
    let scene = Scene::new();
    let Some(sftp) = Sftp::in_sandbox(&scene.sandbox) else { return };
    fs::create_dir(scene.sandbox.path("helpers")).unwrap();
    symlink(tool::ours(), scene.sandbox.path("helpers/casync-sftp")).unwrap();
    for (name, input) in [("tree.caidx", "tree"), ("blob.caibx", "blob"), ("tree.catar", "tree")] {
        scene.ours(&["make", &format!("srv/{name}"), input]).success();
        for client in [upstream, tool::ours()] {
            scene.remove("out");
            let mut command = scene.sandbox.command(client);
            command.args(OPTIONS).args(["--seed-output=no", "extract", &url(&scene, &format!("srv/{name}")), "out"]);
            command.env("CASYNC_SSH_PATH", &sftp.ssh).env("CASYNC_PROTOCOL_PATH", scene.sandbox.path("helpers"));
            Running::start(&mut command).finish().success();
            if input == "blob" {
                assert!(scene.sandbox.read("out") == scene.sandbox.read("blob"));
            } else {
                assert_eq!(scene.digest("out"), scene.digest("tree"), "{name}");
            }
        }
    }
    let mut command = scene.sandbox.command(upstream);
    command.args(["list", &url(&scene, "srv/none.caidx")]);
    command.env("CASYNC_SSH_PATH", &sftp.ssh).env("CASYNC_PROTOCOL_PATH", scene.sandbox.path("helpers"));
    let missing = Running::start(&mut command).finish().failure();
    assert!(missing.contains("File, URL or resource not found."), "{missing}");
}

#[test]
fn what_is_wrong_is_told() {
    let scene = Scene::new();
    let Some(sftp) = Sftp::in_sandbox(&scene.sandbox) else { return };
    let missing = run(&scene, &sftp.ssh, &["list", &url(&scene, "srv/none.caidx")]).failure();
    assert!(missing.starts_with("File, URL or resource not found.") && missing.contains("srv/none.caidx"), "{missing}");
    let nowhere = run(&scene, &sftp.ssh, &["make", &url(&scene, "srv/no/x.catar"), "tree"]).failure();
    assert!(nowhere.contains("No such file or directory") && nowhere.contains("srv/no/x.catar"), "{nowhere}");
    let banner = scene.script("banner", "echo 'Welcome to h!'\nexec cat\n");
    let told = run(&scene, &banner, &["list", &url(&scene, "srv/none.caidx")]).failure();
    assert!(told.contains("what comes is not SFTP"), "{told}");
    let refused = scene.script("refused", "echo 'h: Connection refused' >&2\nexit 255\n");
    let told = run(&scene, &refused, &["list", &url(&scene, "srv/none.caidx")]).failure();
    assert!(told.contains("ended with exit status: 255") && told.contains("Connection refused"), "{told}");
    let told = run(&scene, Path::new("/nonexistent/ssh"), &["list", "sftp://h/x.caidx"]).failure();
    assert!(told.contains("Failed to execute /nonexistent/ssh"), "{told}");
    for bad in ["sftp://-oProxyCommand=touch/x.caidx", "sftp://-l@h/x.caidx", "sftp://me:secret@h/x.caidx", "sftp://h"]
    {
        let told = run(&scene, &sftp.ssh, &["list", bad]).failure();
        assert!(!told.contains("secret"), "{told}");
    }
    // Not one of these has reached a server.
    assert_eq!(sftp.calls().len(), 2);
}

/// Whatever happens to a server while it is read from: the right result or a failure that says so, and soon.
#[test]
fn servers_that_leave_or_stall_while_they_are_read() {
    let scene = Scene::new();
    if Sftp::in_sandbox(&scene.sandbox).is_none() {
        return;
    }
    let places = ["srv/tree.caidx", "srv/tree.catar"].map(|name| {
        scene.ours(&["make", name, "tree"]).success();
        url(&scene, name)
    });
    let check = |bytes: u32, end: &str, message: &str, places: &[String]| {
        let server = format!("{} | {{ dd bs=1 count={bytes} status=none; {end}; }} 2>/dev/null\n", Sftp::PROGRAM);
        let server = scene.script("cut", &server);
        for place in places {
            scene.remove("out");
            let started = Instant::now();
            let outcome = run(&scene, &server, &["--seed-output=no", "extract", place, "out"]);
            assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
            // Every new connection brings some chunks more.
            if bytes > 1_000 && outcome.status == Some(0) {
                assert_eq!(scene.digest("out"), scene.digest("tree"));
                continue;
            }
            let told = outcome.failure();
            assert!(told.contains(message), "{place} after {bytes} bytes: {told}");
        }
    };
    for bytes in [0, 3, 9, 300, 60_000] {
        check(bytes, "kill -KILL $$", "the connection has ended", &places);
    }
    for bytes in [3, 300] {
        check(bytes, "exec sleep 20", "nothing came for 2 s", &places[..1]);
    }
}

/// The first connection is lost after some bytes, the next one holds.
#[test]
fn a_lost_connection_is_made_again() {
    let scene = Scene::new();
    if Sftp::in_sandbox(&scene.sandbox).is_none() {
        return;
    }
    scene.ours(&["make", "srv/tree.caidx", "tree"]).success();
    scene.ours(&["make", "srv/tree.catar", "tree"]).success();
    let script = "if mkdir once 2>/dev/null; then SERVER | dd bs=1 count=COUNT status=none; else exec SERVER; fi\n";
    for (place, count) in [("srv/tree.caidx", 1_000), ("srv/tree.caidx", 80_000), ("srv/tree.catar", 140_000)] {
        let script = script.replace("SERVER", Sftp::PROGRAM).replace("COUNT", &count.to_string());
        let server = scene.script("lossy", &script);
        scene.remove("once");
        scene.remove("out");
        run(&scene, &server, &["--seed-output=no", "extract", &url(&scene, place), "out"]).success();
        assert!(scene.sandbox.path("once").exists());
        assert_eq!(scene.digest("out"), scene.digest("tree"), "{place} after {count}");
    }
    // Chunks that were under way are put again.
    scene.remove("once");
    scene.empty();
    let script = "if mkdir once 2>/dev/null; then dd bs=1 count=90000 status=none | SERVER; else exec SERVER; fi\n";
    let server = scene.script("lossy", &script.replace("SERVER", Sftp::PROGRAM));
    run(&scene, &server, &["--store", &url(&scene, "srv/st.castr"), "make", "tree.caidx", "tree"]).success();
    scene.remove("out");
    scene.ours(&["--store=srv/st.castr", "--seed-output=no", "extract", "tree.caidx", "out"]).success();
    assert_eq!(scene.digest("out"), scene.digest("tree"));
}
