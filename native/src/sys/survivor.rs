//! Another process of this program, which cleans up if this one dies.
//!
//! It reads a pipe: if that ends, the process at the other end has died. After a clean end it is told so, and there is nothing
//! left to do.

use std::io::{self, PipeWriter, Read as _, Write as _};
use std::process::{Command, Stdio};

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
    !io::stdin().read(&mut [0]).is_ok_and(|count| count > 0)
}
