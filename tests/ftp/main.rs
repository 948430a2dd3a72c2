//! FTP: servers of two kinds, with and without logins, of old and for few; transfers that are cut and that stall; as helper of
//! the C casync.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use casync_tests::running::Running;
use casync_tests::sandbox::{Outcome, Sandbox};
use casync_tests::service::{Ftp, Vsftpd};
use casync_tests::{input, tool};

const OPTIONS: [&str; 3] = ["--with=unix", "--chunk-size=1024:4096:16384", "--seed-output=no"];

/// A directory with `tree`, `blob`, and `srv` with all that can be made of them.
struct Scene {
    sandbox: Sandbox,
}

impl Scene {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        sandbox.write("tree/noise", input::prng("noise", 150_000));
        sandbox.write("tree/sub/text", input::text(60_000));
        sandbox.write("tree/sub/dir with space/zeros", vec![0; 40_000]);
        sandbox.write("blob", [input::prng("blob", 120_000), input::text(50_000)].concat());
        fs::create_dir(sandbox.path("srv")).unwrap();
        let scene = Self { sandbox };
        for (name, input) in [("tree.caidx", "tree"), ("blob.caibx", "blob"), ("tree.catar", "tree")] {
            scene.run(&["make", &format!("srv/{name}"), input]).success();
        }
        scene
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(tool::ours(), arguments, &[])
    }

    fn run_with(&self, client: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Outcome {
        let mut command = self.sandbox.command(client);
        command.args(OPTIONS).args(arguments).env("HOME", self.sandbox.path("")).envs(environment.iter().copied());
        Running::start(&mut command).finish()
    }

    fn digest(&self, directory: &str) -> Vec<u8> {
        self.run(&["digest", directory]).success()
    }

    /// Extracts all that there is by a client, and compares it.
    fn check(&self, client: &Path, environment: &[(&str, &str)], at: impl Fn(&str) -> String) {
        for name in ["tree.caidx", "tree.catar", "blob.caibx"] {
            let out = self.sandbox.path("out");
            let _ = if out.is_dir() { fs::remove_dir_all(&out) } else { fs::remove_file(&out) };
            self.run_with(client, &["extract", &at(name), "out"], environment).success();
            if name == "blob.caibx" {
                assert!(self.sandbox.read("out") == self.sandbox.read("blob"));
            } else {
                assert_eq!(self.digest("out"), self.digest("tree"), "{name}");
            }
        }
    }
}

#[test]
fn everything_is_read() {
    let scene = Scene::new();
    let Some(server) = Ftp::start(&scene.sandbox, &scene.sandbox.path("srv"), &[]) else { return };
    let at = |name: &str| server.at(name);
    scene.check(tool::ours(), &[], at);
    for name in ["tree.caidx", "tree.catar"] {
        let part = scene.run(&["list", &at(name), "sub/dir with space"]).success();
        assert!(String::from_utf8_lossy(&part).contains("zeros"), "{name}");
        assert_eq!(scene.run(&["mtree", &at(name)]).success(), scene.run(&["mtree", &format!("srv/{name}")]).success());
    }
    scene.run(&["verify", &at("tree.caidx")]).success();
    let plan = scene.run(&["plan", &at("blob.caibx")]).success();
    assert!(String::from_utf8_lossy(&plan).contains("missing: 0 chunks"), "{}", String::from_utf8_lossy(&plan));
    // Chunks that one store lacks come from the next.
    fs::create_dir(scene.sandbox.path("srv/empty.castr")).unwrap();
    let stores = [format!("--store={}", at("empty.castr")), format!("--extra-store={}", at("default.castr"))];
    scene.run(&[&stores[0], &stores[1], "extract", "srv/blob.caibx", "copy"]).success();
    assert!(scene.sandbox.read("copy") == scene.sandbox.read("blob"));
}

#[test]
fn what_is_wrong_is_told() {
    let scene = Scene::new();
    let Some(server) = Ftp::start(&scene.sandbox, &scene.sandbox.path("srv"), &[]) else { return };
    for name in ["none.caidx", "none.catar", "default.castr/none.catar"] {
        let told = scene.run(&["list", &server.at(name)]).failure();
        assert!(told.starts_with("File, URL or resource not found.") && told.contains(name), "{told}");
    }
    for name in ["new.caidx", "new.catar"] {
        let told = scene.run(&["make", &server.at(name), "tree"]).failure();
        assert!(told.contains("can only be read by ftp"), "{told}");
    }
    let told = scene.run(&["--store", &server.at("x.castr"), "make", "new.caidx", "tree"]).failure();
    assert!(told.contains("can only be read by ftp") && !scene.sandbox.path("new.caidx").exists(), "{told}");
    let (id, _) = casync_tests::store::files(&scene.sandbox.path("srv/default.castr")).into_iter().next().unwrap();
    fs::remove_file(scene.sandbox.path("srv/default.castr").join(&id)).unwrap();
    let told = scene.run(&["--store", &server.at("default.castr"), "verify", "srv/blob.caibx", "srv/tree.caidx"]);
    assert!(told.text().contains(": 1 problem"), "{}", told.text());
    told.failure();
    let nobody = format!("ftp://127.0.0.1:{}/x.caidx", unused_port());
    let told = scene.run_with(tool::ours(), &["list", &nobody], &[("CASYNC_HTTP_RETRIES", "1")]).failure();
    assert!(told.contains("refused") && told.contains("tried 2 times"), "{told}");
}

fn unused_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn names_and_passwords() {
    let scene = Scene::new();
    let Some(server) = Ftp::start(&scene.sandbox, &scene.sandbox.path("srv"), &["login"]) else { return };
    let secret = "a%20secret%3A%20of%20the%20test";
    let with = |login: &str, name: &str| format!("ftp://{login}@{}/{name}", server.host);
    scene.check(tool::ours(), &[], |name| with(&format!("somebody:{secret}"), name));
    // Neither right nor wrong ones are shown.
    for (login, name) in [(format!("somebody:{secret}"), "none.caidx"), ("somebody:wrong".to_owned(), "tree.caidx")] {
        let told = scene.run(&["-v", "list", &with(&login, name)]).failure();
        assert!(!told.contains("secret") && !told.contains("wrong"), "{told}");
    }
    let told = scene.run(&["list", &server.at("tree.caidx")]).failure();
    assert!(told.contains("~/.netrc"), "{told}");
    let netrc = format!("machine 127.0.0.1 login {} password wrong\n", Ftp::USER);
    scene.sandbox.write(".netrc", netrc);
    scene.run(&["list", &server.at("tree.caidx")]).failure();
}

/// Servers that do not know all that is asked, and those that allow few connections.
#[test]
fn old_and_busy_servers() {
    for option in ["old", "plain", "few"] {
        let scene = Scene::new();
        let Some(server) = Ftp::start(&scene.sandbox, &scene.sandbox.path("srv"), &[option]) else { return };
        scene.check(tool::ours(), &[], |name| server.at(name));
    }
}

#[test]
fn transfers_that_are_cut_go_on_where_they_were() {
    let scene = Scene::new();
    let Some(server) = Ftp::start(&scene.sandbox, &scene.sandbox.path("srv"), &["cut"]) else { return };
    assert!(fs::metadata(scene.sandbox.path("srv/tree.catar")).unwrap().len() > 200_000);
    scene.check(tool::ours(), &[], |name| server.at(name));
    let part = scene.run(&["list", &server.at("tree.catar"), "sub/dir with space"]).success();
    assert!(String::from_utf8_lossy(&part).contains("zeros"));
}

#[test]
fn transfers_that_stall_fail() {
    let scene = Scene::new();
    let Some(server) = Ftp::start(&scene.sandbox, &scene.sandbox.path("srv"), &["mute"]) else { return };
    let patience = [("CASYNC_HTTP_TIMEOUT", "1"), ("CASYNC_HTTP_RETRIES", "1")];
    for name in ["tree.caidx", "tree.catar"] {
        let told = scene.run_with(tool::ours(), &["extract", &server.at(name), "out"], &patience).failure();
        assert!(told.contains("nothing came for 1 seconds"), "{told}");
    }
}

#[test]
fn vsftpd_serves_all_of_it() {
    let scene = Scene::new();
    // It refuses to show what can be written to; and its user must get there.
    let root = Sandbox::new_in("/tmp");
    let copy = std::process::Command::new("cp").arg("-r").arg(scene.sandbox.path("srv")).arg(root.path("srv")).status();
    assert!(copy.unwrap().success());
    let Some(server) = Vsftpd::start(&scene.sandbox, &root.path("srv")) else { return };
    let mode = std::process::Command::new("chmod").args(["-R", "a+rX,a-w"]).arg(root.path("")).status();
    assert!(mode.unwrap().success());
    scene.check(tool::ours(), &[], |name| server.at(name));
    let part = scene.run(&["list", &server.at("tree.catar"), "sub/dir with space"]).success();
    assert!(String::from_utf8_lossy(&part).contains("zeros"));
    let told = scene.run(&["list", &server.at("none.caidx")]).failure();
    assert!(told.starts_with("File, URL or resource not found."), "{told}");
}

#[test]
fn the_c_casync_uses_this_program_for_urls() {
    let Some(upstream) = tool::upstream() else { return };
    let scene = Scene::new();
    let Some(server) = Ftp::start(&scene.sandbox, &scene.sandbox.path("srv"), &[]) else { return };
    fs::create_dir(scene.sandbox.path("helpers")).unwrap();
    symlink(tool::ours(), scene.sandbox.path("helpers/casync-ftp")).unwrap();
    let helpers = scene.sandbox.path("helpers").display().to_string();
    let environment = [("CASYNC_PROTOCOL_PATH", helpers.as_str())];
    for client in [upstream, tool::ours()] {
        scene.check(client, &environment, |name| server.at(name));
    }
    let told = scene.run_with(upstream, &["list", &server.at("none.caidx")], &environment).failure();
    assert!(told.contains("File, URL or resource not found."), "{told}");
}
