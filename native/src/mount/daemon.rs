//! A mount in the background.
//!
//! The program starts itself anew, before there are threads, and waits until the other one has mounted or has failed: so
//! errors and exit status are those of a mount in the foreground. The other one's standard output is a pipe; when it is
//! ready it closes that, and from then on its messages go to the system's log.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::process::{Command, ExitStatus, Stdio};

use rustix::io::Errno;
use rustix::stdio::{dup2_stderr, dup2_stdout};

use crate::error::{Context as _, Error, Result};
use crate::ui::log;

/// Set for the process in the background.
const MARK: &str = "CASYNC_IN_BACKGROUND";

/// Whether this process is the one in the background.
pub fn is_background() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Starts this program anew in the background and waits until it is ready; returns what it printed until then.
///
/// # Errors
///
/// If it cannot be started. If it fails, it has said why: `Ok` has its exit status.
pub fn start(arguments: impl IntoIterator<Item = OsString>) -> Result<Started> {
    let mut command = Command::new("/proc/self/exe");
    command.args(arguments).env(MARK, "1").stdout(Stdio::piped());
    let mut child = command.spawn().context(|| "start a process for the background")?;
    let mut text = Vec::new();
    if let Some(mut output) = child.stdout.take() {
        output.read_to_end(&mut text)?;
    }
    // It closes its output when it is ready, or ends.
    if text.is_empty() { child.wait().map(Started::Failed).map_err(Error::from) } else { Ok(Started::Ready(text)) }
}

/// What came of a start.
#[derive(Debug)]
pub enum Started {
    /// It is ready, and has printed this.
    Ready(Vec<u8>),
    /// It has ended with this status.
    Failed(ExitStatus),
}

/// In the background: makes a session of its own.
pub fn begin() {
    // Fails for who leads a group, and then is not needed.
    let _ = rustix::process::setsid();
}

/// In the background, once all is ready: says so with `text`, and lets go of the caller.
///
/// # Errors
///
/// If the caller is gone, or `/dev/null` cannot be opened.
pub fn ready(text: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).map_err(|_| Error::from(Errno::PIPE))?;
    let null = std::fs::File::options().read(true).write(true).open("/dev/null").context(|| "open \"/dev/null\"")?;
    log::to_system();
    dup2_stdout(&null).context(|| "close standard output")?;
    dup2_stderr(&null).context(|| "close standard error")
}
