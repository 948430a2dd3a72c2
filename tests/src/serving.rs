//! `casync serve` under way.

use std::ffi::OsStr;
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;

use rustix::process::Signal;

use crate::running::Running;
use crate::sandbox::{Outcome, Sandbox};
use crate::tool::ours;

/// A server, which is killed when this is dropped.
#[derive(Debug)]
pub struct Serving {
    running: Option<Running>,
    log: PathBuf,
    /// `http://127.0.0.1:PORT`, or `https://`.
    pub url: String,
}

impl Serving {
    /// Starts `casync serve` in a sandbox with these arguments on a free port of this host, and waits until it listens. Its
    /// messages go to the file `serve.log`.
    pub fn start<A: AsRef<OsStr>>(sandbox: &Sandbox, args: impl IntoIterator<Item = A>) -> Self {
        Self::start_with(sandbox, args, [])
    }

    /// The same with more in its environment.
    pub fn start_with<A: AsRef<OsStr>>(
        sandbox: &Sandbox,
        args: impl IntoIterator<Item = A>,
        environment: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Self {
        let log = sandbox.path("serve.log");
        let stderr = File::create(&log).expect("a file in the sandbox");
        let mut command = sandbox.command(ours());
        command.arg("serve").arg("--listen=127.0.0.1:0").args(args).envs(environment);
        let running = Running::start_with(&mut command, |command| {
            command.stderr(stderr);
        });
        let mut url = String::new();
        running.until("a socket that listens", || {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("Listening on "));
            url = line.unwrap_or_default().trim_end_matches('/').to_owned();
            text.ends_with('\n') && !url.is_empty()
        });
        Self { running: Some(running), log, url }
    }

    /// The address to connect to.
    pub fn address(&self) -> SocketAddr {
        let (_, address) = self.url.split_once("://").expect("a URL");
        address.parse().expect("numbers")
    }

    /// A URL on it.
    pub fn at(&self, path: &str) -> String {
        format!("{}/{path}", self.url)
    }

    /// The program.
    pub fn running(&self) -> &Running {
        self.running.as_ref().expect("it runs until it is stopped")
    }

    /// What it has said so far.
    pub fn messages(&self) -> String {
        std::fs::read_to_string(&self.log).expect("its log")
    }

    /// Asks it to end, and waits for that.
    pub fn stop(self) -> Outcome {
        self.running().signal(Signal::TERM);
        self.finish()
    }

    /// Waits for its end.
    pub fn finish(mut self) -> Outcome {
        self.running.take().expect("it runs until it is stopped").finish()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.kill();
        }
    }
}
