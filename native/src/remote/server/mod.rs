//! The ends of sessions that are started by somebody else, on whose pipes they talk: `casync pull`, `casync push`, and
//! `casync-http` and its like (spec: remote.md 2, 6, 7).

mod pull;
mod push;

use std::fmt::Debug;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use casync_core::Limits;
use casync_core::session::{Services, Session};
use rustix::io::Errno;

use super::RemoteFile;
use super::session::wire::{Inbox, Wire};
use crate::error::{Context as _, Error, Result};

pub use pull::{PullService, pull};
pub use push::{PushService, push};

/// Where an index or archive is read from.
#[derive(Debug)]
pub enum Source {
    /// A file on this host.
    File(File, PathBuf),
    /// One on another host.
    Remote(Arc<dyn RemoteFile>),
}

impl Source {
    /// A file on this host.
    ///
    /// # Errors
    ///
    /// If it cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).context(|| format!("open {path:?}"))?;
        Ok(Self::File(file, path.to_owned()))
    }

    fn read(self, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        match self {
            // compat: this number is what upstream's helpers say of what is not there.
            Self::Remote(file) => file.read(take).map_err(|error| match error {
                error if error.is_not_found() => Error::new(Errno::NOMEDIUM, told(&error)),
                error => error,
            }),
            Self::File(mut file, path) => {
                let mut buffer = vec![0; 64 << 10];
                loop {
                    match file.read(&mut buffer).context(|| format!("read {path:?}"))? {
                        0 => return Ok(()),
                        count => take(&buffer[..count])?,
                    }
                }
            }
        }
    }
}

/// The pipes of this process.
///
/// # Errors
///
/// If it has none.
pub fn standard_pipes() -> Result<(OwnedFd, OwnedFd)> {
    let input = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3).context(|| "open standard input")?;
    let output = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3).context(|| "open standard output")?;
    Ok((input, output))
}

/// Tells the other side, which has not said anything yet, why nothing comes of it; returns the error.
pub(crate) fn refuse(error: Error) -> Error {
    use std::io::Write as _;
    // An ABORT may come in the place of HELLO.
    if let Ok(mut session) = Session::new(Services::READABLE_STORE, &Limits::default()) {
        let hello = session.outgoing().len();
        session.abort(error.errno().raw_os_error().unsigned_abs(), &told(&error));
        let _ = std::io::stdout().write_all(&session.outgoing()[hello..]);
        let _ = std::io::stdout().flush();
    }
    error
}

/// Ends a session: an error is told to the other side before it is returned.
fn end<I: Inbox>(wire: &Wire<I>, result: Result<()>) -> Result<()> {
    /// Time that the other side has to read what was said last.
    const LAST: Duration = Duration::from_secs(10);
    if let Err(error) = &result {
        let errno = error.errno();
        // Whoever has left does not hear it.
        if errno != Errno::INTR {
            wire.act(|state| state.session.abort(errno.raw_os_error().unsigned_abs(), &told(error)));
        }
    }
    wire.close();
    wire.flush(LAST);
    result.map_err(|error| error.titled("Failed to process remote"))
}

/// What the other side is told of an error.
fn told(error: &Error) -> String {
    let text = error.to_string();
    let errno = error.errno_text();
    if text.is_empty() { errno } else { text }
}
