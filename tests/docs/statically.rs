//! The program without any library of the system, for systems that have others or none.

use std::path::PathBuf;
use std::process::Command;

use casync_tests::cargo::{cargo, programs, run};
use casync_tests::sandbox::Sandbox;
use casync_tests::skip::skip;

use crate::tool;

const TARGET: &str = "x86_64-unknown-linux-musl";

/// Builds it; `CASYNC_STATIC_BIN` names one that is there already.
fn program() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("CASYNC_STATIC_BIN") {
        return Some(path.into());
    }
    if !cfg!(target_arch = "x86_64") {
        skip("the static program is for another kind of processor");
        return None;
    }
    // For the C compressors.
    tool("musl-gcc")?;
    let sysroot = run(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]));
    if !PathBuf::from(sysroot.trim()).is_dir() {
        skip(&format!("{TARGET} is not installed (`rustup target add {TARGET}`)"));
        return None;
    }
    let mut build = cargo("build");
    // All that it depends on is built again for this: as quickly as can be.
    build.args(["--package=casync", "--bin=casync", "--message-format=json", "--profile=quick", "--target", TARGET]);
    programs(&run(&mut build)).into_iter().next()
}

#[test]
fn does_the_same() {
    let sandbox = Sandbox::new();
    let Some(program) = program() else { return };
    // It names no interpreter, which is what loads libraries.
    let image = std::fs::read(&program).expect("it has been built");
    assert!(image.starts_with(b"\x7fELF"));
    let interpreter = |image: &[u8]| image.windows(8).take(4096).any(|name| name == b"/ld-linu" || name == b"/lib64/l");
    assert!(!interpreter(&image), "{program:?} loads libraries");
    let dynamic = std::fs::read(std::env::current_exe().expect("this test")).expect("it is there");
    assert!(interpreter(&dynamic), "one that loads libraries is recognised");

    let content: Vec<u8> = (0..400_000_u32).flat_map(|number| (number / 3).to_le_bytes()).collect();
    sandbox.write("tree/directory/large", &content);
    sandbox.write("tree/small", "content");
    for compression in ["zstd", "xz", "gzip"] {
        let made = |program: &PathBuf, name: &str| {
            let options = [&format!("--compression={compression}"), &format!("--store={name}-{compression}.castr")];
            let index = format!("{name}.caidx");
            let digest =
                sandbox.run(program, options.into_iter().chain([&"make".to_owned(), &index, &"tree".to_owned()]));
            (digest.success(), sandbox.read(index))
        };
        let ours = made(&casync_tests::tool::ours().to_owned(), "ours");
        assert_eq!(made(&program, "static"), ours, "{compression}");
        // Each reads what the other has made.
        let store = format!("--store=ours-{compression}.castr");
        let tree = format!("tree-{compression}");
        sandbox.run(&program, [&store, "extract", "static.caidx", &tree]).success();
        assert_eq!(sandbox.read(format!("{tree}/directory/large")), content);
        assert_eq!(sandbox.run(&program, ["digest", &tree]).success(), sandbox.casync(["digest", "tree"]).success());
    }
}
