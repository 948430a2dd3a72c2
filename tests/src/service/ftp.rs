//! FTP servers.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::Server;
use crate::sandbox::Sandbox;
use crate::skip::skip;

/// pyftpdlib, which can be told to go wrong.
#[derive(Debug)]
pub struct Ftp {
    _server: Server,
    /// `127.0.0.1:PORT`
    pub host: String,
}

impl Ftp {
    /// A name that it knows, if it is told to ask for one.
    pub const USER: &'static str = "somebody";
    /// And the password.
    pub const PASSWORD: &'static str = "a secret: of the test";

    /// Starts one that shows a directory; `None` has been told as a skip. Options are those of `ftp.py`.
    pub fn start(sandbox: &Sandbox, root: &Path, options: &[&str]) -> Option<Self> {
        // The one that knows Debian's packages.
        let python = "/usr/bin/python3";
        let there = Command::new(python).args(["-c", "import pyftpdlib"]).stderr(Stdio::null()).status();
        if !there.is_ok_and(|status| status.success()) {
            skip("pyftpdlib is not installed (`apt install python3-pyftpdlib`)");
            return None;
        }
        let mut command = sandbox.command(python);
        command.arg("-c").arg(include_str!("ftp.py")).arg(root).args(options);
        let (server, host) = Server::start(&mut command, "listening on ");
        Some(Self { _server: server, host })
    }

    /// A URL on it.
    pub fn at(&self, path: &str) -> String {
        format!("ftp://{}/{path}", self.host)
    }
}

/// vsftpd, as people run it for anybody.
#[derive(Debug)]
pub struct Vsftpd {
    process: Child,
    port: u16,
}

impl Vsftpd {
    /// Starts one that shows a directory; `None` has been told as a skip.
    pub fn start(sandbox: &Sandbox, root: &Path) -> Option<Self> {
        let program = Path::new("/usr/sbin/vsftpd");
        if !program.exists() || !rustix::process::geteuid().is_root() {
            skip("no vsftpd (`apt install vsftpd`), or not root");
            return None;
        }
        // Where it has nothing to find; the distribution makes it when the service starts.
        std::fs::create_dir_all("/run/vsftpd/empty").expect("root may do that");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
        let config = format!(
            "listen=YES\nlisten_address=127.0.0.1\nlisten_port={port}\nbackground=NO\nanonymous_enable=YES\nlocal_enable=NO\n\
             no_anon_password=YES\nanon_root={}\nsecure_chroot_dir=/run/vsftpd/empty\nseccomp_sandbox=NO\n",
            root.display()
        );
        let config = sandbox.write("vsftpd.conf", config);
        let mut command = Command::new(program);
        command.arg(config).stdin(Stdio::null()).stdout(Stdio::null());
        let server = Self { process: command.spawn().expect("it is there"), port };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(20), "vsftpd does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(server)
    }

    /// A URL on it.
    pub fn at(&self, path: &str) -> String {
        format!("ftp://127.0.0.1:{}/{path}", self.port)
    }
}

impl Drop for Vsftpd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
