//! Mounts of what lies on other hosts: how much is asked for, by whom, and what happens when nobody answers.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use casync_tests::random::Rng;
use casync_tests::running::LIMIT;
use casync_tests::sandbox::Sandbox;
use casync_tests::service::S3;
use casync_tests::tool;
use casync_tests::walk::{assert_same, walk};
use casync_tests::web::{Act, Request, Web};
use rustix::fs::Advice;
use rustix::process::Signal;

use crate::scene::{Mount, make, mounted, possible};

/// A tree of 120 files of some chunks each in 12 directories, and a small one; an image; their indexes and store.
fn scene() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut rng = Rng::new(31);
    for number in 0..120 {
        sandbox.write(format!("tree/{:02}/{number:03}", number % 12), rng.bytes(150_000));
    }
    sandbox.write("tree/07/wanted", "here");
    sandbox.write("image", rng.bytes(6 << 20));
    make(&sandbox, tool::ours(), "x.caidx", &sandbox.path("tree"));
    make(&sandbox, tool::ours(), "x.caibx", &sandbox.path("image"));
    sandbox
}

/// Mounts what a server has, with its store.
#[track_caller]
fn mount(sandbox: &Sandbox, server: &Web, name: &str, options: &[&str]) -> Mount {
    let (store, input) = (format!("--store={}", server.url("store.castr")), server.url(name));
    Mount::new(sandbox, options.iter().copied().chain([&*store, &*input]))
}

/// How often each chunk was asked for.
fn chunks(server: &Web) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in server.requests().into_iter().filter(Request::is_for_chunk) {
        *counts.entry(request.path).or_default() += 1;
    }
    counts
}

/// Bytes of the chunks that were asked for.
fn bytes(sandbox: &Sandbox, server: &Web) -> u64 {
    let size = |path: &String| sandbox.path(path.trim_start_matches('/')).metadata().map_or(0, |file| file.len());
    chunks(server).keys().map(size).sum()
}

fn is_io_error(error: &std::io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

/// Reads until it succeeds, as somebody would who does not give up.
#[track_caller]
fn read_again(path: &Path) -> Vec<u8> {
    let started = Instant::now();
    loop {
        match std::fs::read(path) {
            Ok(bytes) => return bytes,
            Err(error) => assert!(is_io_error(&error) && started.elapsed() < LIMIT, "{error}"),
        }
        std::thread::yield_now();
    }
}

/// To mount takes the index and the end of the archive; to find a file its directories; and nothing comes of itself.
#[test]
fn a_handful_of_chunks_is_asked_for() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    let all = casync_tests::store::paths(&sandbox.path("store.castr")).len();
    let server = Web::new(sandbox.path(""));
    let mount = mount(&sandbox, &server, "x.caidx", &[]);
    let mounted = chunks(&server);
    assert!(mounted.len() <= 4 && all > 200, "{mounted:?} of {all}");
    assert_eq!(std::fs::read(mount.path("07/wanted")).unwrap(), b"here");
    assert!(!mount.path("07/unwanted").exists() && !mount.path("nowhere").exists());
    let found = chunks(&server);
    assert!(found.len() <= mounted.len() + 6, "{found:?} of {all}");
    // Again: all of it is here.
    for _ in 0..10 {
        assert_eq!(std::fs::read(mount.path("07/wanted")).unwrap(), b"here");
    }
    assert!(rustix::fs::statvfs(mount.path("07")).is_ok());
    assert_eq!(chunks(&server), found);
    assert!(found.values().all(|count| *count == 1), "{found:?}");
    mount.unmount().success();
    assert_eq!(chunks(&server), found);
    assert_eq!(server.requests().iter().filter(|request| request.is_for("x.caidx")).count(), 1);
}

/// The same of an archive that is one file on a server: parts of it.
#[test]
fn parts_of_archives_are_asked_for() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    make(&sandbox, tool::ours(), "x.catar", &sandbox.path("tree"));
    let server = Web::new(sandbox.path(""));
    let mount = Mount::new(&sandbox, [server.url("x.catar")]);
    assert_eq!(std::fs::read(mount.path("07/wanted")).unwrap(), b"here");
    let asked = server.requests();
    assert!(asked.len() < 12, "{asked:?}");
    let whole = |request: &Request| request.method == "GET" && !request.headers.contains_key("range");
    assert!(!asked.iter().any(whole), "{asked:?}");
    assert_same(&walk(&sandbox.path("tree")), &walk(&mount.path("")), "x.catar over HTTP");
    mount.unmount().success();
}

/// However many want a chunk, it is asked for once.
#[test]
fn many_readers_cause_one_request_for_a_chunk() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    let server = Web::new(sandbox.path(""));
    let mount = mount(&sandbox, &server, "x.caibx", &[]);
    let image = sandbox.read("image");
    std::thread::scope(|scope| {
        for number in 0..16 {
            let (image, path) = (&image, mount.path("x"));
            scope.spawn(move || {
                let file = File::open(path).unwrap();
                rustix::fs::fadvise(&file, 0, None, Advice::Random).unwrap();
                let (mut rng, mut buffer) = (Rng::new(number), vec![0; 4096]);
                for _ in 0..300 {
                    let start = rng.number(0..=image.len() - buffer.len());
                    file.read_exact_at(&mut buffer, start as u64).unwrap();
                    assert!(buffer == image[start..start + buffer.len()], "at {start}");
                }
            });
        }
    });
    let counts = chunks(&server);
    assert!(counts.len() > 20 && counts.values().all(|count| *count == 1), "{counts:?}");
    mount.unmount().success();
}

/// Who reads in order finds that the next chunks have been asked for; who does not, does not. The kernel is told to leave
/// it to the program.
#[test]
fn readers_in_order_are_read_ahead_of() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    let (server, image) = (Web::new(sandbox.path("")), sandbox.read("image"));
    let mount = mount(&sandbox, &server, "x.caibx", &[]);
    let mut file = File::open(mount.path("x")).unwrap();
    rustix::fs::fadvise(&file, 0, None, Advice::Random).unwrap();
    let mut page = [0; 4096];
    // From behind: nobody's order.
    for number in (1..40_u64).rev() {
        let start = (5 << 20) + number * 20_000;
        file.read_exact_at(&mut page, start).unwrap();
        assert!(page[..] == image[start as usize..][..4096]);
    }
    let without = bytes(&sandbox, &server);
    assert!(without < 2 << 20, "{without}");
    for number in 0..64 {
        file.read_exact(&mut page).unwrap();
        assert!(page[..] == image[number * 4096..][..4096]);
    }
    // 256 KiB were read.
    mount.program().until("more than was read", || bytes(&sandbox, &server) > without + (1 << 20));
    drop(file);
    mount.unmount().success();
}

/// No chunks, or no server: an error that says what and where, for who reads that; all else goes on, and that as well once
/// the server is back.
#[test]
fn a_server_goes_and_comes_back() {
    if !possible() {
        return;
    }
    for trouble in [Act::Status(404, ""), Act::Close, Act::Corrupt(1000)] {
        let (sandbox, is_down) = (scene(), Arc::new(AtomicBool::new(false)));
        let (down, act) = (Arc::clone(&is_down), trouble.clone());
        let server =
            Web::with(sandbox.path(""), move |_| if down.load(Ordering::Relaxed) { act.clone() } else { Act::Serve });
        let mut command = sandbox.command(tool::ours());
        command.env("CASYNC_HTTP_RETRIES", "1").arg("mount").arg(format!("--store={}", server.url("store.castr")));
        command.arg(server.url("x.caidx")).arg("mnt");
        let mount = Mount::start(&mut command, sandbox.path("mnt"));
        assert!(std::fs::read(mount.path("03/003")).unwrap() == sandbox.read("tree/03/003"));
        assert_eq!(std::fs::read_dir(mount.path("11")).unwrap().count(), 10);
        is_down.store(true, Ordering::Relaxed);
        let error = std::fs::read(mount.path("11/119")).unwrap_err();
        assert!(is_io_error(&error), "{trouble:?}: {error}");
        assert!(std::fs::read(mount.path("03/003")).unwrap() == sandbox.read("tree/03/003"));
        is_down.store(false, Ordering::Relaxed);
        assert!(read_again(&mount.path("11/119")) == sandbox.read("tree/11/119"), "{trouble:?}");
        let told = mount.unmount();
        let line = told.stderr.lines().find(|line| line.contains("11/119"));
        let line = line.unwrap_or_else(|| panic!("{trouble:?}: {}", told.stderr));
        let chunk = ["chunk ", "/store.castr"];
        for part in ["Failed to read at offset ", "\"/11/119\"", &server.url("")[..]].iter().chain(&chunk) {
            assert!(line.contains(part), "{trouble:?}: no {part:?} in {line}");
        }
        told.success();
    }
}

/// A server that has fallen silent holds up those who read, not those who want to end it.
#[test]
fn it_ends_though_nobody_answers() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    let is_silent = Arc::new(AtomicBool::new(false));
    let silent = Arc::clone(&is_silent);
    let server =
        Web::with(
            sandbox.path(""),
            move |_| {
                if silent.load(Ordering::Relaxed) { Act::StallAfter(100) } else { Act::Serve }
            },
        );
    let mount = mount(&sandbox, &server, "x.caidx", &[]);
    assert_eq!(std::fs::read_dir(mount.path("05")).unwrap().count(), 10);
    let asked = chunks(&server).len();
    is_silent.store(true, Ordering::Relaxed);
    let failed = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for number in 0..10 {
            let (path, failed) = (mount.path(format!("05/{:03}", number * 12 + 5)), &failed);
            scope.spawn(move || failed.fetch_add(u64::from(std::fs::read(path).is_err()), Ordering::Relaxed));
        }
        mount.program().until("readers", || chunks(&server).len() > asked);
        // Names are here and need nobody.
        assert_eq!(std::fs::read_dir(mount.path("05")).unwrap().count(), 10);
        mount.program().signal(Signal::TERM);
        mount.finish().success();
    });
    assert!(mounted(&sandbox.path("mnt")).is_none());
    assert!(failed.into_inner() > 0);
}

/// What one mount has fetched the next one has, and the one beside it.
#[test]
fn chunks_stay_for_the_next_mount() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    let server = Web::new(sandbox.path(""));
    let cache = ["--cache-store=cache.castr"];
    let first = mount(&sandbox, &server, "x.caidx", &cache);
    let expected = walk(&sandbox.path("tree"));
    assert_same(&expected, &walk(&first.path("")), "the first");
    let asked = chunks(&server);
    assert!(asked.values().all(|count| *count == 1), "{asked:?}");
    let (store, input) = (format!("--store={}", server.url("store.castr")), server.url("x.caidx"));
    let second = Mount::with(&sandbox, tool::ours(), [&store, cache[0], &input], "second");
    assert_same(&expected, &walk(&second.path("")), "the second");
    first.unmount().success();
    second.unmount().success();
    let third = mount(&sandbox, &server, "x.caidx", &cache);
    assert_same(&expected, &walk(&third.path("")), "the third");
    third.unmount().success();
    assert_eq!(chunks(&server), asked);
}

/// By ssh: a stand-in runs the other end here.
#[test]
fn a_store_behind_ssh() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    let ssh = sandbox.write("ssh", "#!/bin/sh\nshift\nexec sh -c \"exec $*\"\n");
    std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = sandbox.command(tool::ours());
    command.env("CASYNC_SSH_PATH", ssh).env("CASYNC_REMOTE_PATH", tool::ours()).arg("mount");
    let at = |name: &str| format!("host:{}", sandbox.path(name).display());
    command.arg(format!("--store={}", at("store.castr"))).arg(at("x.caidx")).arg("mnt");
    let mount = Mount::start(&mut command, sandbox.path("mnt"));
    assert_same(&walk(&sandbox.path("tree")), &walk(&mount.path("")), "by ssh");
    mount.unmount().success();
}

/// From a bucket.
#[test]
fn a_store_in_a_bucket() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    let Some(server) = S3::start(&sandbox) else { return };
    let mut command = sandbox.command(tool::ours());
    server.known_to(&mut command).args(["make", "s3://bucket/in/x.caidx", "tree"]);
    casync_tests::sandbox::outcome(&mut command).success();
    let mut command = sandbox.command(tool::ours());
    server.known_to(&mut command).args(["mount", "s3://bucket/in/x.caidx", "mnt"]);
    let mount = Mount::start(&mut command, sandbox.path("mnt"));
    assert_same(&walk(&sandbox.path("tree")), &walk(&mount.path("")), "from a bucket");
    mount.unmount().success();
}
