//! Builds modules with the cargo that runs the tests.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The module of `casync-wasm` with these features, as it is shipped.
pub(crate) fn module(features: &str) -> Vec<u8> {
    // Modules of different features have the same file name, and tests run at the same time.
    let target = target_directory(features);
    let mut cargo = cargo("build");
    cargo.args(["--package", "casync-wasm", "--profile", "wasm", "--target", "wasm32-unknown-unknown"]);
    cargo.args(["--no-default-features", "--features", features, "--target-dir"]).arg(&target);
    run(&mut cargo);
    let file = target.join("wasm32-unknown-unknown/wasm/casync_wasm.wasm");
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The unit tests of `casync-core` as a WASI program.
pub(crate) fn core_tests() -> Vec<u8> {
    let mut cargo = cargo("test");
    cargo.args(["--package", "casync-core", "--lib", "--no-run", "--target", "wasm32-wasip1", "--message-format=json"]);
    cargo.arg("--target-dir").arg(target_directory("core-tests"));
    let messages = run(&mut cargo);
    // One line of JSON for each artifact; the one program among them names its file.
    let file = messages.lines().find_map(|line| line.split_once(r#""executable":""#)?.1.split('"').next());
    let file = Path::new(file.expect("cargo names the program that it has built"));
    std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Kept between runs, apart from the directory that the cargo around us may have locked.
fn target_directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("wasm").join(name)
}

fn cargo(command: &str) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.arg(command).args(["--quiet", "--locked"]).current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    // Flags of whoever runs the tests, for instance for coverage, are meant for this machine.
    for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "RUSTC_WRAPPER"] {
        cargo.env_remove(variable);
    }
    cargo
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed, is the target installed?\n{errors}");
    String::from_utf8(output.stdout).expect("cargo writes UTF-8")
}
