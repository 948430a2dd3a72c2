//! Mounts that are gone after the test.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use casync_tests::running::Running;
use casync_tests::sandbox::{Outcome, Sandbox, outcome};
use casync_tests::skip::skip;
use casync_tests::tool;

/// A mount, and the program that serves it.
#[derive(Debug)]
pub(crate) struct Mount {
    point: PathBuf,
    program: Option<Running>,
}

/// Whether this machine can mount; says so if not.
pub(crate) fn possible() -> bool {
    let can = casync_tests::mount::is_root() && Path::new("/dev/fuse").exists();
    if !can {
        skip("mounting takes root and /dev/fuse");
    }
    can
}

/// The type and options of what is mounted on top at a path, as the kernel lists them.
pub(crate) fn mounted(point: &Path) -> Option<String> {
    let table = std::fs::read_to_string("/proc/self/mountinfo").expect("a mount table");
    let shown = point.to_str().expect("a path of text");
    let line = table.lines().rev().find(|line| line.split(' ').nth(4) == Some(shown))?;
    Some(line.split_once(" - ").expect("a type").1.to_owned())
}

impl Mount {
    /// Mounts with this program: `casync mount ARGUMENTS POINT`.
    #[track_caller]
    pub(crate) fn new<A: AsRef<OsStr>>(sandbox: &Sandbox, arguments: impl IntoIterator<Item = A>) -> Self {
        Self::with(sandbox, tool::ours(), arguments, "mnt")
    }

    /// Mounts with any casync at a directory of the sandbox.
    #[track_caller]
    pub(crate) fn with<A: AsRef<OsStr>>(
        sandbox: &Sandbox,
        program: &Path,
        arguments: impl IntoIterator<Item = A>,
        point: &str,
    ) -> Self {
        let mut command = sandbox.command(program);
        command.arg("mount").args(arguments).arg(point);
        Self::start(&mut command, sandbox.path(point))
    }

    /// Runs a command that mounts something at a path.
    #[track_caller]
    pub(crate) fn start(command: &mut Command, point: PathBuf) -> Self {
        let program = Running::start(command);
        let seen = point.clone();
        // The C casync opens its input later than it mounts: it can be looked at.
        program.until("a mount", || mounted(&seen).is_some() && std::fs::symlink_metadata(&seen).is_ok());
        Self { point, program: Some(program) }
    }

    /// A path in it.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        let name = name.as_ref();
        if name.as_os_str().is_empty() { self.point.clone() } else { self.point.join(name) }
    }

    /// The program.
    pub(crate) fn program(&self) -> &Running {
        self.program.as_ref().expect("it runs")
    }

    /// Unmounts, and waits for the program.
    #[track_caller]
    pub(crate) fn unmount(mut self) -> Outcome {
        // Whoever looks at all mounts of the machine keeps one busy for a moment.
        self.program()
            .until("an unmounted file system", || outcome(Command::new("umount").arg(&self.point)).status == Some(0));
        self.program.take().expect("it runs").finish()
    }

    /// Waits for the program, which somebody has told to end.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Outcome {
        self.program.take().expect("it runs").finish()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if self.program.is_some() {
            let _ = Command::new("umount").arg("--lazy").arg(&self.point).output();
        }
    }
}

/// Makes an index and its store, or an archive, of something; returns its name.
#[track_caller]
pub(crate) fn make(sandbox: &Sandbox, program: &Path, name: &str, source: &Path) -> String {
    let arguments = ["make", "--exclude-nodump=no", "--store=store.castr", name];
    sandbox.run(program, arguments.map(OsStr::new).into_iter().chain([source.as_os_str()])).success();
    name.to_owned()
}
