//! Chunk files byte for byte, where both programs compress with the same version of the same library.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use casync_tests::sandbox::{Sandbox, outcome};
use casync_tests::skip::skip;
use casync_tests::{cargo, input, tool};

use crate::pair::chunks;

/// Blobs of every kind of chunk: short, long, without entropy, with nothing else.
const NAMES: [&str; 6] = ["one", "rmin", "zmax+1", "text300k", "r1M", "mixed"];

/// Our program with the libzstd that is installed here, which the C casync uses too. Nothing where that cannot be built,
/// which has been told by then.
fn with_system_zstd() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let library = Command::new("pkg-config").args(["--exists", "libzstd"]).status();
        if !library.is_ok_and(|status| status.success()) {
            return None;
        }
        // Beside the target directory's own profiles: the build of the program that all other tests use stays as it is.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in the target directory");
        let mut build = cargo::cargo("build");
        build.args(["--package=casync", "--bin=casync", "--message-format=json", "--target-dir"]);
        build.arg(target.join("system-zstd")).env("ZSTD_SYS_USE_PKG_CONFIG", "1");
        cargo::programs(&cargo::run(&mut build)).into_iter().next()
    });
    if built.is_none() {
        skip("no libzstd for pkg-config (`apt install libzstd-dev`): frames of another version are not the same");
    }
    built.as_deref()
}

fn check(ours: &Path, compression: &str) {
    let Some(theirs) = tool::upstream() else { return };
    let sandbox = Sandbox::new();
    for name in NAMES {
        let blob = sandbox.write(name, input::blob(name));
        for (program, store) in [(ours, "ours"), (theirs, "theirs")] {
            let mut command = sandbox.command(program);
            command.arg("make").arg(format!("--compression={compression}")).arg(format!("--store={store}"));
            outcome(command.arg("x.caibx").arg(&blob)).success();
        }
    }
    let names = chunks(&sandbox.path("theirs"));
    assert!(names.len() > 20, "{compression}: chunks of all blobs");
    assert_eq!(chunks(&sandbox.path("ours")), names, "{compression}");
    for name in names {
        let [ours, theirs] = ["ours", "theirs"].map(|store| fs::read(sandbox.path(store).join(&name)).unwrap());
        assert!(ours == theirs, "{compression}: {name}, {} and {} bytes", ours.len(), theirs.len());
    }
}

#[test]
fn zstd() {
    if let Some(ours) = with_system_zstd() {
        check(ours, "zstd");
    }
}

/// liblzma has written the same at this preset for as long as there has been a C casync.
#[test]
fn xz() {
    check(tool::ours(), "xz");
}

/// As zlib has.
#[test]
fn gzip() {
    check(tool::ours(), "gzip");
}
