//! Builds more with the cargo that runs the tests.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The cargo that runs the tests, about to do this in the workspace.
pub fn cargo(command: &str) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.arg(command).args(["--quiet", "--locked"]).current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    cargo
}

/// Runs it; returns what it says on standard output.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed, is everything installed that it takes?\n{errors}");
    String::from_utf8(output.stdout).expect("cargo writes UTF-8")
}

/// The programs that cargo has built, by what it says with `--message-format=json`.
pub fn programs(messages: &str) -> Vec<PathBuf> {
    // One line of JSON for each artifact; programs have a path where others have `null`.
    let paths = messages.lines().filter_map(|line| line.split_once(r#""executable":""#)?.1.split('"').next());
    paths.map(PathBuf::from).collect()
}
