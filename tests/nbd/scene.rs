//! An image, and a server that serves it.

use std::path::PathBuf;

use casync_tests::image;
use casync_tests::random::Rng;
use casync_tests::running::Running;
use casync_tests::sandbox::Sandbox;
use rustix::process::Signal;

/// What becomes the padding: the size of the image is no multiple of a sector.
const ODD: usize = 123;
/// Bytes of data, of zeros, and of data again.
const PARTS: [usize; 3] = [1 << 20, 2 << 20, (1 << 20) + ODD];

/// Data, a run of zeros, data.
pub(crate) fn image() -> Vec<u8> {
    let mut rng = Rng::new(7);
    let mut image = rng.bytes(PARTS[0]);
    image.resize(PARTS[0] + PARTS[1], 0);
    image.extend(rng.bytes(PARTS[2]));
    image
}

/// The image with its last sector filled up.
pub(crate) fn padded() -> Vec<u8> {
    image::padded(image())
}

/// A sandbox with `disk.img`, `disk.caibx` and its store.
pub(crate) fn sandbox() -> Sandbox {
    image::sandbox(image())
}

/// A server under way at `nbd.sock`.
pub(crate) struct Served<'a> {
    sandbox: &'a Sandbox,
    running: Running,
}

impl<'a> Served<'a> {
    pub(crate) fn start(sandbox: &'a Sandbox, arguments: &[&str]) -> Self {
        let mut command = sandbox.command(casync_tests::tool::ours());
        command.args(["nbd-server", "--listen=unix:nbd.sock"]).args(arguments);
        let printed = sandbox.path("printed");
        let output = std::fs::File::create(&printed).unwrap();
        let running = Running::start_with(&mut command, |command| {
            command.stdout(output);
        });
        running.until("a server", || std::fs::read(&printed).unwrap().ends_with(b"\n"));
        assert!(sandbox.read("printed").starts_with(b"Listening: unix:nbd.sock\n"));
        Self { sandbox, running }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.sandbox.path("nbd.sock")
    }

    /// The URI of an export.
    pub(crate) fn uri(&self, export: &str) -> String {
        format!("nbd+unix:///{export}?socket={}", self.socket().display())
    }

    /// Ends it; returns what it said. No socket is left.
    pub(crate) fn end(self) -> String {
        self.running.signal(Signal::TERM);
        let outcome = self.running.finish();
        assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
        assert!(!self.sandbox.path("nbd.sock").exists());
        outcome.stderr
    }

    /// Ends it without a chance to do anything.
    pub(crate) fn kill(self) {
        self.running.signal(Signal::KILL);
        self.running.finish();
        std::fs::remove_file(self.sandbox.path("nbd.sock")).unwrap();
    }
}
