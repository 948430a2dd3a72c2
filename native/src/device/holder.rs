//! Another process that has the device open.
//!
//! The kernel detaches a device when the last one who has it open closes it. If that were the process that serves it, and it
//! died, the kernel would close files in any order, and might wait for what was written to the device to reach a server that
//! is gone. So the holder has it open: it reads a pipe, which ends when the server has died or has told it to end. In the
//! first case it removes what the server would have removed.

use std::fs::File;
use std::io::{PipeWriter, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::error::{Context as _, Result};

/// The name by which this program is called to be a holder.
pub const NAME: &str = "casync-device-holder";

/// The process.
#[derive(Debug)]
pub(super) struct Holder {
    child: Child,
    pipe: PipeWriter,
}

impl Holder {
    /// Starts one for an open device. `paths` are removed if this process dies.
    pub(super) fn start(device: Option<File>, paths: &[PathBuf]) -> Result<Self> {
        use std::os::unix::process::CommandExt as _;
        let (end, pipe) = std::io::pipe()?;
        let mut command = Command::new("/proc/self/exe");
        command.arg0(NAME).args(paths).stdin(end).stderr(Stdio::null());
        // Not in the way of those who signal the group.
        command.stdout(device.map_or_else(Stdio::null, Stdio::from)).process_group(0);
        let child = command.spawn().context(|| "start a process that holds the device")?;
        Ok(Self { child, pipe })
    }

    /// Ends it, and waits until it has closed the device.
    pub(super) fn finish(mut self) {
        let _ = self.pipe.write_all(b".");
        let _ = self.child.wait();
    }
}

/// Is a holder: waits for the end of standard input. The device is its standard output.
pub fn run(arguments: &[std::ffi::OsString]) {
    if std::io::stdin().read(&mut [0]).is_ok_and(|count| count > 0) {
        return;
    }
    for path in arguments.iter().skip(1) {
        let _ = std::fs::remove_file(path);
    }
}
