//! Programs under way: none runs longer than a test can wait, and tests can do things to them meanwhile.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::sandbox::Outcome;

/// How long a program may run: far more than any test needs, even on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(60);

/// A program that has been started.
#[derive(Debug)]
pub struct Running {
    what: String,
    pid: Pid,
    started: Instant,
    outcome: Receiver<Outcome>,
}

impl Running {
    /// Starts a program in a process group of its own; what it prints is collected unless `streams` has taken it.
    pub fn start(command: &mut Command) -> Self {
        Self::start_with(command, |_| ())
    }

    /// The same; `streams` may set up standard streams otherwise than collected.
    pub fn start_with(command: &mut Command, streams: impl FnOnce(&mut Command)) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        streams(command);
        let what = format!("{command:?}");
        let child = command.spawn().unwrap_or_else(|error| panic!("{what}: {error}"));
        let pid = Pid::from_child(&child);
        let (sender, outcome) = mpsc::channel();
        std::thread::spawn(move || {
            let output = child.wait_with_output().expect("a child can be waited for");
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            // Nobody listens any more if the test has failed.
            let _ = sender.send(Outcome { status: output.status.code(), stdout: output.stdout, stderr });
        });
        Self { what, pid, started: Instant::now(), outcome }
    }

    /// Waits for its end; panics and kills it if that takes too long.
    #[track_caller]
    pub fn finish(self) -> Outcome {
        let left = LIMIT.saturating_sub(self.started.elapsed());
        self.outcome.recv_timeout(left).unwrap_or_else(|_| self.give_up("end"))
    }

    /// Ends it at once, however long it has run.
    pub fn kill(self) {
        self.signal(Signal::KILL);
        // Whoever kills it does not want to know how it ended.
        let _ = self.outcome.recv_timeout(LIMIT);
    }

    /// Waits until something has happened; panics and kills the program if it ends or takes too long before that.
    #[track_caller]
    pub fn until(&self, what: &str, mut happened: impl FnMut() -> bool) {
        while !happened() {
            if let Ok(outcome) = self.outcome.recv_timeout(Duration::from_millis(1)) {
                assert!(happened(), "{} ended before {what}: {outcome:?}", self.what);
                panic!("{} ended at the moment of: {what}", self.what);
            }
            if self.started.elapsed() > LIMIT {
                self.give_up(what);
            }
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap_or_else(|error| panic!("{}: {error}", self.what));
    }

    /// Stops it where it is; `Signal::CONT` lets it go on.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
        let stat = format!("/proc/{}/stat", self.pid.as_raw_nonzero());
        self.until("a stop", || std::fs::read_to_string(&stat).is_ok_and(|text| text.contains(") T ")));
    }

    /// Bytes that it has read in all; 0 once it is gone.
    pub fn has_read(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/io", self.pid.as_raw_nonzero())).unwrap_or_default();
        text.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse().ok()).unwrap_or(0)
    }

    /// Its process id.
    pub const fn pid(&self) -> Pid {
        self.pid
    }

    /// The largest number of bytes that it has had in memory so far.
    pub fn peak(&self) -> u64 {
        let path = format!("/proc/{}/status", self.pid.as_raw_nonzero());
        let text = std::fs::read_to_string(path).expect("it runs");
        let kib = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        kib.and_then(|kib| kib.trim().parse::<u64>().ok()).expect("Linux tells") << 10
    }

    #[track_caller]
    fn give_up(&self, what: &str) -> ! {
        let _ = kill_process_group(self.pid, Signal::KILL);
        let outcome = self.outcome.recv();
        panic!("{} did not come to {what} within {LIMIT:?}: {outcome:?}", self.what);
    }
}

/// Runs a program to its end, within the limit.
#[track_caller]
pub fn within(command: &mut Command) -> Outcome {
    Running::start(command).finish()
}
