//! Builds the modules.

use std::path::{Path, PathBuf};
use std::process::Command;

use casync_tests::cargo;

/// The module of `casync-wasm` with these features, as it is shipped.
pub(crate) fn module(features: &str) -> Vec<u8> {
    // Modules of different features have the same file name, and tests run at the same time.
    let target = target_directory(features);
    let mut cargo = cargo("build");
    cargo.args(["--package", "casync-wasm", "--profile", "wasm", "--target", "wasm32-unknown-unknown"]);
    cargo.args(["--no-default-features", "--features", features, "--target-dir"]).arg(&target);
    cargo::run(&mut cargo);
    let file = target.join("wasm32-unknown-unknown/wasm/casync_wasm.wasm");
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The unit tests of `casync-core` as a WASI program.
pub(crate) fn core_tests() -> Vec<u8> {
    let mut cargo = cargo("test");
    cargo.args(["--package", "casync-core", "--lib", "--no-run", "--target", "wasm32-wasip1", "--message-format=json"]);
    cargo.arg("--target-dir").arg(target_directory("core-tests"));
    let programs = cargo::programs(&cargo::run(&mut cargo));
    let [file] = programs.as_slice() else { panic!("one program has all unit tests: {programs:?}") };
    std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Kept between runs, apart from the directory that the cargo around us may have locked.
fn target_directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("wasm").join(name)
}

/// Without flags of whoever runs the tests, for instance for coverage, which are meant for this machine.
fn cargo(command: &str) -> Command {
    let mut cargo = cargo::cargo(command);
    for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "RUSTC_WRAPPER"] {
        cargo.env_remove(variable);
    }
    cargo
}
