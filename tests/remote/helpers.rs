//! Helpers for schemes of URLs: those of others, started by this program; and this program, started as one by the C casync.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use casync_tests::running::Running;
use casync_tests::sandbox::Outcome;
use casync_tests::skip::skip;
use casync_tests::tool;

use crate::scene::{OPTIONS, Scene};

/// A web server for a directory.
struct Web {
    process: Child,
    url: String,
}

impl Web {
    fn start(directory: &Path) -> Option<Self> {
        if tool::which("python3").is_none() {
            skip("no web server (`apt install python3`)");
            return None;
        }
        let mut command = Command::new("python3");
        command.args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]).current_dir(directory);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port =
            line.split(" port ").nth(1).unwrap_or_else(|| panic!("{line}")).split(' ').next().unwrap().to_owned();
        Some(Self { process, url: format!("http://127.0.0.1:{port}") })
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a client with the helpers in `helpers`.
fn run(scene: &Scene, client: &Path, arguments: &[&str]) -> Outcome {
    let mut command = scene.sandbox.command(client);
    command.args(OPTIONS).args(arguments).env("CASYNC_PROTOCOL_PATH", scene.sandbox.path("helpers"));
    Running::start(&mut command).finish()
}

#[test]
fn the_c_casync_uses_this_program_for_urls() {
    let Some(upstream) = tool::upstream() else { return };
    let scene = Scene::new();
    let Some(web) = Web::start(&scene.sandbox.path("srv")) else { return };
    fs::create_dir(scene.sandbox.path("helpers")).unwrap();
    for scheme in ["http", "https", "ftp", "sftp"] {
        symlink(tool::ours(), scene.sandbox.path(format!("helpers/casync-{scheme}"))).unwrap();
    }
    scene.ours(&["make", "srv/tree.caidx", "tree"]).success();
    scene.ours(&["make", "srv/blob.caibx", "blob"]).success();
    scene.ours(&["make", "srv/tree.catar", "tree"]).success();
    let url = |name: &str| format!("{}/{name}", web.url);
    for name in ["tree.caidx", "tree.catar"] {
        scene.remove("out");
        run(&scene, upstream, &["--seed-output=no", "extract", &url(name), "out"]).success();
        assert_eq!(scene.digest("out"), scene.digest("tree"), "{name}");
    }
    scene.remove("out");
    run(&scene, upstream, &["--seed-output=no", "extract", &url("blob.caibx"), "out"]).success();
    assert!(scene.sandbox.read("out") == scene.sandbox.read("blob"));
    // This program with itself as helper does not start another one.
    scene.remove("out");
    run(&scene, tool::ours(), &["--seed-output=no", "extract", &url("tree.caidx"), "out"]).success();
    assert_eq!(scene.digest("out"), scene.digest("tree"));
    let missing = run(&scene, upstream, &["list", &url("none.caidx")]).failure();
    assert!(missing.contains("File, URL or resource not found."), "{missing}");
    let missing = run(&scene, upstream, &["list", &url("none.catar")]).failure();
    assert!(missing.contains("File, URL or resource not found."), "{missing}");
    let pushed = run(&scene, upstream, &["make", &url("new.catar"), "tree"]).failure();
    assert!(pushed.contains("Unknown verb: push"), "{pushed}");
}

/// Several stores, by hand: upstream's client names one only, and its helpers ask one only.
#[test]
fn all_stores_are_asked() {
    let scene = Scene::new();
    let Some(web) = Web::start(&scene.sandbox.path("srv")) else { return };
    scene.made("blob.caibx", "blob");
    let chunks: Vec<_> = casync_tests::store::paths(&scene.sandbox.path("local"));
    for (number, path) in chunks.iter().enumerate() {
        let name = path.strip_prefix(scene.sandbox.path("local")).unwrap().display();
        scene.sandbox.write(format!("srv/{}/{name}", number % 3), fs::read(path).unwrap());
    }
    fs::rename(scene.sandbox.path("blob.caibx"), scene.sandbox.path("srv/blob.caibx")).unwrap();
    let helper = scene.sandbox.path("casync-http");
    symlink(tool::ours(), &helper).unwrap();
    // Whoever starts it as a client would: by the stand-in for ssh, with more stores than one.
    let stores: Vec<String> = (0..3).map(|number| format!("{}/{number}", web.url)).collect();
    let index = format!("{}/blob.caibx", web.url);
    let script = format!("exec {} pull - - {index} {}\n", helper.display(), stores.join(" "));
    let server = scene.script("all", &script);
    scene.run(tool::ours(), &server, &["--seed-output=no", "extract", "h:any.caibx", "out"]).success();
    assert!(scene.sandbox.read("out") == scene.sandbox.read("blob"));
}

#[test]
fn other_schemes_are_served_by_their_helpers() {
    let scene = Scene::new();
    fs::create_dir(scene.sandbox.path("helpers")).unwrap();
    scene.ours(&["make", "srv/tree.caidx", "tree"]).success();
    // A helper that knows where `foo` is; the rest is this program's.
    let helper = "echo \"$*\" >> foo.log\nset -- \"$1\" - - \"${4#foo://host/}\" \"${5#foo://host/}\"\n";
    scene.script("helpers/casync-foo", &format!("{helper}exec {} \"$@\"\n", tool::ours().display()));
    run(&scene, tool::ours(), &["--seed-output=no", "extract", "foo://host/srv/tree.caidx", "out"]).success();
    assert_eq!(scene.digest("out"), scene.digest("tree"));
    run(&scene, tool::ours(), &["make", "foo://host/srv/new.caidx", "tree"]).success();
    assert!(scene.sandbox.read("srv/new.caidx") == scene.sandbox.read("srv/tree.caidx"));
    let log = String::from_utf8(scene.sandbox.read("foo.log")).unwrap();
    let line = |verb, name| format!("{verb} - - foo://host/srv/{name} foo://host/srv/default.castr\n");
    assert_eq!(log, line("pull", "tree.caidx") + &line("push", "new.caidx"));
    let none = run(&scene, tool::ours(), &["list", "bar://host/x.caidx"]).failure();
    assert!(none.starts_with("Failed to execute ") && none.contains("/casync-bar: No such file"), "{none}");
}
