//! Something to send, a place for it, and a stand-in for ssh.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use casync_tests::running::Running;
use casync_tests::sandbox::{Outcome, Sandbox};
use casync_tests::{input, store, tool};

/// What archives hold: all that a test needs no privileges for.
pub(crate) const OPTIONS: [&str; 2] = ["--with=unix", "--chunk-size=1024:4096:16384"];

/// A directory with `tree`, `blob`, an empty `srv`, and `ssh`, which runs its arguments by a shell and writes them to a log.
pub(crate) struct Scene {
    pub(crate) sandbox: Sandbox,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let sandbox = Sandbox::new();
        sandbox.write("tree/noise", input::prng("noise", 150_000));
        sandbox.write("tree/sub/text", input::text(60_000));
        sandbox.write("tree/sub/dir with space/zeros", vec![0; 40_000]);
        sandbox.write("tree/sub/empty", b"");
        symlink("noise", sandbox.path("tree/link")).unwrap();
        sandbox.write("blob", [input::prng("blob", 120_000), input::text(50_000)].concat());
        fs::create_dir(sandbox.path("srv")).unwrap();
        let scene = Self { sandbox };
        scene.script("ssh", "echo \"ssh $*\" >> ssh.log\nshift\nexec sh -c \"exec $*\"\n");
        scene
    }

    /// Writes a program.
    pub(crate) fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.sandbox.write(name, format!("#!/bin/sh\n{text}"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// A client that reaches this server by the stand-in.
    pub(crate) fn command(&self, client: &Path, server: &Path, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command(client);
        command.args(OPTIONS).args(arguments);
        command.env("CASYNC_SSH_PATH", self.sandbox.path("ssh")).env("CASYNC_REMOTE_PATH", server);
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, client: &Path, server: &Path, arguments: &[&str]) -> Outcome {
        Running::start(&mut self.command(client, server, arguments)).finish()
    }

    /// Runs this program with itself as server.
    pub(crate) fn ours(&self, arguments: &[&str]) -> Outcome {
        self.run(tool::ours(), tool::ours(), arguments)
    }

    /// What the stand-in was called with.
    pub(crate) fn log(&self) -> Vec<String> {
        let log = fs::read_to_string(self.sandbox.path("ssh.log")).unwrap_or_default();
        log.lines().map(|line| line.replace(&tool::ours().display().to_string(), "casync")).collect()
    }

    /// Forgets that.
    pub(crate) fn clear_log(&self) {
        let _ = fs::remove_file(self.sandbox.path("ssh.log"));
    }

    /// Removes a file or directory.
    pub(crate) fn remove(&self, name: &str) {
        let path = self.sandbox.path(name);
        let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    }

    /// An empty `srv`.
    pub(crate) fn empty(&self) {
        self.remove("srv");
        fs::create_dir(self.sandbox.path("srv")).unwrap();
    }

    /// What this program makes of `input` without any network, with chunks in `local`.
    pub(crate) fn made(&self, name: &str, input: &str) -> Vec<u8> {
        let made = self.ours(&["--store=local", "make", name, input]);
        made.success();
        self.sandbox.read(name)
    }

    /// Ids of the chunks in a store.
    pub(crate) fn chunks(&self, store: &str) -> BTreeSet<String> {
        store::files(&self.sandbox.path(store)).into_keys().collect()
    }

    /// The digest of a directory.
    pub(crate) fn digest(&self, directory: &str) -> String {
        let digest = self.ours(&["digest", directory]);
        String::from_utf8(digest.success()).unwrap()
    }
}
