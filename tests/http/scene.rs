//! A tree and a blob, and what is made of them, in a directory for a web server.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use casync_tests::content::{Content, Kind};
use casync_tests::running::within;
use casync_tests::sandbox::{Outcome, Sandbox};
use casync_tests::tool::ours;

pub(crate) struct Scene {
    pub(crate) sandbox: Sandbox,
}

impl Scene {
    /// `tree` and `blob`; and in `www` the store `default.castr` with `tree.caidx`, `blob.caibx`, and `tree.catar`.
    pub(crate) fn new() -> Self {
        Self::by(&ours().to_path_buf())
    }

    /// The same, made by a certain program.
    pub(crate) fn by(program: &PathBuf) -> Self {
        let sandbox = Sandbox::new();
        let mut blob = Vec::new();
        Content::new(Kind::Program, 5).append(300_000, &mut blob);
        sandbox.write("blob", &blob);
        for (number, part) in blob.chunks(9_000).enumerate() {
            sandbox.write(format!("tree/{}/file{number:02}", number % 4), part);
        }
        fs::create_dir(sandbox.path("www")).expect("a new directory");
        for (made, of) in [("www/tree.caidx", "tree"), ("www/blob.caibx", "blob"), ("www/tree.catar", "tree")] {
            let arguments = ["make", "--chunk-size=4096", "--without=privileged", made, of];
            within(sandbox.command(program).args(arguments)).success();
        }
        Self { sandbox }
    }

    /// This program with little patience.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command(ours());
        command.args(arguments).env("CASYNC_HTTP_RETRIES", "3").env("CASYNC_HTTP_TIMEOUT", "1");
        command.env("NO_PROXY", "*");
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        within(&mut self.command(arguments))
    }

    /// Panics unless the extracted tree is right; removes it.
    #[track_caller]
    pub(crate) fn tree_is_right(&self, name: &str) {
        let (tree, made) = (self.sandbox.path("tree"), self.sandbox.path(name));
        within(Command::new("diff").arg("-r").args([&tree, &made])).success();
        fs::remove_dir_all(made).expect("a directory to remove");
    }

    /// Panics unless the extracted blob is right; removes it.
    #[track_caller]
    pub(crate) fn blob_is_right(&self, name: &str) {
        assert_eq!(self.sandbox.read(name), self.sandbox.read("blob"));
        fs::remove_file(self.sandbox.path(name)).expect("a file to remove");
    }

    /// Panics if there is more in the sandbox than there was, apart from these.
    #[track_caller]
    pub(crate) fn nothing_is_left(&self, but: &[&str]) {
        let left = self.sandbox.names("");
        let left: Vec<_> = left.iter().filter(|name| !["blob", "tree", "www"].contains(&name.as_str())).collect();
        assert!(left.iter().all(|name| but.contains(&name.as_str())), "{left:?}");
    }
}
