//! The wish of a person to stop: INT, TERM and HUP, noticed between pieces of work and while waiting for a pipe.

use std::io::PipeReader;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};

use crate::error::{Cause, Result};
use crate::sys::Reserve;

static STOP: OnceLock<Stop> = OnceLock::new();

struct Stop {
    wanted: Arc<AtomicBool>,
    /// Can be read once a signal has come: what waits would not see the flag, as system calls go on after the handler.
    wakes: PipeReader,
}

/// From now on INT, TERM and HUP make pipelines stop cleanly, and a file that gets too large is an error like others.
///
/// # Errors
///
/// If the handlers cannot be installed.
pub fn stop_on_signals() -> Result<()> {
    let (wakes, wake) = std::io::pipe()?;
    let stop = STOP.get_or_init(|| Stop { wanted: Arc::default(), wakes });
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop.wanted))?;
        signal_hook::low_level::pipe::register(signal, wake.try_clone()?)?;
    }
    // Nobody looks at this flag: with a handler writing fails instead of ending the process.
    signal_hook::flag::register(SIGXFSZ, Arc::default())?;
    Ok(())
}

/// Fails once somebody wants to stop, or memory has come to its end.
pub(crate) fn check() -> Result<()> {
    Reserve::check()?;
    match STOP.get() {
        Some(stop) if stop.wanted.load(Ordering::Relaxed) => Err(Cause::Interrupted.into()),
        _ => Ok(()),
    }
}

/// What can be read once somebody wants to stop, for those who wait in their own way; `None` if nobody can tell.
pub(crate) fn wakes() -> Option<&'static PipeReader> {
    STOP.get().map(|stop| &stop.wakes)
}

/// Waits until a pipe can be read, or has ended.
///
/// # Errors
///
/// Once somebody wants to stop.
pub(crate) fn wait_readable(pipe: impl AsFd) -> Result<()> {
    wait(pipe, PollFlags::IN)
}

/// Waits until a pipe takes more, or nobody reads it any longer.
///
/// # Errors
///
/// Once somebody wants to stop.
pub(crate) fn wait_writable(pipe: impl AsFd) -> Result<()> {
    wait(pipe, PollFlags::OUT)
}

fn wait(pipe: impl AsFd, until: PollFlags) -> Result<()> {
    loop {
        check()?;
        let stop = STOP.get();
        let own = PollFd::new(&pipe, until);
        let mut waits = match stop {
            Some(stop) => vec![own, PollFd::new(&stop.wakes, PollFlags::IN)],
            None => vec![own],
        };
        match poll(&mut waits, None) {
            Ok(_) if waits[0].revents().is_empty() => {}
            Ok(_) => return check(),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}
