//! Seeds that change, shrink or vanish between the scan and the use.

use std::io::Read as _;
use std::process::Stdio;

use casync_tests::sandbox::Sandbox;

use crate::scene::{CHUNK_SIZE, chunks, images, trees};

/// Extracts to a pipe that nobody reads until `change` has been made: by then the seeds have been looked through, and the
/// pipe is full.
fn extract_while(sandbox: &Sandbox, seed: &str, index: &str, change: impl FnOnce()) -> (bool, Vec<u8>) {
    let mut command = sandbox.command(casync_tests::tool::ours());
    command.args([seed, "--jobs=1", "--memory=1", "extract", "--what=blob-index", index, "-"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut out = vec![0; 1];
    // The first byte comes after the scan.
    stdout.read_exact(&mut out).unwrap();
    change();
    stdout.read_to_end(&mut out).unwrap();
    (child.wait().unwrap().success(), out)
}

#[test]
fn a_seed_that_changes_during_the_run_costs_only_time() {
    type Change = fn(&Sandbox);
    let changes: [Change; 3] = [
        |sandbox| {
            let length = sandbox.read("old.img").len();
            std::fs::File::options()
                .write(true)
                .open(sandbox.path("old.img"))
                .unwrap()
                .set_len(length as u64 / 3)
                .unwrap();
        },
        |sandbox| std::fs::remove_file(sandbox.path("old.img")).unwrap(),
        |sandbox| {
            let length = sandbox.read("old.img").len();
            sandbox.write("old.img", vec![7; length]);
        },
    ];
    for change in changes {
        let sandbox = Sandbox::new();
        images(&sandbox);
        sandbox.casync([CHUNK_SIZE, "make", "--store=default.castr", "again.caibx", "new.img"]).success();
        let (good, out) = extract_while(&sandbox, "--seed=old.img", "new.caibx", || change(&sandbox));
        assert!(good && out == sandbox.read("new.img"));
    }
}

#[test]
fn a_changed_seed_is_never_taken_for_what_it_was() {
    let sandbox = Sandbox::new();
    images(&sandbox);
    let length = sandbox.read("old.img").len();
    // The store lacks what was in the seed.
    let (good, out) = extract_while(&sandbox, "--seed=old.img", "new.caibx", || {
        sandbox.write("old.img", vec![7; length]);
    });
    assert!(!good, "{} bytes", out.len());
    assert!(sandbox.read("new.img").starts_with(&out), "what came was right");
}

#[test]
fn files_of_a_tree_may_become_anything() {
    type Change = fn(&Sandbox);
    let changes: [Change; 4] = [
        |sandbox| std::fs::remove_dir_all(sandbox.path("old")).unwrap(),
        |sandbox| {
            std::fs::remove_file(sandbox.path("old/a/image")).unwrap();
            std::os::unix::fs::symlink("../../new/a/image", sandbox.path("old/a/image")).unwrap();
        },
        |sandbox| {
            std::fs::remove_file(sandbox.path("old/a/image")).unwrap();
            let made = std::process::Command::new("mkfifo").arg(sandbox.path("old/a/image")).status().unwrap();
            assert!(made.success());
        },
        |sandbox| {
            std::fs::remove_dir_all(sandbox.path("old/a")).unwrap();
            sandbox.write("old/a", "no directory any more");
        },
    ];
    for change in changes {
        let sandbox = Sandbox::new();
        trees(&sandbox);
        let more = ["--with=symlinks", CHUNK_SIZE, "make", "--store=default.castr", "again.caidx", "new"];
        sandbox.casync(more).success();
        assert!(!chunks(&sandbox.path("default.castr")).is_empty());
        sandbox.casync(["extract", "new.caidx", "expected"]).success();
        sandbox.casync(["--with=symlinks", "make", "expected.catar", "expected"]).success();
        let (good, out) = extract_while(&sandbox, "--seed=old", "new.caidx", || change(&sandbox));
        assert!(good && out == sandbox.read("expected.catar"));
    }
}
