//! The programs that tests run: this one, and the C casync to compare it with.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::cargo;

/// The `casync` of this workspace, built when first asked for; `CASYNC_BIN` names another one.
pub fn ours() -> &'static Path {
    static OURS: OnceLock<PathBuf> = OnceLock::new();
    OURS.get_or_init(|| build(&[]))
}

/// As [`ours`], optimised as users get it: the one to measure.
pub fn ours_optimised() -> &'static Path {
    static OURS: OnceLock<PathBuf> = OnceLock::new();
    OURS.get_or_init(|| build(&["--release"]))
}

fn build(options: &[&str]) -> PathBuf {
    if let Some(path) = std::env::var_os("CASYNC_BIN") {
        return path.into();
    }
    let mut build = cargo::cargo("build");
    build.args(["--package=casync", "--bin=casync", "--message-format=json"]).args(options);
    let built = cargo::programs(&cargo::run(&mut build));
    built.into_iter().next().expect("the package has this program")
}

/// The C casync, if this machine has it; `CASYNC_UPSTREAM` names it, else it is the first in `PATH`.
///
/// Tests that compare begin with `let Some(upstream) = upstream() else { return };`: the skip has been told by then.
pub fn upstream() -> Option<&'static Path> {
    static UPSTREAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = UPSTREAM.get_or_init(|| {
        let path = std::env::var_os("CASYNC_UPSTREAM").map_or_else(|| which("casync"), |path| Some(path.into()))?;
        // This tool may have been installed under the same name.
        let version = Command::new(&path).arg("--version").stdin(Stdio::null()).output().ok()?.stdout;
        version.starts_with(b"casync 2\n").then_some(path)
    });
    if found.is_none() {
        crate::skip::skip("the C casync is not installed (`apt install casync`)");
    }
    found.as_deref()
}

/// The program of this name in `PATH`.
pub fn which(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    let name = name.as_ref();
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file())
}

/// A program that tests take: in `PATH`, or where `tests/setup` puts those that no distribution has.
pub fn installed(name: &str) -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/bin").join(name);
    which(name).or_else(|| tools.is_file().then_some(tools))
}
