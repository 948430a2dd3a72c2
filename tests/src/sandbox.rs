//! A directory of its own and an environment without surprises for each test that runs programs.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A directory that is gone after the test, in which programs run.
#[derive(Debug)]
pub struct Sandbox {
    directory: tempfile::TempDir,
}

/// What a program left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Exit status; `None` if a signal ended it.
    pub status: Option<i32>,
    /// All of its standard output.
    pub stdout: Vec<u8>,
    /// All of its standard error, as text.
    pub stderr: String,
}

impl Sandbox {
    /// An empty directory in the temporary directory of this machine.
    pub fn new() -> Self {
        Self::new_in(std::env::temp_dir())
    }

    /// An empty directory in this one.
    pub fn new_in(parent: impl AsRef<Path>) -> Self {
        let directory = tempfile::Builder::new().prefix("casync-test-").tempdir_in(parent);
        Self { directory: directory.expect("a temporary directory") }
    }

    /// Lets the directory stay when this is dropped.
    pub fn keep(&mut self) {
        self.directory.disable_cleanup(true);
    }

    /// The path of a file in it.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file in it, with the directories above; returns its path.
    pub fn write(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("below the sandbox")).expect("directories above");
        std::fs::write(&path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }

    /// The bytes of a file in it.
    pub fn read(&self, name: impl AsRef<Path>) -> Vec<u8> {
        let path = self.path(name);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The names in a directory, sorted; hidden ones too.
    pub fn names(&self, directory: impl AsRef<Path>) -> Vec<String> {
        let path = self.path(directory);
        let entries = std::fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("a directory entry").file_name();
        let mut names: Vec<String> = entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The program, to be run here without anything of the caller's environment but `PATH`.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.directory.path()).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("LC_ALL", "C.UTF-8").env("TZ", "UTC").env("TMPDIR", self.directory.path());
        command
    }

    /// Runs it to its end.
    pub fn run<A: AsRef<OsStr>>(&self, program: impl AsRef<OsStr>, args: impl IntoIterator<Item = A>) -> Outcome {
        outcome(self.command(program).args(args))
    }

    /// Runs this workspace's casync to its end.
    pub fn casync<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Outcome {
        self.run(crate::tool::ours(), args)
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

/// Runs a command to its end.
pub fn outcome(command: &mut Command) -> Outcome {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Outcome { status: output.status.code(), stdout: output.stdout, stderr }
}

/// Runs a command to its end with these bytes on its standard input.
pub fn outcome_with_input(command: &mut Command, input: &[u8]) -> Outcome {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("it is piped");
    let output = std::thread::scope(|scope| {
        // A program that ends early closes the pipe: what it says about that is what the test looks at.
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
    });
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Outcome { status: output.status.code(), stdout: output.stdout, stderr }
}

impl Outcome {
    /// Panics unless the program ended with status 0; returns what it printed.
    #[track_caller]
    pub fn success(self) -> Vec<u8> {
        assert_eq!(self.status, Some(0), "{}", self.stderr);
        self.stdout
    }

    /// Panics unless the program ended with status 1, without having panicked; returns what it said about that.
    #[track_caller]
    pub fn failure(self) -> String {
        assert_eq!(self.status, Some(1), "{}", self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self.stderr
    }

    /// What it printed, as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}
