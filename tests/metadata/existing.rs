//! Extraction over what is there already: what stays, what goes, and what must not be touched.

use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::process::Command;

use casync_tests::craft::{Directory, directory_entry, file};
use casync_tests::mount::{FileSystem, is_root};
use casync_tests::sandbox::{Sandbox, outcome};
use casync_tests::skip::skip;
use casync_tests::snapshot::{differences, snapshot};
use casync_tests::tool;

use casync_tests::plant::{shell, text};

/// An archive with `a/inner` and `b`.
fn small() -> Vec<u8> {
    let a = Directory::new(directory_entry()).with(b"inner", &file(b"new")).finish();
    Directory::new(directory_entry()).with(b"a", &a).with(b"b", &file(b"new")).finish()
}

#[test]
fn what_the_archive_does_not_have_goes_unless_it_is_to_stay() {
    let sandbox = Sandbox::new();
    sandbox.write("x.catar", small());
    for (option, stays) in [("--delete=no", true), ("--delete=yes", false)] {
        sandbox.write("out/stranger", "x");
        sandbox.write("out/a/below/stranger", "x");
        sandbox.write("out/a/.#inner0123456789abcdef", "left by a run that was killed");
        sandbox.casync(["extract", option, "x.catar", "out"]).success();
        assert_eq!(sandbox.path("out/stranger").exists(), stays);
        assert_eq!(sandbox.path("out/a/below/stranger").exists(), stays);
        assert_eq!(sandbox.names("out/a").len(), if stays { 3 } else { 1 });
        assert_eq!(sandbox.read("out/a/inner"), b"new");
    }
}

#[test]
fn nothing_is_removed_without_a_named_output() {
    let sandbox = Sandbox::new();
    sandbox.write("x.catar", small());
    let error = sandbox.casync(["extract", "x.catar"]).failure();
    assert!(error.contains("--delete=no"), "{error}");
    sandbox.casync(["extract", "--delete=no", "x.catar"]).success();
    assert_eq!(sandbox.names(""), ["a", "b", "x.catar"]);
}

#[test]
fn types_change_places() {
    let sandbox = Sandbox::new();
    sandbox.write("x.catar", small());
    sandbox.write("outside/inner", "safe");
    std::fs::create_dir(sandbox.path("out")).unwrap();
    symlink(sandbox.path("outside"), sandbox.path("out/a")).unwrap();
    sandbox.write("out/b/some/thing", "old");
    sandbox.casync(["extract", "x.catar", "out"]).success();
    assert_eq!(sandbox.read("out/a/inner"), b"new");
    assert_eq!(sandbox.read("out/b"), b"new");
    assert_eq!(sandbox.read("outside/inner"), b"safe");
    assert_eq!(sandbox.names("out"), ["a", "b"]);
}

#[test]
fn hard_links_of_old_files_keep_the_old_content() {
    let sandbox = Sandbox::new();
    sandbox.write("x.catar", small());
    sandbox.write("outside", "old");
    std::fs::create_dir(sandbox.path("out")).unwrap();
    std::fs::create_dir(sandbox.path("other")).unwrap();
    std::fs::hard_link(sandbox.path("outside"), sandbox.path("out/b")).unwrap();
    std::fs::rename(sandbox.path("outside"), sandbox.path("other/outside")).unwrap();
    let before = snapshot(&sandbox.path("other"));
    sandbox.casync(["extract", "x.catar", "out"]).success();
    assert_eq!(differences(&before, &snapshot(&sandbox.path("other")), |_, _| false), [""; 0]);
    assert_eq!(sandbox.read("out/b"), b"new");
}

/// Mounts of another file system, and of the same one a second time, which has the same device number.
#[test]
fn nothing_mounted_inside_is_removed() {
    if !is_root() {
        return skip("only root can mount file systems");
    }
    for kind in ["tmpfs", "bind"] {
        for (place, is_listed) in [("out/a", true), ("out/stranger", false)] {
            let sandbox = Sandbox::new();
            sandbox.write("x.catar", small());
            sandbox.write("other/precious", "x");
            std::fs::create_dir_all(sandbox.path(place)).unwrap();
            let mounted = Unmount(sandbox.path(place));
            let options: &[&str] = if kind == "bind" { &["--bind", "other"] } else { &["-t", "tmpfs", "none"] };
            outcome(sandbox.command("mount").args(options).arg(place)).success();
            sandbox.write(format!("{place}/precious"), "x");
            let outcome = sandbox.casync(["extract", "x.catar", "out"]);
            if is_listed {
                assert!(outcome.stderr.contains("Not removing 1 entries of \"a\""), "{}", outcome.stderr);
                outcome.success();
                assert_eq!(sandbox.read("out/a/inner"), b"new");
            } else {
                assert!(outcome.failure().contains("another file system is mounted there"));
            }
            assert_eq!(sandbox.read(format!("{place}/precious")), b"x", "{kind} at {place}");
            drop(mounted);
        }
    }
}

struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        outcome(Command::new("umount").arg("--lazy").arg(&self.0));
    }
}

#[test]
fn immutable_nodes_are_replaced_only_on_demand() {
    let Some(mounted) = FileSystem::Ext4.mount() else { return };
    let sandbox = Sandbox::new();
    sandbox.write("x.catar", small());
    let out = mounted.path("out");
    let prepare = "mkdir -p out/a out/gone/below; echo old >out/a/inner; echo old >out/b; echo x >out/gone/below/x
        chattr +i out/a/inner out/a out/gone/below out; chattr +a out/b";
    shell(&mounted.path(""), prepare);
    let refused = sandbox.casync(["extract", "x.catar", text(&out)]).failure();
    assert!(refused.contains("Operation not permitted"), "{refused}");
    assert_eq!(std::fs::read(out.join("b")).unwrap(), b"old\n");
    sandbox.casync(["extract", "--undo-immutable=yes", "x.catar", text(&out)]).success();
    assert_eq!(std::fs::read(out.join("a/inner")).unwrap(), b"new");
    assert_eq!(std::fs::read(out.join("b")).unwrap(), b"new");
    assert!(!out.join("gone").exists());
}

/// The same shifts as the C casync, both ways.
#[test]
fn ids_are_shifted_as_upstream_does() {
    let Some(upstream) = tool::upstream() else { return };
    if !is_root() {
        return skip("only root can give files away");
    }
    let sandbox = Sandbox::new();
    let owners = "mkdir t; cd t; touch root one big; mkdir d; chown 1:2 one; chown 65534:70000 big; chown 1000:1000 d
        setfacl -m u:4:rw,g:5:r one";
    shell(&sandbox.path(""), owners);
    for (at, options) in [
        &["--uid-shift=100000"][..],
        &["--uid-shift=100000", "--without=user-names"],
        &["--uid-range=1000", "--without=user-names"],
        &["--uid-shift=yes", "--uid-range=65536", "--without=user-names"],
        &["--uid-shift=0x20000", "--uid-range=256", "--with=16bit-uids", "--with=permissions", "--with=nsec-time"],
        &["--uid-range=no"],
    ]
    .into_iter()
    .enumerate()
    {
        let outcomes = [tool::ours(), upstream].map(|program| {
            let name = if program == upstream { "theirs" } else { "ours" };
            let out = format!("{name}-{at}");
            sandbox.run(program, ["make", "x.catar", "t"]).success();
            let extracted = sandbox.run(program, [&["extract"], options, &["x.catar", &out]].concat());
            assert_eq!(extracted.status, Some(0), "{name} {options:?}: {}", extracted.stderr);
            // Names are not shifted, so that some come back below the shift, which nobody can store.
            let back = ["make", "--with=32bit-uids"];
            let back = sandbox.run(program, [&back, options, &["back.catar", &out]].concat());
            (back.status, back.stdout)
        });
        assert_eq!(outcomes[0], outcomes[1], "{options:?}");
        let [ours, theirs] = ["ours", "theirs"].map(|name| snapshot(&sandbox.path(format!("{name}-{at}"))));
        let differing = differences(&ours, &theirs, |_, _| false);
        assert!(differing.is_empty(), "{options:?}: {differing:#?}");
        assert!(ours.keys().any(|(path, what)| path == "./big" && what == "owner"));
    }
}

#[test]
fn trees_may_be_deeper_than_a_process_may_have_files_open_by_default() {
    let sandbox = Sandbox::new();
    let mut tree = Directory::new(directory_entry()).with(b"leaf", &file(b"x")).finish();
    for _ in 0..500 {
        tree = Directory::new(directory_entry()).with(b"d", &tree).finish();
    }
    sandbox.write("x.catar", tree);
    let limited = format!("ulimit -Sn 100; exec {} extract x.catar out", text(tool::ours()));
    outcome(sandbox.command("bash").args(["-c", &limited])).success();
    let leaf = Path::new("out").join("d/".repeat(500)).join("leaf");
    assert_eq!(sandbox.read(leaf), b"x");
}

#[test]
fn everything_reaches_the_disk_on_demand() {
    let sandbox = Sandbox::new();
    sandbox.write("x.catar", small());
    for when in ["none", "end", "each"] {
        for _ in 0..2 {
            sandbox.casync(["extract", &format!("--fsync={when}"), "x.catar", when]).success();
        }
        assert_eq!(sandbox.read(format!("{when}/a/inner")), b"new");
    }
    let error = sandbox.casync(["extract", "--fsync=sometimes", "x.catar", "out"]).failure();
    assert!(error.contains("--fsync="), "{error}");
    let Some(strace) = tool::which("strace") else { return skip("strace is not installed") };
    for (when, full, single) in [("none", 0, 0), ("end", 1, 0), ("each", 0, 5)] {
        let trace = sandbox.path("trace");
        let mut command = sandbox.command(strace.as_path());
        command.args(["-f", "-e", "trace=fsync,syncfs", "-o", text(&trace)]).arg(tool::ours());
        outcome(command.args(["extract", &format!("--fsync={when}"), "x.catar", &format!("new-{when}")])).success();
        let calls = String::from_utf8(sandbox.read("trace")).unwrap();
        assert_eq!(calls.matches(" syncfs(").count(), full, "{when}: {calls}");
        assert!(calls.matches(" fsync(").count() >= single, "{when}: {calls}");
    }
}

/// Zeros become holes, or not.
#[test]
fn runs_of_zeros_are_punched_on_demand() {
    let sandbox = Sandbox::new();
    let tree = Directory::new(directory_entry()).with(b"zeros", &file(&vec![0; 4 << 20])).finish();
    sandbox.write("x.catar", tree);
    for (answer, is_sparse) in [("yes", true), ("no", false)] {
        sandbox.casync(["extract", &format!("--punch-holes={answer}"), "x.catar", answer]).success();
        let metadata = sandbox.path(answer).join("zeros").metadata().unwrap();
        assert_eq!(metadata.len(), 4 << 20);
        assert_eq!(metadata.blocks() * 512 < 1 << 20, is_sparse, "{} blocks", metadata.blocks());
    }
}
