//! The package as it is shipped: its size and its types.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use casync_tests::sandbox::outcome;
use casync_tests::tool::which;

use crate::runtime;

const KIB: usize = 1 << 10;

/// The package, built when first asked for; nothing if this machine cannot.
pub(crate) fn package() -> Option<&'static Path> {
    static PACKAGE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let built = PACKAGE.get_or_init(|| {
        which("wasm-opt")?;
        Some(build(None, "casync-wasm"))
    });
    if built.is_none() {
        casync_tests::skip::skip("wasm-opt is not installed (`apt install binaryen`)");
    }
    built.as_deref()
}

/// The package with the larger decoder, built when first asked for; nothing if this machine cannot.
pub(crate) fn fast() -> Option<PathBuf> {
    package()?;
    Some(build(Some("bindgen,edge,make,fast-zstd,xz,gzip"), "fast"))
}

/// The component, built when first asked for.
pub(crate) fn component() -> &'static Path {
    static COMPONENT: OnceLock<PathBuf> = OnceLock::new();
    COMPONENT.get_or_init(|| {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("web/casync-edge.wasm");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        outcome(Command::new(root.join("wasm/build-component")).arg(&file)).success();
        file
    })
}

fn build(features: Option<&str>, name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("web").join(name);
    let mut command = Command::new(root.join("wasm/build"));
    command.arg(&directory);
    if let Some(features) = features {
        command.env("CASYNC_WASM_FEATURES", features);
    }
    outcome(&mut command).success();
    directory
}

/// Bytes of all files with this ending, as a server sends them.
fn packed(directory: &Path, ending: &str) -> usize {
    let files = std::fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    let files = files.filter(|path| path.to_string_lossy().ends_with(ending));
    let gzip = |path: PathBuf| outcome(Command::new("gzip").arg("-9c").arg(path)).success().len();
    files.map(gzip).sum()
}

#[test]
fn the_package_is_small() {
    let Some(package) = package() else { return };
    let all =
        packed(package, ".js") + packed(&package.join("module"), ".js") + packed(&package.join("module"), ".wasm");
    assert!(all <= 220 * KIB, "all of it has {all} bytes, gzipped");
    let reader = build(Some("bindgen,zstd"), "reader");
    let module = packed(&reader.join("module"), ".js") + packed(&reader.join("module"), ".wasm");
    assert!(module <= 120 * KIB, "a reader of zstd has {module} bytes, gzipped");
    eprintln!("gzipped: everything {all} bytes, a reader {module}");
}

#[test]
fn the_types_are_right() {
    let (Some(package), Some(tools)) = (package(), runtime::tools()) else { return };
    let uses = package.join("uses.ts");
    std::fs::write(&uses, include_str!("uses.ts")).expect("a file in the package");
    let mut command = Command::new("node");
    command.arg(tools.join("typescript/bin/tsc")).args(["--strict", "--noEmit", "--target", "es2022"]);
    command.args(["--module", "nodenext", "--lib", "es2022,dom,dom.iterable,dom.asynciterable,esnext.disposable"]);
    command.arg(&uses);
    let outcome = outcome(&mut command);
    assert_eq!(outcome.status, Some(0), "{}{}", outcome.text(), outcome.stderr);
}
