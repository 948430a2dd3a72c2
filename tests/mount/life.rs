//! How mounts begin and end.

use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use casync_tests::random::Rng;
use casync_tests::running::{LIMIT, Running};
use casync_tests::sandbox::{Sandbox, outcome};
use casync_tests::skip::skip;
use casync_tests::tool;
use rustix::process::Signal;

use crate::scene::{Mount, make, mounted, possible};

fn scene() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("tree/file", Rng::new(1).bytes(3 << 20));
    sandbox.write("tree/sub/other", "other");
    make(&sandbox, tool::ours(), "x.caidx", &sandbox.path("tree"));
    sandbox
}

fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    let started = Instant::now();
    while !happened() {
        assert!(started.elapsed() < LIMIT, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn signals_end_it_and_leave_nothing() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mount = Mount::new(&sandbox, ["--store=store.castr", "x.caidx"]);
        assert_eq!(std::fs::read(mount.path("sub/other")).unwrap(), b"other");
        mount.program().signal(signal);
        let told = mount.finish();
        assert!(told.text().contains("Mounted: mnt\n"), "{told:?}");
        told.success();
        assert!(mounted(&sandbox.path("mnt")).is_none());
        assert!(!sandbox.path("mnt").exists(), "a directory that was made is removed");
    }
    // One that was there stays.
    std::fs::create_dir(sandbox.path("mnt")).unwrap();
    Mount::new(&sandbox, ["--store=store.castr", "x.caidx"]).unmount().success();
    assert!(sandbox.path("mnt").exists());
}

#[test]
fn a_busy_mount_goes_when_it_is_told_to() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    let mount = Mount::new(&sandbox, ["--store=store.castr", "x.caidx"]);
    let open = std::fs::File::open(mount.path("file")).unwrap();
    mount.program().signal(Signal::TERM);
    mount.finish().success();
    assert!(mounted(&sandbox.path("mnt")).is_none());
    drop(open);
}

#[test]
fn it_can_be_unmounted_under_load() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    for _ in 0..3 {
        let mount = Mount::new(&sandbox, ["--store=store.castr", "--memory=1M", "x.caidx"]);
        let (path, stop, reads) = (mount.path("file"), AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        // Errors are what is to be expected once it is gone.
                        let _ = std::fs::read(&path);
                        reads.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            mount.program().until("reads", || reads.load(Ordering::Relaxed) > 20);
            mount.program().signal(Signal::TERM);
            let told = mount.finish();
            stop.store(true, Ordering::Relaxed);
            told.success();
        });
        assert!(mounted(&sandbox.path("mnt")).is_none());
    }
}

/// While the kernel takes pages that it has not asked for, a thread may wait for the answers to others.
#[test]
fn it_ends_under_small_reads() {
    if !possible() {
        return;
    }
    let sandbox = Sandbox::new();
    let content = Rng::new(2).bytes(24 << 20);
    sandbox.write("tree/file", &content);
    make(&sandbox, tool::ours(), "x.caidx", &sandbox.path("tree"));
    for signal in [Signal::TERM, Signal::KILL].repeat(3) {
        let mount = Mount::new(&sandbox, ["--store=store.castr", "--memory=1M", "x.caidx"]);
        let file = std::fs::File::open(mount.path("file")).unwrap();
        let (content, reads) = (&content, &AtomicU64::new(0));
        std::thread::scope(|scope| {
            for seed in 0..8 {
                let mut rng = Rng::new(seed);
                let file = &file;
                scope.spawn(move || {
                    let mut page = [0; 4096];
                    let mut offset = || rng.below(content.len() as u64 / 4096) * 4096;
                    let mut at = offset();
                    // The file ends with errors.
                    while file.read_exact_at(&mut page, at).is_ok() {
                        assert!(content[at as usize..][..4096] == page, "at {at}");
                        at = offset();
                        reads.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            has_guard(&sandbox, &mount);
            mount.program().until("reads", || reads.load(Ordering::Relaxed) > 500);
            mount.program().signal(signal);
        });
        drop(file);
        assert_eq!(mount.finish().status, (signal == Signal::TERM).then_some(0));
        wait_until("the mount is still there", || mounted(&sandbox.path("mnt")).is_none());
    }
}

/// The guard is started when the mount can be used already.
fn has_guard(sandbox: &Sandbox, mount: &Mount) {
    mount.program().until("a guard", || {
        let listed = outcome(Command::new("ps").args(["-eo", "args"])).text();
        listed
            .lines()
            .any(|line| line.starts_with("casync-mount-guard") && line.contains(sandbox.path("mnt").to_str().unwrap()))
    });
}

#[test]
fn a_killed_program_leaves_no_dead_mount() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    let mount = Mount::new(&sandbox, ["--store=store.castr", "x.caidx"]);
    has_guard(&sandbox, &mount);
    mount.program().signal(Signal::KILL);
    assert_eq!(mount.finish().status, None);
    wait_until("the mount is still there", || mounted(&sandbox.path("mnt")).is_none());
    wait_until("the mount point is still there", || !sandbox.path("mnt").exists());
}

#[test]
fn service_managers_are_told() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    let socket = UnixDatagram::bind(sandbox.path("notify")).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    let mut command = sandbox.command(tool::ours());
    command.env("NOTIFY_SOCKET", sandbox.path("notify")).args(["mount", "--store=store.castr", "x.caidx", "mnt"]);
    let mount = Mount::start(&mut command, sandbox.path("mnt"));
    let mut message = [0; 100];
    let length = socket.recv(&mut message).unwrap();
    assert_eq!(&message[..length], b"READY=1");
    mount.unmount().success();
}

#[test]
fn in_the_background() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    let told = sandbox.casync(["mount", "--daemon", "--store=store.castr", "x.caidx", "mnt"]);
    assert_eq!(told.success(), b"Mounted: mnt\n");
    assert_eq!(std::fs::read(sandbox.path("mnt/sub/other")).unwrap(), b"other");
    outcome(Command::new("umount").arg(sandbox.path("mnt"))).success();
    wait_until("the mount point is still there", || !sandbox.path("mnt").exists());
    // Its errors are ours.
    let failed = sandbox.casync(["mount", "--daemon", "--store=nowhere", "x.caidx", "mnt"]).failure();
    assert!(failed.contains("chunk ") && !sandbox.path("mnt").exists(), "{failed}");
}

/// As mount(8) calls it for a line of fstab.
#[test]
fn as_a_helper_of_mount() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    std::os::unix::fs::symlink(tool::ours(), sandbox.path("mount.casync")).unwrap();
    std::fs::create_dir(sandbox.path("mnt")).unwrap();
    let store = format!("rw,nofail,noexec,store={}", sandbox.path("store.castr").display());
    let arguments = ["x.caidx", "mnt", "-n", "-o", &store];
    sandbox.run(sandbox.path("mount.casync"), arguments).success();
    assert_eq!(std::fs::read(sandbox.path("mnt/sub/other")).unwrap(), b"other");
    let shown = mounted(&sandbox.path("mnt")).unwrap();
    assert!(shown.starts_with("fuse.casync x.caidx ro"), "{shown}");
    outcome(Command::new("umount").arg(sandbox.path("mnt"))).success();
    // A dry run mounts nothing.
    sandbox.run(sandbox.path("mount.casync"), arguments.iter().chain(&["-f"])).success();
    assert!(mounted(&sandbox.path("mnt")).is_none());
}

/// Names of inputs are no options.
#[test]
fn names_with_commas_are_names() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    std::fs::copy(sandbox.path("x.caidx"), sandbox.path("a,dev b.caidx")).unwrap();
    let mount = Mount::new(&sandbox, ["--store=store.castr", "a,dev b.caidx"]);
    let shown = mounted(&sandbox.path("mnt")).unwrap();
    assert!(
        shown.starts_with("fuse.casync a,dev\\040b.caidx ro,user_id=0,group_id=0,default_permissions,allow_other"),
        "{shown}"
    );
    mount.unmount().success();
}

/// A user who is not root mounts through fusermount3.
#[test]
fn users_can_mount() {
    if !possible() {
        return;
    }
    if tool::which("fusermount3").is_none() || tool::which("setpriv").is_none() {
        return skip("users mount by fusermount3, tests become users by setpriv");
    }
    if std::fs::metadata("/dev/fuse").unwrap().mode() & 0o006 != 0o006 {
        return skip("/dev/fuse is for root alone here");
    }
    let sandbox = scene();
    // Of a directory that the user may enter and owns.
    casync_tests::plant::shell(
        &sandbox.path(""),
        "chmod 755 . store.castr; chmod -R a+rX store.castr x.caidx; mkdir mnt; chown 65534:65534 mnt",
    );
    std::fs::copy(tool::ours(), sandbox.path("casync")).unwrap();
    let mut command = sandbox.command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(sandbox.path("casync"));
    command.args(["mount", "--store=store.castr", "x.caidx", "mnt"]);
    let program = Running::start(&mut command);
    program.until("a mount", || mounted(&sandbox.path("mnt")).is_some());
    let read = |who: &[&str]| outcome(Command::new("setpriv").args(who).arg("cat").arg(sandbox.path("mnt/sub/other")));
    assert_eq!(read(&["--reuid=65534", "--regid=65534", "--clear-groups"]).success(), b"other");
    // Nobody else may, root included.
    assert_eq!(read(&[]).status, Some(1));
    assert!(mounted(&sandbox.path("mnt")).unwrap().contains("user_id=65534"));
    program.signal(Signal::TERM);
    program.finish().success();
    assert!(mounted(&sandbox.path("mnt")).is_none());
}
