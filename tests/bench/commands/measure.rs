//! One measured run.
//!
//! Programs are not started by the benchmark itself but by a fresh copy of it that does nothing else. The kernel counts
//! a program's peak memory from what its parent had at the time of the fork; the copy has next to nothing. And it has
//! had this one child only, so that what all its children used is what the program used, helpers of the program included.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use casync_tests::sandbox::outcome;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

use crate::lab::{Lab, Tool};
use crate::rows::Row;

/// First argument of the copy; the file for figures, the program and its arguments follow.
const LAUNCH: &str = "--launch";

/// What one run took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// Seconds from start to end.
    pub(crate) wall: f64,
    /// Seconds of all cores, in the program and in the kernel for it.
    pub(crate) cpu: f64,
    /// Most memory at a time, in MiB; of the largest process if there were several.
    pub(crate) peak: f64,
}

/// Runs a row's command. What it prints goes to a file, or nowhere.
pub(crate) fn run(lab: &Lab, tool: Tool, row: &Row, stdout: Option<&Path>) -> Run {
    let (program, args) = lab.command(tool, row);
    let directory = lab.directory(tool);
    let figures = directory.with_extension("figures");
    let stdout = stdout.unwrap_or_else(|| Path::new("/dev/null"));
    let open = File::create(stdout).unwrap_or_else(|error| panic!("{}: {error}", stdout.display()));
    let copy = std::env::current_exe().expect("this program has a path");
    let mut command = lab.program(&copy, &directory);
    command.arg(LAUNCH).args([&figures, program]).args(args).stdout(open);
    let ended = outcome(command.stderr(Stdio::piped()));
    lab.expect_success(ended, program, args);
    let text = fs::read_to_string(&figures).expect("the figures of a run");
    let numbers: Vec<f64> = text.split(' ').map(|number| number.parse().expect("a number")).collect();
    let &[wall, cpu, peak] = &numbers[..] else { panic!("figures of a run: {text}") };
    Run { wall, cpu, peak }
}

/// If this process is such a copy: does its work, and says how it ends.
pub(crate) fn launched() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1).skip_while(|argument| argument == "--bench");
    arguments.next().filter(|argument| argument == LAUNCH)?;
    Some(launch(arguments))
}

fn launch(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let figures = arguments.next().expect("a file for figures");
    let mut command = Command::new(arguments.next().expect("a program"));
    command.args(arguments);
    let started = Instant::now();
    let status = match command.status() {
        Ok(status) => status,
        Err(error) => {
            eprintln!("{command:?}: {error}");
            return ExitCode::FAILURE;
        }
    };
    let wall = started.elapsed().as_secs_f64();
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).expect("what children used can always be asked");
    let cpu = (used.user_time() + used.system_time()).num_microseconds() as f64 / 1e6;
    // The kernel counts in KiB.
    let peak = used.max_rss() as f64 / 1024.0;
    fs::write(figures, format!("{wall} {cpu} {peak}")).expect("a file for figures");
    if status.success() {
        return ExitCode::SUCCESS;
    }
    eprintln!("{status}");
    ExitCode::FAILURE
}
