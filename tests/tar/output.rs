//! Archives as tar files: GNU tar and this program read the same trees out of them.

use std::fs;

use casync_tests::sandbox::{Sandbox, outcome};

use crate::scene::{NO_FLAGS, archive, gnu_tar, has_gnu_tar, is_root, tree};

#[test]
fn tars_hold_the_tree() {
    let sandbox = Sandbox::new();
    if !is_root() || !has_gnu_tar(&sandbox) {
        return;
    }
    tree(&sandbox);
    // Made first, so that nothing below counts for more than what is in the archive.
    let expected = archive(&sandbox, "tree", &NO_FLAGS);
    sandbox.casync(["extract", "made.catar", "out.tar"]).success();
    assert!(archive(&sandbox, "out.tar", &NO_FLAGS) == expected);

    fs::create_dir(sandbox.path("extracted")).unwrap();
    gnu_tar(&sandbox, &["-C", "extracted", "--numeric-owner", "-xpf", "out.tar"]);
    assert!(archive(&sandbox, "extracted", &NO_FLAGS) == expected, "{}", {
        archive(&sandbox, "tree", &NO_FLAGS);
        sandbox.casync(["diff", "made.catar", "extracted"]).text()
    });
}

#[test]
fn equal_archives_give_equal_tars() {
    let sandbox = Sandbox::new();
    if !is_root() {
        return;
    }
    tree(&sandbox);
    sandbox.casync(["make", "a.catar", "tree"]).success();
    sandbox.casync(["make", "a.caidx", "tree"]).success();
    let expected = sandbox.casync(["extract", "--to=tar", "a.catar"]).success();
    sandbox.write("out.tar", "what was there before");
    sandbox.casync(["extract", "a.caidx", "out.tar"]).success();
    assert!(sandbox.read("out.tar") == expected);
    assert!(sandbox.casync(["extract", "--to=tar", "a.caidx", "-"]).success() == expected);
    let names = sandbox.names(".");
    assert!(!names.iter().any(|name| name.starts_with(".#")), "{names:?}");
}

#[test]
fn headers_are_extended_only_when_they_must() {
    let sandbox = Sandbox::new();
    sandbox.write("tree/file", "content");
    let features = ["--with=unix", "--with=permissions"];
    archive(&sandbox, "tree", &features);
    let plain = sandbox.casync(["extract", "--to=tar", "made.catar", "-"]).success();
    // Two headers, a block of content, two blocks of end.
    assert_eq!(plain.len(), 5 * 512);
    let kinds = [&plain[156..157], &plain[512 + 156..512 + 157]];
    assert_eq!(kinds, [b"5", b"0"]);
    assert!(plain.starts_with(b"./\0") && plain[512..].starts_with(b"./file\0"));
}

#[test]
fn parts_become_tars_with_their_own_names() {
    let sandbox = Sandbox::new();
    if !has_gnu_tar(&sandbox) {
        return;
    }
    sandbox.write("tree/a/b/file", "content");
    archive(&sandbox, "tree", &[]);
    for (part, listed) in
        [("a/b", "./b/\n./b/file\n"), ("a/b/file", "./file\n"), ("", "./\n./a/\n./a/b/\n./a/b/file\n")]
    {
        let tar = sandbox.casync(["extract", "--to=tar", "made.catar", "-", part]).success();
        sandbox.write("part.tar", tar);
        assert_eq!(sandbox.run("tar", ["-tf", "part.tar"]).text(), listed);
    }
}

#[test]
fn sockets_are_counted() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("tree")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(sandbox.path("tree/socket")).unwrap();
    archive(&sandbox, "tree", &[]);
    let extracted = outcome(sandbox.command(casync_tests::tool::ours()).args(["extract", "made.catar", "out.tar"]));
    assert!(extracted.stderr.contains("Sockets that were left out, as tar files hold none: 1"), "{}", extracted.stderr);
    extracted.success();
}
