//! A mount under way: as long as it takes, and gone at the end, also when something fails.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A program that serves a mount.
#[derive(Debug)]
pub(crate) struct Served {
    child: Child,
    point: PathBuf,
}

impl Served {
    /// Starts it and waits until its root can be listed.
    pub(crate) fn start(command: &mut Command, point: &Path) -> Self {
        let child = command.stdout(Stdio::null()).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut served = Self { child, point: point.to_owned() };
        let shown = point.to_str().expect("a path of text");
        let is_there = || {
            let table = std::fs::read_to_string("/proc/self/mountinfo").expect("a mount table");
            table.lines().any(|line| line.split(' ').nth(4) == Some(shown))
                && point.read_dir().is_ok_and(|mut entries| entries.next().is_some_and(|entry| entry.is_ok()))
        };
        while !is_there() {
            let ended = served.child.try_wait().expect("a child");
            assert!(ended.is_none(), "{command:?} ended before it had mounted: {ended:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
        served
    }

    /// Unmounts, and waits for its end.
    pub(crate) fn finish(mut self) {
        assert!(Command::new("umount").arg(&self.point).status().expect("umount").success());
        self.child.wait().expect("a child");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = Command::new("umount").arg("--lazy").arg(&self.point).status();
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
