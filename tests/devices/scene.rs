//! Devices that are gone after the test.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use casync_tests::image;
use casync_tests::random::Rng;
use casync_tests::running::{LIMIT, Running};
use casync_tests::sandbox::{Outcome, Sandbox};
use casync_tests::skip::skip;
use casync_tests::tool;
use rustix::process::Signal;

/// A device, and the program that serves it.
pub(crate) struct Device {
    running: Option<Running>,
    name: String,
}

/// Whether this machine can attach loop devices; says so if not.
pub(crate) fn possible() -> bool {
    let can = casync_tests::mount::is_root()
        && ["/dev/fuse", "/dev/loop-control"].iter().all(|path| Path::new(path).exists());
    if !can {
        skip("loop devices over images take root, /dev/fuse and /dev/loop-control");
    }
    can
}

/// Bytes of the image: no multiple of a sector.
const SIZE: usize = (3 << 20) + 77;

/// Data with a run of zeros in it.
pub(crate) fn image() -> Vec<u8> {
    let mut image = Rng::new(11).bytes(SIZE);
    image[1 << 20..2 << 20].fill(0);
    image
}

/// The image as a device has it.
pub(crate) fn padded() -> Vec<u8> {
    image::padded(image())
}

/// A sandbox with `disk.img`, `disk.caibx` and its store.
pub(crate) fn sandbox() -> Sandbox {
    image::sandbox(image())
}

/// Waits until something has happened.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    let started = Instant::now();
    while !happened() {
        assert!(started.elapsed() < LIMIT, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether there is anything behind a loop device.
pub(crate) fn is_attached(device: &str) -> bool {
    let name = device.strip_prefix("/dev/").expect("a device");
    Path::new("/sys/block").join(name).join("loop/backing_file").exists()
}

impl Device {
    /// Attaches a loop device: `casync mkdev --driver=loop ARGUMENTS`.
    #[track_caller]
    pub(crate) fn new(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let mut command = sandbox.command(tool::ours());
        command.args(["mkdev", "--driver=loop"]).args(arguments);
        Self::start(sandbox, &mut command)
    }

    /// Runs a command that attaches a device.
    #[track_caller]
    pub(crate) fn start(sandbox: &Sandbox, command: &mut Command) -> Self {
        let printed = sandbox.path("printed");
        let output = File::create(&printed).unwrap();
        let running = Running::start_with(command, |command| {
            command.stdout(output);
        });
        running.until("a device", || std::fs::read(&printed).unwrap().ends_with(b"\n"));
        let text = std::fs::read_to_string(&printed).unwrap();
        let name = text.trim_end().strip_prefix("Attached: ").expect("a name").to_owned();
        Self { running: Some(running), name }
    }

    /// What it is called: what the program has printed.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The device itself.
    pub(crate) fn node(&self) -> PathBuf {
        std::fs::canonicalize(&self.name).unwrap()
    }

    pub(crate) fn read(&self) -> Vec<u8> {
        std::fs::read(self.node()).unwrap()
    }

    /// Sends a signal, and waits for the program and until nothing is attached.
    #[track_caller]
    pub(crate) fn end(mut self, signal: Signal) -> Outcome {
        let node = self.node().to_str().unwrap().to_owned();
        let running = self.running.take().unwrap();
        running.signal(signal);
        let outcome = running.finish();
        wait_until("the device is still attached", || !is_attached(&node));
        outcome
    }

    /// Waits for the program, which somebody has told to end.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Outcome {
        self.running.take().unwrap().finish()
    }

    /// The program.
    pub(crate) fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.signal(Signal::TERM);
        }
    }
}
