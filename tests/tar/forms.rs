//! When an operand is a tar, and when it is what it always was.

use std::fs;

use casync_tests::sandbox::{Sandbox, outcome_with_input};
use casync_tests::tool::ours;

use crate::scene::{list, member, tar};

/// What the C casync says of files that are to become archives.
const REFUSAL: &str = "Input is a regular file or block device, but attempted to make a directory archive. Refusing.\n";

fn scene() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("a.tar", tar(&[member(b"file", b'0', b"", b"content")]));
    sandbox.write("no-tar.tar", vec![b'x'; 5000]);
    fs::copy(sandbox.path("a.tar"), sandbox.path("unnamed")).unwrap();
    sandbox
}

#[test]
fn inputs_by_name_and_by_option() {
    let sandbox = scene();
    for arguments in [
        &["make", "out.catar", "a.tar"][..],
        &["make", "out.caidx", "a.tar"],
        &["make", "--from=tar", "out.catar", "unnamed"],
        &["make", "--what=archive", "--from=tar", "out.catar", "a.tar"],
    ] {
        sandbox.casync(arguments).success();
        let made = arguments.iter().find(|argument| argument.starts_with("out")).unwrap();
        assert_eq!(list(&sandbox, made), "drwxr-xr-x .\n-rw-r--r-- file\n", "{arguments:?}");
        fs::remove_file(sandbox.path(made)).unwrap();
    }
    let printed = sandbox.casync(["make", "--from=tar", "-", "unnamed"]).success();
    sandbox.write("printed.catar", printed);
    assert_eq!(list(&sandbox, "printed.catar"), "drwxr-xr-x .\n-rw-r--r-- file\n");
}

#[test]
fn blobs_stay_blobs() {
    let sandbox = scene();
    sandbox.casync(["make", "a.caibx", "a.tar"]).success();
    sandbox.casync(["extract", "a.caibx", "copy.tar"]).success();
    assert_eq!(sandbox.read("copy.tar"), sandbox.read("a.tar"));
    let said = sandbox.casync(["make", "--from=tar", "b.caibx", "a.tar"]).failure();
    assert!(said.contains("not a blob index"), "{said}");
}

#[test]
fn other_files_are_refused_as_ever() {
    let sandbox = scene();
    assert_eq!(sandbox.casync(["make", "x.caidx", "unnamed"]).failure(), REFUSAL);
    let said = sandbox.casync(["make", "x.caidx", "no-tar.tar"]).failure();
    let (refusal, hint) = said.split_at(REFUSAL.len());
    assert_eq!(refusal, REFUSAL);
    assert!(hint.starts_with("hint: it is named like a tar file and is none"), "{said}");
    let said = sandbox.casync(["make", "--from=tar", "x.caidx", "no-tar.tar"]).failure();
    assert!(said.contains("no tar file"), "{said}");
    let said = sandbox.casync(["make", "--from=cpio", "x.caidx", "a.tar"]).failure();
    assert!(said.contains("cpio"), "{said}");
}

#[test]
fn pipes_are_refused_and_say_why() {
    let sandbox = scene();
    let mut command = sandbox.command(ours());
    command.args(["make", "--from=tar", "x.catar", "-"]);
    let said = outcome_with_input(&mut command, &sandbox.read("a.tar")).failure();
    assert!(said.starts_with("A tar can only be read from a regular file.\n"), "{said}");
    assert!(!sandbox.path("x.catar").exists());
}

#[test]
fn outputs_that_are_directories_stay_so() {
    let sandbox = scene();
    sandbox.casync(["make", "a.catar", "a.tar"]).success();
    fs::create_dir(sandbox.path("directory.tar")).unwrap();
    sandbox.casync(["extract", "--without=privileged", "a.catar", "directory.tar"]).success();
    assert_eq!(sandbox.read("directory.tar/file"), b"content");
    sandbox.casync(["extract", "a.catar", "--to=tar", "directory.tar"]).failure();
    sandbox.casync(["make", "a.caibx", "a.tar"]).success();
    sandbox.casync(["extract", "a.caibx", "--to=tar", "x.tar"]).failure();
    assert!(!sandbox.path("x.tar").exists());
}
