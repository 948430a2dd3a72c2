//! Sockets that a service manager hands over (`sd_listen_fds(3)`).

use std::os::fd::{FromRawFd as _, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// The first of them.
const FIRST: RawFd = 3;

/// The sockets that were handed over to this process; once.
pub(crate) fn listening() -> Vec<OwnedFd> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let for_us = number("LISTEN_PID") == Some(std::process::id());
    if !for_us || TAKEN.swap(true, Ordering::AcqRel) {
        return Vec::new();
    }
    let count = RawFd::try_from(number("LISTEN_FDS").unwrap_or(0)).unwrap_or(0).min(64);
    (FIRST..FIRST + count)
        .map(|fd| {
            // SAFETY: the manager's protocol says that these descriptors are open and this process's to own, and
            // `TAKEN` that nobody has got them before.
            let fd = unsafe { OwnedFd::from_raw_fd(fd) };
            let _ = rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC);
            fd
        })
        .collect()
}
