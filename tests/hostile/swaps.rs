//! Somebody else may write in the output and changes directories for links to elsewhere while it is extracted.

use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use casync_core::archive::{Content, Metadata, Node, Selection, Timestamp, Xattr};
use casync_core::record::FeatureFlags;
use casync_core::{Name, archive::IdShift};
use casync_tests::members::{Member, encode};
use casync_tests::random::{Rng, for_each_seed};
use casync_tests::tool::ours;
use rustix::fs::{Mode, OFlags, RenameFlags, open, openat, renameat_with};

use crate::yard::Yard;

const DIRECTORIES: usize = 6;

fn name(number: usize) -> String {
    format!("d{number}")
}

/// A tree of directories in directories, with every kind of node that has metadata of its own.
fn tree() -> Vec<u8> {
    let features = FeatureFlags::union(&[
        FeatureFlags::UIDS_32BIT,
        FeatureFlags::PERMISSIONS,
        FeatureFlags::NSEC_TIME,
        FeatureFlags::SYMLINKS,
        FeatureFlags::FIFOS,
        FeatureFlags::XATTRS,
    ]);
    let mut members = Vec::new();
    let mut add = |depth, name: Option<&str>, content: Content| {
        let xattrs = vec![Xattr { name: (*b"user.evil").into(), value: (*b"x").into() }];
        let mtime = Timestamp::from_unix(1, 2);
        let mut metadata = Metadata { permissions: 0o4777, mtime, xattrs, ..Metadata::default() };
        let selection = Selection::new(features, IdShift::default());
        selection.apply(content.file_type(), &mut metadata).unwrap();
        let payload = if let Content::Regular { size } = content { vec![b'!'; size as usize] } else { Vec::new() };
        let name = name.map(|name| Name::new(name.as_bytes()).unwrap());
        let node = Node { metadata, content };
        members.push(Member { name, path: Vec::new(), depth, node, entry: 0, records: Vec::new(), payload });
    };
    add(0, None, Content::Directory);
    for outer in 0..DIRECTORIES {
        add(1, Some(&name(outer)), Content::Directory);
        for inner in 0..DIRECTORIES {
            add(2, Some(&name(inner)), Content::Directory);
            add(3, Some("file"), Content::Regular { size: 1000 });
            add(3, Some("link"), Content::Symlink { target: (*b"/").into() });
            add(3, Some("pipe"), Content::Fifo);
        }
        add(2, Some("file"), Content::Regular { size: 1000 });
    }
    encode(&members, features).unwrap()
}

/// Changes entries below `out` for links, and back, until told to stop. It follows no links itself, or it would be the one
/// that changes what is outside.
fn swap(out: &OwnedFd, spare: &OwnedFd, seed: &mut Rng, stop: &AtomicBool) -> u64 {
    let mut swapped = 0;
    while !stop.load(Ordering::Relaxed) {
        let mut parent = out.try_clone().unwrap();
        while seed.once_in(2) {
            let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            match openat(&parent, name(seed.number(0..=DIRECTORIES - 1)), flags, Mode::empty()) {
                Ok(below) => parent = below,
                Err(_) => break,
            }
        }
        let directory = name(seed.number(0..=DIRECTORIES - 1));
        let entry = if seed.once_in(4) { *seed.pick(&["file", "pipe", "link"]) } else { &directory };
        let exchange = || renameat_with(spare, "link", &parent, entry, RenameFlags::EXCHANGE);
        if exchange().is_ok() {
            swapped += 1;
            if !seed.once_in(20) {
                let _ = exchange();
            }
        }
    }
    swapped
}

/// Stops the swapping, also when the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn start(yard: &Yard) -> Child {
    let mut extract = yard.sandbox.command(ours());
    extract.args(["extract", "x.catar", "out"]).stdout(Stdio::null()).stderr(Stdio::piped());
    extract.spawn().unwrap()
}

#[test]
fn nothing_outside_changes_while_directories_are_swapped() {
    let archive = tree();
    let swapped = AtomicU64::new(0);
    let mut outcomes = (0, 0);
    for_each_seed(8, |rng| {
        let yard = Yard::new();
        yard.sandbox.write("x.catar", &archive);
        // What the links lead to has the same names as the archive, so that everything could go wrong in it.
        for at in 0..DIRECTORIES {
            yard.sandbox.write(format!("outside/{}/file", name(at)), "precious");
            yard.sandbox.write(format!("outside/{}/pipe", name(at)), "precious");
        }
        yard.sandbox.write("outside/pipe", "precious");
        let yard = Yard::with(yard.sandbox);
        // On the same file system, or nothing could be exchanged.
        let spare = tempfile::tempdir_in(yard.sandbox.path("..")).unwrap();
        let link = spare.path().join("link");
        let place_link = || {
            let _ = std::fs::remove_file(&link).or_else(|_| std::fs::remove_dir_all(&link));
            std::os::unix::fs::symlink(yard.sandbox.path("outside"), &link)
        };
        place_link().unwrap();
        let [out, spare] = [&yard.sandbox.path("out"), spare.path()]
            .map(|path| open(path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap());
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (out, spare, stop) = (&out, &spare, &stop);
            let swapper = scope.spawn(move || swap(out, spare, rng, stop));
            let stopper = Stop(stop);
            for _ in 0..12 {
                let output = start(&yard).wait_with_output().unwrap();
                let error = String::from_utf8_lossy(&output.stderr);
                assert!(!error.contains("panicked"), "{error}");
                match output.status.code() {
                    Some(0) => outcomes.0 += 1,
                    Some(1) => outcomes.1 += 1,
                    other => panic!("{other:?}: {error}"),
                }
                yard.check();
                // What was swapped last may have stayed so.
                let _ = place_link();
            }
            drop(stopper);
            swapped.fetch_add(swapper.join().unwrap(), Ordering::Relaxed);
        });
        yard.check();
    });
    let swapped = swapped.into_inner();
    assert!(swapped > 100, "only {swapped} swaps in {outcomes:?} runs");
}
