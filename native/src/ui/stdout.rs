//! Standard output as a descriptor of its own, on which waiting for a slow reader can be ended by a signal.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{self, Mode, OFlags};
use rustix::io::Errno;

use crate::flow::stop;
use crate::fs::blob::Kind;
use crate::sys;

/// Standard output, unbuffered.
#[derive(Debug)]
pub struct StandardOutput(OwnedFd);

impl StandardOutput {
    /// Duplicates the descriptor. A pipe is opened anew instead, so that it can be told not to wait without changing it for
    /// others who have it open.
    ///
    /// # Errors
    ///
    /// If it was closed when the program started, or there are no more descriptors.
    pub fn new() -> io::Result<Self> {
        let own = rustix::io::fcntl_dupfd_cloexec(sys::standard::output()?, 3)?;
        if Kind::of(&own).is_ok_and(|kind| kind == Kind::Pipe) {
            let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
            // Not possible for sockets, for pipes of other users, and for those without a reader.
            if let Ok(pipe) = fs::open("/proc/self/fd/1", flags, Mode::empty()) {
                return Ok(Self(pipe));
            }
        }
        Ok(Self(own))
    }

    /// Gives the descriptor away.
    pub fn into_fd(self) -> OwnedFd {
        self.0
    }
}

impl AsFd for StandardOutput {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Write for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match rustix::io::write(&self.0, bytes) {
                Err(Errno::AGAIN) => stop::wait_writable(&self.0).map_err(io::Error::other)?,
                written => return Ok(written?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
