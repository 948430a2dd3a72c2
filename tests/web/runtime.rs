//! Node, and what npm has of other runtimes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use casync_tests::sandbox::{Outcome, outcome};
use casync_tests::tool::which;

/// The directory of the packages from npm, by the lock file; nothing if they cannot be had.
pub(crate) fn tools() -> Option<&'static Path> {
    static TOOLS: OnceLock<Option<PathBuf>> = OnceLock::new();
    let tools = TOOLS.get_or_init(install);
    if tools.is_none() {
        casync_tests::skip::skip("npm cannot install tests/web/package-lock.json");
    }
    tools.as_deref()
}

fn install() -> Option<PathBuf> {
    which("npm")?;
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
    // Kept between runs for as long as the lock file stays the same.
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/npm/tools");
    let lock = std::fs::read(here.join("package-lock.json")).expect("the lock file");
    let modules = directory.join("node_modules");
    if std::fs::read(directory.join("package-lock.json")).ok().as_ref() == Some(&lock) && modules.exists() {
        return Some(modules);
    }
    std::fs::create_dir_all(&directory).expect("a directory for npm");
    std::fs::copy(here.join("package.json"), directory.join("package.json")).expect("package.json");
    std::fs::copy(here.join("package-lock.json"), directory.join("package-lock.json")).expect("package-lock.json");
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--quiet"]).current_dir(&directory);
    let installed = outcome(&mut npm);
    if installed.status != Some(0) {
        eprintln!("{}", installed.stderr);
        let _ = std::fs::remove_dir_all(&modules);
        return None;
    }
    Some(modules)
}

/// The program wasmtime from PyPI; nothing if it cannot be had.
pub(crate) fn wasmtime() -> Option<PathBuf> {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/requirements.txt");
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/npm/wasmtime");
    let program = directory.join("wasmtime_cli/wasmtime");
    let wanted = std::fs::read(&requirements).expect("requirements.txt");
    // Kept between runs for as long as what is required stays the same.
    let installed = directory.join("requirements.txt");
    if std::fs::read(&installed).ok().as_ref() == Some(&wanted) && program.exists() {
        return Some(program);
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--upgrade"]);
    pip.arg("--require-hashes").arg("--target").arg(&directory).arg("--requirement").arg(&requirements);
    if which("python3").is_none() || outcome(&mut pip).status != Some(0) {
        casync_tests::skip::skip("pip cannot install tests/web/requirements.txt (`apt install python3-pip`)");
        return None;
    }
    // The package forgets to say that it is a program.
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a program");
    std::fs::write(installed, wanted).expect("a note of what was installed");
    Some(program)
}

/// A script of this directory, run by Node with the package and these settings.
pub(crate) fn node(script: &str, package: &Path, settings: &[(&str, &str)]) -> Outcome {
    // Far more than any script takes, even on a busy machine.
    let mut command = Command::new("timeout");
    command.args(["300", "node"]).arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("web").join(script));
    command.env("CASYNC_PACKAGE", package).envs(settings.iter().copied());
    outcome(&mut command)
}

/// Runs a script that has to succeed.
#[track_caller]
pub(crate) fn passes(script: &str, package: &Path, settings: &[(&str, &str)]) {
    let outcome = node(script, package, settings);
    assert_eq!(outcome.status, Some(0), "{}{}", outcome.text(), outcome.stderr);
    eprint!("{}", outcome.text());
}
