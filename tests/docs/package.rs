//! The Debian package: what is in it, and that it comes and goes without a trace.

use std::path::{Path, PathBuf};

use casync_tests::sandbox::{Sandbox, outcome};

use crate::tool;

/// Makes the package, of the program that the other tests run where that lies where cargo puts it. It always lies in the same
/// place: one test at a time.
fn package(sandbox: &Sandbox) -> Option<PathBuf> {
    tool("cargo-deb")?;
    tool("dpkg-deb")?;
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = std::process::Command::new(workspace.join("native/package"));
    let tested = std::env::var_os("CASYNC_BIN").map(PathBuf::from);
    let made_by = |profile: &str| tested.as_ref().is_some_and(|path| path.ends_with(format!("{profile}/casync")));
    match (made_by("release"), made_by("debug")) {
        (true, _) => command.args(["--profile=release", "--no-build"]),
        (_, true) => command.args(["--profile=dev", "--no-build"]),
        _ => command.arg("--profile=dev"),
    };
    let made = outcome(&mut command);
    assert_eq!(made.status, Some(0), "{}", made.stderr);
    let path = made.text().lines().last().expect("it says where the package is").to_owned();
    assert!(sandbox.path(&path).is_file(), "{path:?}");
    Some(path.into())
}

/// All files below a directory, by their paths in it, sorted.
fn files(directory: &Path) -> Vec<String> {
    fn add(directory: &Path, root: &Path, all: &mut Vec<String>) {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                add(&path, root, all);
            } else {
                all.push(path.strip_prefix(root).expect("below it").to_str().expect("UTF-8").to_owned());
            }
        }
    }
    let mut all = Vec::new();
    if directory.exists() {
        add(directory, directory, &mut all);
    }
    all.sort();
    all
}

#[test]
fn is_installed_and_removed() {
    let sandbox = Sandbox::new();
    let Some(package) = package(&sandbox) else { return };
    // It stands in for the C casync.
    for field in ["Provides", "Conflicts", "Replaces"] {
        let value = outcome(sandbox.command("dpkg-deb").arg("--field").arg(&package).arg(field)).success();
        assert_eq!(value, b"casync\n", "{field}");
    }
    for directory in ["info", "updates"] {
        std::fs::create_dir_all(sandbox.path("root/var/lib/dpkg").join(directory)).expect("a new directory");
    }
    sandbox.write("root/var/lib/dpkg/status", "");
    let dpkg = |action: &str, what: &str| {
        let mut command = sandbox.command("dpkg");
        command.arg(format!("--root={}", sandbox.path("root").display()));
        // What it depends on is not there, only the package itself is looked at.
        command.args(["--force-depends", "--force-not-root", "--log=dpkg.log", action, what]);
        outcome(&mut command).success();
    };

    dpkg("--install", package.to_str().expect("UTF-8"));
    let installed = files(&sandbox.path("root/usr"));
    let mut expected: Vec<String> = [
        "bin/casync",
        "lib/casync/protocols/casync-ftp",
        "lib/casync/protocols/casync-http",
        "lib/casync/protocols/casync-https",
        "lib/casync/protocols/casync-sftp",
        "lib/udev/rules.d/75-casync.rules",
        "sbin/mount.casync",
        "share/bash-completion/completions/casync",
        "share/doc/casync-rs/LICENSE-APACHE",
        "share/doc/casync-rs/README.md",
        "share/doc/casync-rs/changelog.gz",
        "share/doc/casync-rs/copyright",
        "share/fish/vendor_completions.d/casync.fish",
        "share/zsh/vendor-completions/_casync",
    ]
    .map(str::to_owned)
    .to_vec();
    let docs = crate::docs();
    let pages = docs.names("prefix/share/man/man1");
    expected.extend(pages.iter().map(|page| format!("share/man/man1/{page}.gz")));
    expected.sort();
    assert_eq!(installed, expected);

    let program = sandbox.path("root/usr/bin/casync");
    for link in expected.iter().filter(|path| path.contains("/casync-") && path.starts_with("lib")) {
        let target = std::fs::canonicalize(sandbox.path("root/usr").join(link)).expect("a link that leads somewhere");
        assert_eq!(target, program, "{link}");
    }
    assert_eq!(std::fs::canonicalize(sandbox.path("root/usr/sbin/mount.casync")).expect("a link"), program);
    // By that name it is a helper for URLs.
    let helper = sandbox.path("root/usr/lib/casync/protocols/casync-http");
    let refused = sandbox.run(&helper, ["pull", "-", "-", "ftp://localhost/x.caidx", "-"]);
    assert!(refused.stderr.starts_with("Not a URL of http: "), "{refused:?}");
    sandbox.write("tree/file", "content");
    let digest = sandbox.run(&program, ["make", "tree.caidx", "tree"]).success();
    assert_eq!(sandbox.casync(["digest", "tree.caidx"]).success(), digest);

    dpkg("--purge", "casync-rs");
    assert_eq!(files(&sandbox.path("root/usr")), [""; 0]);
    assert!(!files(&sandbox.path("root/var/lib/dpkg/info")).iter().any(|file| file.contains("casync")));
}
