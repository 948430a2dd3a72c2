//! By a real sshd, on a port of its own, with keys of its own.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use casync_tests::running::Running;
use casync_tests::sandbox::Outcome;
use casync_tests::skip::skip;
use casync_tests::tool;

use crate::scene::{OPTIONS, Scene};

/// A server, and `ssh` set up so that `h` is it.
pub(crate) struct Sshd {
    pub scene: Scene,
    process: Child,
}

impl Sshd {
    /// `None`, told loudly, if this machine has none.
    pub(crate) fn start() -> Option<Self> {
        let sshd = Path::new("/usr/sbin/sshd");
        if !sshd.exists() || tool::which("ssh").is_none() || tool::which("ssh-keygen").is_none() {
            skip("no sshd (`apt install openssh-server openssh-client`)");
            return None;
        }
        // Where it drops its privileges; the distribution makes it when the service starts.
        if rustix::process::geteuid().is_root() {
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let scene = Scene::new();
        let path = |name: &str| scene.sandbox.path(name).display().to_string();
        for key in ["host", "user"] {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-f", &path(key)]);
            assert!(keygen.status().unwrap().success());
        }
        fs::copy(scene.sandbox.path("user.pub"), scene.sandbox.path("authorized")).unwrap();
        fs::set_permissions(scene.sandbox.path("authorized"), fs::Permissions::from_mode(0o600)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nPidFile none\nUsePAM no\n\
             PermitRootLogin yes\nPasswordAuthentication no\nSubsystem sftp internal-sftp\n",
            path("host"),
            path("authorized")
        );
        scene.sandbox.write("sshd_config", config);
        let host_key = String::from_utf8(scene.sandbox.read("host.pub")).unwrap();
        scene.sandbox.write("known", format!("[127.0.0.1]:{port} {host_key}"));
        let client = format!(
            "Host h\nHostName 127.0.0.1\nPort {port}\nIdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile {}\n\
             StrictHostKeyChecking yes\nBatchMode yes\nLogLevel ERROR\n",
            path("user"),
            path("known")
        );
        scene.sandbox.write("ssh_config", client);
        scene.script("ssh", &format!("exec ssh -F {} \"$@\"\n", path("ssh_config")));
        let log = fs::File::create(scene.sandbox.path("sshd.log")).unwrap();
        let mut command = Command::new(sshd);
        command.args(["-D", "-e", "-f", &path("sshd_config")]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let process = command.spawn().unwrap();
        let server = Self { scene, process };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = || String::from_utf8(server.scene.sandbox.read("sshd.log")).unwrap();
            assert!(started.elapsed() < Duration::from_secs(20), "sshd does not start: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(server)
    }

    /// A place on the server.
    pub(crate) fn place(&self, name: &str) -> String {
        format!("h:{}", self.scene.sandbox.path(name).display())
    }

    /// Runs a client with `server` at the other end.
    pub(crate) fn run(&self, client: &Path, server: &Path, arguments: &[&str]) -> Outcome {
        let mut command = self.scene.sandbox.command(client);
        command.args(OPTIONS).args(arguments);
        command.env("CASYNC_SSH_PATH", self.scene.sandbox.path("ssh")).env("CASYNC_REMOTE_PATH", server);
        command.env("HOME", self.scene.sandbox.path(""));
        Running::start(&mut command).finish()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn everything_goes_by_ssh_whoever_is_at_which_end() {
    let Some(sshd) = Sshd::start() else { return };
    let scene = &sshd.scene;
    let (tree, blob) = (scene.made("tree.caidx", "tree"), scene.made("blob.caibx", "blob"));
    let archive = scene.made("tree.catar", "tree");
    let mut pairs = vec![(tool::ours(), tool::ours())];
    if let Some(upstream) = tool::upstream() {
        pairs.extend([(tool::ours(), upstream), (upstream, tool::ours())]);
    }
    for (client, server) in pairs {
        let pair = format!("{client:?} to {server:?}");
        scene.empty();
        for (name, input, bytes) in
            [("tree.caidx", "tree", &tree), ("blob.caibx", "blob", &blob), ("tree.catar", "tree", &archive)]
        {
            let place = sshd.place(&format!("srv/{name}"));
            sshd.run(client, server, &["make", &place, input]).success();
            assert!(scene.sandbox.read(format!("srv/{name}")) == *bytes, "{pair}: {name}");
            scene.remove("out");
            sshd.run(client, server, &["--seed-output=no", "extract", &place, "out"]).success();
            if input == "blob" {
                assert!(scene.sandbox.read("out") == scene.sandbox.read("blob"), "{pair}");
            } else {
                assert_eq!(scene.digest("out"), scene.digest("tree"), "{pair}");
            }
        }
        assert!(scene.chunks("srv/default.castr") == scene.chunks("local"), "{pair}");
        assert_eq!(scene.sandbox.names("srv"), ["blob.caibx", "default.castr", "tree.caidx", "tree.catar"], "{pair}");
    }
}

#[test]
fn a_shell_there_reads_paths_as_they_are() {
    let Some(sshd) = Sshd::start() else { return };
    let name = "srv/a b; touch oops $(touch oops) 'q'";
    fs::create_dir(sshd.scene.sandbox.path(name)).unwrap();
    let place = sshd.place(&format!("{name}/x.caibx"));
    sshd.run(tool::ours(), tool::ours(), &["make", &place, "blob"]).success();
    assert_eq!(sshd.scene.sandbox.names(name), ["default.castr", "x.caibx"]);
    assert!(!sshd.scene.sandbox.path("oops").exists());
    let unknown = sshd.run(tool::ours(), Path::new("/nonexistent/casync"), &["extract", &place, "out"]).failure();
    assert!(unknown.contains("ended with exit status: 127"), "{unknown}");
}
