//! OpenSSH's SFTP server, without the way to another host.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::sandbox::Sandbox;
use crate::skip::skip;

/// A stand-in for ssh that runs the server here, and writes down what it was called with.
#[derive(Debug)]
pub struct Sftp {
    /// What `CASYNC_SSH_PATH` is to be.
    pub ssh: PathBuf,
    log: PathBuf,
}

impl Sftp {
    /// The server itself.
    pub const PROGRAM: &'static str = "/usr/lib/openssh/sftp-server";

    /// Writes the stand-in; `None` has been told as a skip.
    pub fn in_sandbox(sandbox: &Sandbox) -> Option<Self> {
        if !Path::new(Self::PROGRAM).exists() {
            skip("no SFTP server (`apt install openssh-sftp-server`)");
            return None;
        }
        let log = sandbox.path("sftp.log");
        let script = format!("#!/bin/sh\necho \"$*\" >> {}\nexec {}\n", log.display(), Self::PROGRAM);
        let ssh = sandbox.write("sftp", script);
        fs::set_permissions(&ssh, Permissions::from_mode(0o755)).expect("it is this test's");
        Some(Self { ssh, log })
    }

    /// What it was called with so far, a line each.
    pub fn calls(&self) -> Vec<String> {
        fs::read_to_string(&self.log).unwrap_or_default().lines().map(str::to_owned).collect()
    }
}
