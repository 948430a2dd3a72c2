//! Takes a mount away if the process that serves it dies: else every access to it would be an error until somebody
//! unmounts it by hand.
//!
//! The guard is a survivor (`sys::survivor`). After a clean end it touches nothing: something else may be mounted there by
//! then.

use std::io::PipeWriter;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::mount::UnmountFlags;

use crate::sys;

/// The name by which this program is called to be a guard.
pub const NAME: &str = "casync-mount-guard";

/// Starts a guard for what is mounted at `path`, which has this device number. `remove`: the mount point goes as well.
pub(super) fn start(path: &Path, device: u64, remove: bool) -> Option<PipeWriter> {
    let (mut command, pipe) = sys::survivor(NAME).ok()?;
    command.arg(path).arg(shown(device)).args(remove.then_some("remove"));
    // Without a guard all else works.
    command.spawn().ok().map(|_| pipe)
}

/// A device number as the mount table has it.
pub(super) fn shown(device: u64) -> String {
    format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device))
}

/// Is a guard: waits for the end of standard input, and unmounts.
pub fn run(arguments: &[std::ffi::OsString]) {
    let [_, path, device, rest @ ..] = arguments else { return };
    if !sys::has_died() {
        return;
    }
    let path = Path::new(path);
    unmount(path, device.to_str(), true);
    if !rest.is_empty() {
        let _ = std::fs::remove_dir(path);
    }
}

/// Unmounts what is on top at `path`, if it has the device number, at once or as soon as nobody uses it any more. `end`: ends the
/// connection, if somebody uses it; requests that have no answer yet get an error then, which is what comes of them in any case.
pub(super) fn unmount(path: &Path, device: Option<&str>, end: bool) {
    let Some(top) = top(path) else { return };
    if device.is_some_and(|device| device != top) {
        return;
    }
    if rustix::mount::unmount(path, UnmountFlags::NOFOLLOW).is_ok() {
        return;
    }
    if end {
        // A thread of the server may wait for the answer to one, and nobody answers any more, or in a moment (`super::pages`).
        let _ = rustix::mount::unmount(path, UnmountFlags::FORCE | UnmountFlags::NOFOLLOW);
    }
    if rustix::mount::unmount(path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW).is_err() {
        let mut helper = Command::new("fusermount3");
        let _ = helper.args(["-u", "-z", "-q", "--"]).arg(path).stderr(Stdio::null()).status();
    }
}

/// The device number of the casync mount that is on top at a path; `None` if there is none.
fn top(path: &Path) -> Option<String> {
    use std::os::unix::ffi::OsStrExt as _;
    let table = std::fs::read("/proc/self/mountinfo").ok()?;
    let escaped: Vec<u8> = path.as_os_str().as_bytes().iter().flat_map(|&byte| escape(byte)).collect();
    let lines = table.split(|&byte| byte == b'\n').rev();
    let mut fields = lines.map(|line| line.split(|&byte| byte == b' ').collect::<Vec<_>>());
    let line = fields.find(|fields| fields.get(4).is_some_and(|point| *point == escaped))?;
    let of_casync = line.windows(2).any(|pair| pair[0] == b"-" && pair[1] == b"fuse.casync");
    of_casync.then(|| String::from_utf8_lossy(line[2]).into_owned())
}

/// A byte of a path as the mount table has it.
fn escape(byte: u8) -> Vec<u8> {
    match byte {
        b' ' | b'\t' | b'\n' | b'\\' => format!("\\{byte:03o}").into_bytes(),
        _ => vec![byte],
    }
}
