//! Reading of all kinds, by many at the same time.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;

use casync_tests::plant::shell;
use casync_tests::random::Rng;
use casync_tests::sandbox::{Sandbox, outcome};
use casync_tests::tool;
use casync_tests::walk::{assert_same, walk};
use rustix::fs::{SeekFrom, seek};

use crate::scene::{Mount, make, possible};

/// A tree of real files, by our archives and the C casync's, read whole.
#[test]
fn trees_are_equal_to_their_source() {
    if !possible() {
        return;
    }
    let source = Path::new("/usr/share/perl5");
    let expected = walk(source);
    for maker in [Some(tool::ours()), tool::upstream()].into_iter().flatten() {
        for name in ["x.caidx", "x.catar"] {
            let sandbox = Sandbox::new();
            make(&sandbox, maker, name, source);
            let mount = Mount::new(&sandbox, ["--store=store.castr", name]);
            assert_same(&expected, &walk(&mount.path("")), &format!("{name} of {maker:?}"));
            mount.unmount().success();
        }
    }
}

/// Who reads a page finds its neighbours with the kernel, which has been given all of the chunk.
#[test]
fn the_rest_of_a_chunk_comes_along() {
    if !possible() {
        return;
    }
    let sandbox = Sandbox::new();
    let content = Rng::new(4).bytes((6 << 20) + 100);
    sandbox.write("tree/file", &content);
    sandbox.write("tree/small", &content[..5000]);
    make(&sandbox, tool::ours(), "x.caidx", &sandbox.path("tree"));
    make(&sandbox, tool::ours(), "x.caibx", &sandbox.path("tree/file"));
    for (input, name) in [("x.caidx", "file"), ("x.caibx", "x")] {
        let mount = Mount::new(&sandbox, ["--store=store.castr", input]);
        let file = File::open(mount.path(name)).unwrap();
        let pages = || {
            let mut command = Command::new("fincore");
            outcome(command.args(["--noheadings", "--output=PAGES"]).arg(mount.path(name))).text()
        };
        let count = || pages().trim().parse::<u64>().expect("a number");
        let mut page = [0; 4096];
        let mut offsets = (0..content.len() as u64 - 4096).step_by(300 << 10);
        // It begins a moment after the mount can be used.
        mount.program().until("pages that nobody has read", || {
            if let Some(offset) = offsets.next() {
                file.read_exact_at(&mut page, offset).unwrap();
                assert!(content[offset as usize..][..4096] == page, "{input} at {offset}");
            }
            count() > 25
        });
        assert!(count() < 1000, "not all of it");
        assert!(std::fs::read(mount.path(name)).unwrap() == content, "{input}");
        drop(file);
        mount.unmount().success();
    }
}

/// 16 threads read parts of a file at random, with a cache that is far too small for it.
#[test]
fn many_readers_get_the_right_bytes() {
    if !possible() {
        return;
    }
    let sandbox = Sandbox::new();
    let image = Rng::new(5).bytes(8 << 20);
    sandbox.write("image", &image);
    make(&sandbox, tool::ours(), "x.caibx", &sandbox.path("image"));
    let mount = Mount::new(&sandbox, ["--store=store.castr", "--memory=2M", "x.caibx"]);
    std::thread::scope(|scope| {
        for number in 0..16 {
            let (image, path) = (&image, mount.path("x"));
            scope.spawn(move || {
                let file = File::open(path).unwrap();
                let mut rng = Rng::new(number);
                let mut buffer = vec![0; 40_000];
                for _ in 0..200 {
                    let start = rng.number(0..=image.len() - 1);
                    let length = rng.number(1..=buffer.len()).min(image.len() - start);
                    file.read_exact_at(&mut buffer[..length], start as u64).unwrap();
                    assert!(buffer[..length] == image[start..start + length], "{length} bytes at {start}");
                }
            });
        }
    });
    assert!(std::fs::read(mount.path("x")).unwrap() == image);
    mount.unmount().success();
}

/// A directory of 20,000 files and 300 of 100: all of it is found, listed with attributes and copied.
#[test]
fn fifty_thousand_files() {
    if !possible() {
        return;
    }
    let sandbox = Sandbox::new();
    let mut rng = Rng::new(9);
    for number in 0..50_000 {
        let name =
            if number < 20_000 { format!("tree/large/{number}") } else { format!("tree/{:03}/{number}", number % 300) };
        let length = rng.number(0..=200);
        sandbox.write(name, rng.bytes(length));
    }
    make(&sandbox, tool::ours(), "x.caidx", &sandbox.path("tree"));
    let mount = Mount::new(&sandbox, ["--store=store.castr", "x.caidx"]);
    let found = shell(&mount.path(""), "find . | sort");
    assert!(found == shell(&sandbox.path("tree"), "find . | sort"));
    assert_eq!(found.iter().filter(|byte| **byte == b'\n').count(), 50_302);
    // Without the numbers of links of directories, and the sums of blocks.
    let list = "ls -lR --time-style=full-iso | sed -E '/^total/d; s/^(d[^ ]* +)[0-9]+ +([^ ]+ +[^ ]+) +[0-9]+/\\1\\2/'";
    assert!(shell(&mount.path(""), list) == shell(&sandbox.path("tree"), list));
    outcome(Command::new("cp").arg("-a").arg(mount.path("")).arg(sandbox.path("copy"))).success();
    let compared = outcome(Command::new("diff").arg("-r").arg(sandbox.path("tree")).arg(sandbox.path("copy")));
    compared.success();
    mount.unmount().success();
}

/// Holes are told from the index alone.
#[test]
fn holes_are_found() {
    if !possible() {
        return;
    }
    let sandbox = Sandbox::new();
    let mut image = Rng::new(3).bytes(9 << 20);
    image[2 << 20..6 << 20].fill(0);
    sandbox.write("image", &image);
    make(&sandbox, tool::ours(), "x.caibx", &sandbox.path("image"));
    let mount = Mount::new(&sandbox, ["--store=store.castr", "x.caibx"]);
    let file = File::open(mount.path("x")).unwrap();
    let hole = seek(&file, SeekFrom::Hole(0)).unwrap();
    let data = seek(&file, SeekFrom::Data(hole)).unwrap();
    assert!(((2 << 20)..(5 << 20)).contains(&hole) && ((4 << 20)..=(6 << 20)).contains(&data), "{hole} {data}");
    assert!(image[hole as usize..data as usize].iter().all(|byte| *byte == 0));
    assert_eq!(seek(&file, SeekFrom::Hole(data)).unwrap(), 9 << 20);
    assert_eq!(seek(&file, SeekFrom::Data(9 << 20)), Err(rustix::io::Errno::NXIO));
    assert!(std::fs::read(mount.path("x")).unwrap() == image);
    drop(file);
    mount.unmount().success();
}

/// To mount and find one file takes a handful of chunks of a large archive; the others may all be missing.
#[test]
fn little_is_fetched_for_little() {
    if !possible() {
        return;
    }
    let sandbox = Sandbox::new();
    let mut rng = Rng::new(11);
    for number in 0..200 {
        sandbox.write(format!("tree/{:02}/{number}", number % 20), rng.bytes(200_000));
    }
    sandbox.write("tree/07/wanted", "here");
    make(&sandbox, tool::ours(), "x.caidx", &sandbox.path("tree"));
    let mount = Mount::new(&sandbox, ["--store=store.castr", "--jobs=1", "x.caidx"]);
    assert_eq!(std::fs::read(mount.path("07/wanted")).unwrap(), b"here");
    assert!(!mount.path("07/unwanted").exists());
    let read = mount.program().has_read();
    let all: u64 = casync_tests::store::paths(&sandbox.path("store.castr"))
        .iter()
        .map(|path| path.metadata().unwrap().len())
        .sum();
    assert!(all > 30 << 20 && read < 4 << 20, "{read} of {all} bytes were read");
    mount.unmount().success();
}
