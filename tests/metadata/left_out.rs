//! What does not get into an archive, compared with the C casync.

use std::process::Command;

use casync_tests::mount::{FileSystem, is_root};
use casync_tests::sandbox::{Outcome, Sandbox, outcome};
use casync_tests::skip::skip;
use casync_tests::tool;

use casync_tests::plant::{shell, text};

/// Lists the same tree by both programs, with these options; returns what both say.
#[track_caller]
fn list(directory: &str, options: &[&str]) -> Option<String> {
    let upstream = tool::upstream()?;
    let sandbox = Sandbox::new();
    let run = |program| -> Outcome {
        let archive = sandbox.path("x.catar");
        let made = sandbox.run(program, [&["make"], options, &[text(&archive), directory]].concat());
        if made.status == Some(0) { sandbox.run(tool::ours(), ["list", text(&archive)]) } else { made }
    };
    let (ours, theirs) = (run(tool::ours()), run(upstream));
    assert_eq!(ours.status, theirs.status, "{options:?}: {}{}", ours.stderr, theirs.stderr);
    assert_eq!(ours.text(), theirs.text(), "{options:?}");
    Some(ours.text())
}

#[test]
fn types_that_are_not_wanted() {
    let sandbox = Sandbox::new();
    shell(&sandbox.path(""), "mkdir t; cd t; mkdir d; echo x >f; ln -s x l; mkfifo p");
    drop(std::os::unix::net::UnixListener::bind(sandbox.path("t/s")).unwrap());
    if is_root() {
        shell(&sandbox.path("t"), "mknod c c 1 3; mknod b b 7 200");
    }
    let tree = sandbox.path("t");
    for options in [
        &[][..],
        &["--without=symlinks"],
        &["--without=device-nodes"],
        &["--without=fifos"],
        &["--without=sockets"],
        &["--without=symlinks", "--without=device-nodes", "--without=fifos", "--without=sockets"],
        &["--with=fifos"],
        &["--without=all"],
        &["--without=unix"],
    ] {
        let Some(listed) = list(text(&tree), options) else { return };
        assert!(listed.contains(" f\n") && listed.contains(" d\n"), "{options:?}: {listed}");
    }
}

#[test]
fn files_that_are_marked() {
    let Some(mounted) = FileSystem::Ext4.mount() else { return };
    let marks = "mkdir t; cd t; mkdir -p no/below yes; touch no/below/x yes/no yes/yes; chattr +d no yes/no; ln -s x l";
    shell(&mounted.path(""), marks);
    let tree = mounted.path("t");
    for (option, is_there) in [("--exclude-nodump=yes", false), ("--exclude-nodump=no", true)] {
        let Some(listed) = list(text(&tree), &[option]) else { return };
        assert_eq!(listed.contains("no/below"), is_there, "{listed}");
        assert_eq!(listed.contains("yes/no"), is_there, "{listed}");
        assert!(listed.contains("yes/yes"), "{listed}");
    }
    // The root is always stored.
    shell(&tree, "chattr +d .");
    assert!(list(text(&tree), &[]).is_none_or(|listed| listed.contains("yes/yes")));
}

#[test]
fn what_is_mounted() {
    if !is_root() {
        return skip("only root can mount file systems");
    }
    let Some(mounted) = FileSystem::Ext4.mount() else { return };
    let mounts = "mkdir -p t/tmp t/bind t/plain t/proc t/sys other; touch other/x t/plain/x t/file other/file
        mount -t tmpfs none t/tmp; touch t/tmp/x; mount --bind other t/bind; mount --bind other/file t/file
        mount -t proc none t/proc; mount -t sysfs none t/sys";
    shell(&mounted.path(""), mounts);
    let tree = mounted.path("t");
    for (option, is_there) in [("--exclude-submounts=no", true), ("--exclude-submounts=yes", false)] {
        let Some(listed) = list(text(&tree), &[option]) else { return };
        for mount in ["tmp/x", "bind/x", "file\n", "proc\n"] {
            assert_eq!(listed.contains(mount), is_there, "{option} {mount}: {listed}");
        }
        assert!(listed.contains("plain/x") && !listed.contains("proc/") && !listed.contains("sys/"), "{listed}");
    }
}

#[test]
fn what_a_file_says() {
    let sandbox = Sandbox::new();
    let tree = "mkdir -p t/sub/deep t/build t/sub/build t/.hid; cd t
        touch foo.o bar.o .dot.o sub/foo.o sub/bar.o sub/deep/foo.o sub/deep/keepme.o build/x sub/build/y .hid/z";
    shell(&sandbox.path(""), tree);
    let root = sandbox.path("t");
    for (above, below) in [
        ("*.o", ""),
        ("/*.o", ""),
        ("build", ""),
        ("build/", ""),
        ("sub/*/foo.o", ""),
        ("*.o\n!bar.o", ""),
        ("!bar.o\n*.o", ""),
        ("*.o\n!sub/foo.o", ""),
        ("sub\n!sub/foo.o", ""),
        ("*", ""),
        ("*.o", "!foo.o"),
        ("!keep*", "*.o"),
        ("  # no comment\n\t*.o\t \r\n[f-g]oo.\\o\n", "?ar.o\n**/foo.o"),
        (".caexclude", ""),
        ("a/../b", ""),
        ("!", ""),
        ("/", ""),
    ] {
        std::fs::write(root.join(".caexclude"), above).unwrap();
        std::fs::write(root.join("sub/.caexclude"), below).unwrap();
        for option in ["--exclude-file=yes", "--exclude-file=yes --without=xattrs"] {
            let options: Vec<&str> = option.split(' ').collect();
            if list(text(&root), &options).is_none() {
                return;
            }
        }
    }
    // The released C casync ignores this option.
    std::fs::write(root.join(".caexclude"), "*").unwrap();
    let listed = outcome(Command::new(tool::ours()).args(["list", "--exclude-file=no", text(&root)]));
    assert!(listed.text().contains("sub/deep/foo.o"), "{listed:?}");
}
