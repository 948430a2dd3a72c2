//! Another process of this program, which cleans up if this one dies.
//!
//! It reads a pipe: if that ends, the process at the other end has died. After a clean end it is told so, and there is nothing
//! left to do. A process that is killed keeps its files open for as long as one of its threads is in the kernel, which may be for
//! ever if that waits for an answer of this very process; so the end of its main thread tells, too.

use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal};

/// A command that runs this program under the name of a survivor, and the pipe that tells it how this process ends.
///
/// # Errors
///
/// If there can be no pipe.
pub(crate) fn survivor(name: &str) -> io::Result<(Command, PipeWriter)> {
    use std::os::unix::process::CommandExt as _;
    let (end, pipe) = io::pipe()?;
    let mut command = Command::new("/proc/self/exe");
    command.arg0(name).stdin(end);
    // Not in the way of those who wait for the output, or signal the group.
    command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    Ok((command, pipe))
}

/// Tells the survivor that there is nothing to do.
pub(crate) fn dismiss(mut pipe: PipeWriter) {
    let _ = pipe.write_all(b".");
}

/// As a survivor, waits for the end of the other process: whether it ended without a word.
pub(crate) fn has_died() -> bool {
    let parent = rustix::process::getppid();
    let signals = end_of_thread().ok();
    loop {
        let mut polled = vec![PollFd::from_borrowed_fd(rustix::stdio::stdin(), PollFlags::IN)];
        polled.extend(signals.as_ref().map(|signals| PollFd::new(signals, PollFlags::IN)));
        if poll(&mut polled, None).is_err() {
            continue;
        }
        let is_told = |number: usize| polled.get(number).is_some_and(|fd: &PollFd<'_>| !fd.revents().is_empty());
        if is_told(0) {
            return !io::stdin().read(&mut [0]).is_ok_and(|count| count > 0);
        }
        if is_told(1) {
            let _ = signals.as_ref().map(|mut signals| signals.read(&mut [0; 64]));
            if parent.is_some_and(has_no_main_thread) {
                return true;
            }
        }
    }
}

/// Becomes readable when a thread of the other process has ended: the one that started this process.
fn end_of_thread() -> io::Result<PipeReader> {
    let (reader, writer) = io::pipe()?;
    signal_hook::low_level::pipe::register(signal_hook::consts::SIGUSR1, writer)?;
    rustix::process::set_parent_process_death_signal(Some(Signal::USR1))?;
    Ok(reader)
}

/// Whether a process has died, or all but some threads that are still in the kernel.
fn has_no_main_thread(pid: Pid) -> bool {
    /// The signal comes a little before the thread is gone.
    const TRIES: u32 = 50;
    (0..TRIES).any(|_| {
        let stat = std::fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
        let after_name = stat.iter().rposition(|&byte| byte == b')').map_or(stat.len(), |at| at + 2);
        let has_ended = matches!(stat.get(after_name), None | Some(b'Z' | b'X'));
        if !has_ended {
            std::thread::sleep(Duration::from_millis(20));
        }
        has_ended
    })
}
