//! The process at the other end: ssh, or a helper for a scheme.

use std::fmt;
use std::io::{BufRead as _, BufReader};
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::{self, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::error::{Context as _, Error, Result};

/// A process; ended when this is dropped.
pub(in crate::remote) struct Child {
    process: Mutex<process::Child>,
    name: String,
}

/// What becomes of what a process says on its standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::remote) enum Complaints {
    /// It is shown.
    Shown,
    /// So it is, but for the words in which upstream says that the session has ended early.
    NotAboutTheEnd,
}

impl Child {
    /// Starts a process; returns its output and its input.
    pub(in crate::remote) fn start(
        mut command: Command,
        name: String,
        complaints: Complaints,
    ) -> Result<(Self, (OwnedFd, OwnedFd))> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        if complaints == Complaints::NotAboutTheEnd {
            command.stderr(Stdio::piped());
        }
        let program = command.get_program().to_string_lossy().into_owned();
        let started = command.spawn().map_err(|error| {
            let error = Error::from(error).titled(format_args!("Failed to execute {program}"));
            error.hint("CASYNC_SSH_PATH and CASYNC_PROTOCOL_PATH say where ssh and helpers for URLs are")
        });
        let mut process = started?;
        let pipe = || Error::new(Errno::PIPE, "no pipe");
        let output = OwnedFd::from(process.stdout.take().ok_or_else(pipe)?);
        let input = OwnedFd::from(process.stdin.take().ok_or_else(pipe)?);
        // Only these ends: those of the process block, which is what programs expect.
        for end in [&output, &input] {
            fcntl_setfl(end, fcntl_getfl(end)? | OFlags::NONBLOCK)?;
        }
        if let Some(errors) = process.stderr.take() {
            let copy = move || {
                let mut dropped = false;
                for line in BufReader::new(errors).lines().map_while(Result::ok) {
                    let detail = line.starts_with("  ") && dropped;
                    dropped = detail || line == "Failed to process remote: Broken pipe";
                    if !dropped {
                        eprintln!("{line}");
                    }
                }
            };
            std::thread::Builder::new().spawn(copy).context(|| "start a thread")?;
        }
        Ok((Self { process: Mutex::new(process), name }, (output, input)))
    }

    /// Waits for it to end; one that takes too long is ended.
    pub(in crate::remote) fn finish(&self, most: Duration) -> Option<ExitStatus> {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(Some(status)) = process.try_wait() {
            return Some(status);
        }
        let pid = i32::try_from(process.id()).ok().and_then(Pid::from_raw)?;
        // Kernels before 5.3 have no such descriptors; then it gets no time.
        let ends = pidfd_open(pid, PidfdFlags::empty()).is_ok_and(|pidfd| {
            let deadline = Instant::now() + most;
            loop {
                let rest = deadline.saturating_duration_since(Instant::now());
                let timeout = Timespec { tv_sec: rest.as_secs() as i64, tv_nsec: rest.subsec_nanos().into() };
                match poll(&mut [PollFd::new(&pidfd.as_fd(), PollFlags::IN)], Some(&timeout)) {
                    Err(Errno::INTR) if !rest.is_zero() => {}
                    polled => return polled.is_ok_and(|count| count > 0),
                }
            }
        });
        if !ends {
            let _ = process.kill();
        }
        process.wait().ok()
    }

    /// An error of its session, with what is known of its end.
    pub(in crate::remote) fn explain(&self, error: Error) -> Error {
        /// Time that a process has to end once its pipe has.
        const SOON: Duration = Duration::from_secs(2);
        match error.errno() {
            Errno::PIPE => {}
            // Nothing more is to be expected of it.
            Errno::TIMEDOUT => {
                self.finish(Duration::ZERO);
                return error;
            }
            _ => return error,
        }
        match self.finish(SOON) {
            Some(status) if !status.success() => error.context(format!("{} ended with {status}", self.name)),
            _ => error,
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Its pipes are closed, or are about to be: it has no reason to stay.
        self.finish(Duration::from_secs(5));
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child").field("name", &self.name).finish_non_exhaustive()
    }
}
