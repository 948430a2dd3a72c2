//! Runs of a program that end at a random moment.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use casync_tests::random::Rng;
use casync_tests::sandbox::{Sandbox, outcome};
use casync_tests::tool::ours;

/// How long a command takes, at least one of several times.
pub(crate) fn duration(sandbox: &Sandbox, arguments: &[&str], reset: impl Fn()) -> Duration {
    let run = || {
        reset();
        let start = Instant::now();
        sandbox.casync(arguments).success();
        start.elapsed()
    };
    (0..3).map(|_| run()).min().expect("three runs")
}

/// Starts the command, and kills it somewhere in the time that it takes. True if it came too late for that.
pub(crate) fn kill(sandbox: &Sandbox, arguments: &[&str], duration: Duration, rng: &mut Rng) -> bool {
    let mut child = spawn(sandbox.command(ours()).args(arguments));
    // The moment is what is random here; nothing waits for anything.
    std::thread::sleep(duration.mul_f64(rng.below(1000) as f64 / 900.0));
    let _ = child.kill();
    let status = child.wait().expect("it ends");
    assert!(status.code().is_none_or(|code| code == 0), "{status}");
    status.success()
}

fn spawn(command: &mut Command) -> std::process::Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts")
}

/// Names of temporary files, anywhere below the sandbox's directory.
pub(crate) fn left_over(sandbox: &Sandbox, directory: &str) -> Vec<String> {
    let mut find = sandbox.command("find");
    let found = outcome(find.args([directory, "-name", ".#*", "-o", "-name", "*.tmp"])).success();
    String::from_utf8(found).unwrap().lines().map(str::to_owned).collect()
}
