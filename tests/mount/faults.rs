//! What cannot be read is an error for who reads it, and for nobody else; and only as long as it cannot be read.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use casync_tests::random::Rng;
use casync_tests::sandbox::Sandbox;
use casync_tests::{store, tool};

use crate::scene::{Mount, make, mounted, possible};

/// A tree of files of some chunks each, its index and store.
fn scene() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut rng = Rng::new(21);
    for number in 0..8 {
        sandbox.write(format!("tree/file-{number}"), rng.bytes(300_000));
    }
    make(&sandbox, tool::ours(), "x.caidx", &sandbox.path("tree"));
    sandbox
}

fn is_io_error(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

/// Reads until it succeeds: what failed is tried again soon, but not at once.
fn read_again(path: &Path) -> Vec<u8> {
    let started = Instant::now();
    loop {
        match std::fs::read(path) {
            Ok(bytes) => return bytes,
            Err(error) => assert!(is_io_error(&error) && started.elapsed() < Duration::from_secs(30), "{error}"),
        }
        std::thread::yield_now();
    }
}

/// Moves what is in a directory to another one. Who has the first one open sees it empty.
fn move_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::rename(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_store_goes_and_comes_back() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    let mount = Mount::new(&sandbox, ["--store=store.castr", "--memory=1M", "x.caidx"]);
    assert!(std::fs::read(mount.path("file-0")).unwrap() == sandbox.read("tree/file-0"));
    // The names are in memory from here on.
    assert_eq!(std::fs::read_dir(mount.path("")).unwrap().count(), 8);
    move_all(&sandbox.path("store.castr"), &sandbox.path("away"));
    let error = std::fs::read(mount.path("file-7")).unwrap_err();
    assert!(is_io_error(&error), "{error}");
    // What the kernel has read stays.
    assert!(std::fs::read(mount.path("file-0")).unwrap() == sandbox.read("tree/file-0"));
    move_all(&sandbox.path("away"), &sandbox.path("store.castr"));
    assert!(read_again(&mount.path("file-7")) == sandbox.read("tree/file-7"));
    let told = mount.unmount();
    let line = told.stderr.lines().find(|line| line.contains("file-7")).unwrap_or_else(|| panic!("{}", told.stderr));
    for part in ["Failed to read at offset ", "\"/file-7\"", "chunk ", "store.castr"] {
        assert!(line.contains(part), "{line}");
    }
    told.success();
}

#[test]
fn a_damaged_chunk_is_an_error_of_its_file_alone() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    store::copy(&sandbox.path("store.castr"), &sandbox.path("good"));
    let mount = Mount::new(&sandbox, ["--store=store.castr", "x.caidx"]);
    // The names are in memory from here on.
    assert_eq!(std::fs::read_dir(mount.path("")).unwrap().count(), 8);
    for path in store::paths(&sandbox.path("store.castr")) {
        store::damage(&path);
    }
    let results: Vec<bool> = (0..8).map(|number| std::fs::read(mount.path(format!("file-{number}"))).is_ok()).collect();
    assert!(results.contains(&false), "{results:?}");
    assert_eq!(std::fs::read_dir(mount.path("")).unwrap().count(), 8);
    std::fs::remove_dir_all(sandbox.path("store.castr")).unwrap();
    store::copy(&sandbox.path("good"), &sandbox.path("store.castr"));
    for number in 0..8 {
        let name = format!("file-{number}");
        assert!(read_again(&mount.path(&name)) == sandbox.read(format!("tree/{name}")), "{name}");
    }
    let told = mount.unmount();
    assert!(told.stderr.contains("Failed to read at offset"), "{}", told.stderr);
    told.success();
}

#[test]
fn a_chunk_is_taken_from_the_next_store() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    store::copy(&sandbox.path("store.castr"), &sandbox.path("second.castr"));
    for path in store::paths(&sandbox.path("store.castr")) {
        store::damage(&path);
    }
    let mount = Mount::new(&sandbox, ["--store=store.castr", "--extra-store=second.castr", "x.caidx"]);
    for number in 0..8 {
        let name = format!("file-{number}");
        assert!(std::fs::read(mount.path(&name)).unwrap() == sandbox.read(format!("tree/{name}")), "{name}");
    }
    mount.unmount().success();
}

/// Nothing is mounted that cannot be read.
#[test]
fn bad_input_is_refused_before_anything_is_mounted() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    sandbox.write("no.catar", vec![7; 100_000]);
    sandbox.write("empty.catar", "");
    make(&sandbox, tool::ours(), "cut.catar", &sandbox.path("tree"));
    let whole = sandbox.read("cut.catar");
    sandbox.write("cut.catar", &whole[..whole.len() - 1000]);
    let index = sandbox.read("x.caidx");
    sandbox.write("cut.caidx", &index[..index.len() - 10]);
    for (arguments, said) in [
        (&["no.catar", "mnt"][..], "read the root of the archive"),
        (&["empty.catar", "mnt"], "read the root of the archive"),
        (&["missing.caidx", "mnt"], "open \"missing.caidx\": No such file or directory"),
        (&["cut.caidx", "mnt"], "index"),
        (&["--store=nowhere", "x.caidx", "mnt"], "chunk "),
        (&["--store=store.castr", "x.caidx", "mnt", "no/such/path"], "Seek path not available in archive."),
        (&["--store=store.castr", "x.caidx", "mnt", "file-1"], "Failed to establish FUSE mount: Is a directory"),
        (&["--store=store.castr", "--mkdir=no", "x.caidx", "mnt"], "Failed to establish FUSE mount: No such file"),
        (&["--store=store.castr", "x.caidx", "a/b/c"], "Failed to create mount directory a/b/c: No such file"),
        (&["--store=store.castr", "-o", "frob", "x.caidx", "mnt"], "Failed to parse mount options"),
        (&["--store=store.castr", "-o", "frob=1", "x.caidx", "mnt"], "unknown mount option \"frob\""),
    ] {
        let told = sandbox.casync(["mount"].iter().chain(arguments)).failure();
        assert!(told.contains(said), "{arguments:?}: {told}");
        assert!(mounted(&sandbox.path("mnt")).is_none() && !sandbox.path("mnt").exists(), "{arguments:?}");
    }
    // Cut at its end, an archive has no tables; its root can be read, but nothing in it.
    let mount = Mount::new(&sandbox, ["cut.catar"]);
    assert!(is_io_error(&std::fs::read_dir(mount.path("")).unwrap().next().unwrap().unwrap_err()));
    assert!(mount.unmount().stderr.contains("Failed to list"));
}
