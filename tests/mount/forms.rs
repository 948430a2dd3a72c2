//! What can be mounted, and where.

use std::fs::File;
use std::process::Stdio;

use casync_tests::sandbox::Sandbox;
use casync_tests::tool;

use crate::scene::{Mount, make, mounted, possible};

fn scene() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("tree/a/b/deep", "deep");
    sandbox.write("tree/top", "top");
    make(&sandbox, tool::ours(), "x.caidx", &sandbox.path("tree"));
    make(&sandbox, tool::ours(), "x.catar", &sandbox.path("tree"));
    sandbox
}

#[test]
fn parts_of_trees() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    for (name, subpath, file) in [("x.caidx", "a", "b/deep"), ("x.catar", "/a/b/", "deep")] {
        let mut command = sandbox.command(tool::ours());
        command.args(["mount", "--store=store.castr", name, "mnt", subpath]);
        let mount = Mount::start(&mut command, sandbox.path("mnt"));
        assert_eq!(std::fs::read(mount.path(file)).unwrap(), b"deep");
        assert!(!mount.path("top").exists() && mount.path("..").join("tree").exists());
        mount.unmount().success();
        let option = format!("subpath={subpath}");
        let mount = Mount::new(&sandbox, ["--store=store.castr", "-o", &option, name]);
        assert_eq!(std::fs::read(mount.path(file)).unwrap(), b"deep");
        mount.unmount().success();
    }
    // A file in an archive over a file.
    sandbox.write("target", "before");
    let mut command = sandbox.command(tool::ours());
    command.args(["mount", "x.catar", "target", "a/b/deep"]);
    let mount = Mount::start(&mut command, sandbox.path("target"));
    assert_eq!(std::fs::read(mount.path("")).unwrap(), b"deep");
    mount.unmount().success();
    assert_eq!(sandbox.read("target"), b"before");
}

#[test]
fn archives_from_standard_input() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    for arguments in [&["--what=archive"][..], &["--what=archive", "-"]] {
        let mut command = sandbox.command(tool::ours());
        command
            .arg("mount")
            .args(arguments)
            .arg("mnt")
            .stdin(Stdio::from(File::open(sandbox.path("x.catar")).unwrap()));
        let mount = Mount::start(&mut command, sandbox.path("mnt"));
        assert_eq!(std::fs::read(mount.path("top")).unwrap(), b"top");
        assert!(mounted(&sandbox.path("mnt")).unwrap().starts_with("fuse.casync "));
        mount.unmount().success();
    }
}

#[test]
fn nothing_can_be_written() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    let mount = Mount::new(&sandbox, ["-o", "rw", "x.catar"]);
    let refused = |result: std::io::Result<()>| {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ReadOnlyFilesystem, "{error}");
    };
    refused(std::fs::write(mount.path("top"), "x"));
    refused(std::fs::write(mount.path("new"), "x"));
    refused(std::fs::remove_file(mount.path("top")));
    refused(std::fs::create_dir(mount.path("new")));
    refused(std::fs::rename(mount.path("top"), mount.path("new")));
    mount.unmount().success();
}

#[test]
fn what_is_not_shown_is_told() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    let told = Mount::new(&sandbox, ["x.catar"]).unmount();
    let line =
        "The following feature flags are not exposed in the mounted file system: user-names subvolume subvolume-ro\n";
    assert!(told.stderr.contains(line), "{}", told.stderr);
    sandbox.casync(["make", "--with=fuse", "plain.catar", "tree"]).success();
    let told = Mount::new(&sandbox, ["plain.catar"]).unmount();
    assert_eq!(told.stderr, "");
}
