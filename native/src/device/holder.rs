//! Another process that has the device open.
//!
//! The kernel detaches a device when the last one who has it open closes it. If that were the process that serves it, and it
//! died, the kernel would close files in any order, and might wait for what was written to the device to reach a server that
//! is gone. So the holder has it open, which is a survivor (`sys::survivor`): when the server has died it removes what the
//! server would have removed.

use std::fs::File;
use std::io::PipeWriter;
use std::path::PathBuf;
use std::process::Child;

use crate::error::{Context as _, Result};
use crate::sys;

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
        let (mut command, pipe) = sys::survivor(NAME)?;
        command.args(paths);
        if let Some(device) = device {
            command.stdout(device);
        }
        let child = command.spawn().context(|| "start a process that holds the device")?;
        Ok(Self { child, pipe })
    }

    /// Ends it, and waits until it has closed the device.
    pub(super) fn finish(self) {
        let Self { mut child, pipe } = self;
        sys::dismiss(pipe);
        let _ = child.wait();
    }
}

/// Is a holder: waits for the end of standard input. The device is its standard output.
pub fn run(arguments: &[std::ffi::OsString]) {
    if !sys::has_died() {
        return;
    }
    for path in arguments.iter().skip(1) {
        let _ = std::fs::remove_file(path);
    }
}
