//! Sources that change while they are read: an archive holds what was there, or there is none.
//!
//! The archive goes into a pipe that the test does not read, so that the program comes to a halt inside a file that is
//! larger than all of its buffers; then the test changes something, and lets it go on.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::Path;

use casync_tests::running::Running;
use rustix::process::Signal;

use crate::scene::Scene;

/// Larger than the buffers of a run with one job, and the pipe.
const LARGE: usize = 32 << 20;

/// Runs `make` to a pipe, halts it inside `tree/halt`, changes something, and lets it end; it must fail.
#[track_caller]
fn changed(file: &str, change: impl FnOnce(&Path), says: &str) {
    let scene = Scene::new();
    scene.write("tree/halt", vec![7; LARGE]);
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut command = scene.command(["make", "--jobs=1", "--what=archive", "-", "tree"]);
    let running = Running::start_with(&mut command, |command| {
        command.stdout(writer);
    });
    drop(command);
    running.until("part of the file is read", || running.has_read() > 5 << 20);
    change(&scene.path(file));
    reader.read_to_end(&mut Vec::new()).unwrap();
    let name = file.strip_prefix("tree/").unwrap();
    scene.assert_failed(running.finish(), &[&format!("read {name:?}"), says]);
}

#[test]
fn a_file_shrinks() {
    changed(
        "tree/halt",
        |file| File::options().write(true).open(file).unwrap().set_len(1000).unwrap(),
        "the file shrank",
    );
    changed("tree/halt", |file| drop(File::create(file).unwrap()), "the file shrank");
}

#[test]
fn a_file_grows() {
    let grow = |file: &Path| File::options().append(true).open(file).unwrap().write_all(b"more").unwrap();
    changed("tree/halt", grow, "the file changed while it was read");
}

#[test]
fn a_file_is_written_in_place() {
    let write = |file: &Path| File::options().write(true).open(file).unwrap().write_all(b"other").unwrap();
    changed("tree/halt", write, "the file changed while it was read");
}

#[test]
fn a_file_vanishes_while_it_is_read() {
    changed("tree/halt", |file| fs::remove_file(file).unwrap(), "the file changed while it was read");
}

/// After its directory was listed, before it is opened.
#[test]
fn a_file_vanishes_before_it_is_read() {
    changed("tree/small", |file| fs::remove_file(file).unwrap(), "vanished or changed its type");
}

#[test]
fn a_file_becomes_something_else() {
    let become_directory = |file: &Path| {
        fs::remove_file(file).unwrap();
        fs::create_dir(file).unwrap();
    };
    changed("tree/small", become_directory, "became another type of file");
    let become_link = |file: &Path| {
        fs::remove_file(file).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", file).unwrap();
    };
    changed("tree/small", become_link, "vanished or changed its type");
    let become_fifo = |file: &Path| {
        fs::remove_file(file).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, file, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    };
    changed("tree/small", become_fifo, "became another type of file");
}

/// Nothing holds up the making of an index, so the program is stopped in the middle of its input.
#[test]
fn a_blob_shrinks() {
    let scene = Scene::new();
    scene.write("new.caibx", b"the old index");
    for size in [64, 128, 256] {
        // New each time: the last run has cut it.
        scene.write("large", vec![7; size << 20]);
        let running = Running::start(&mut scene.command(["make", "--jobs=1", "new.caibx", "large"]));
        running.until("some is read", || running.has_read() > 1 << 20);
        running.stop();
        let was_faster = running.has_read() >= (size as u64) << 20;
        File::options().write(true).open(scene.path("large")).unwrap().set_len(1000).unwrap();
        running.signal(Signal::CONT);
        let outcome = running.finish();
        if !was_faster {
            scene.assert_failed(outcome, &["the file shrank"]);
            assert_eq!(scene.0.read("new.caibx"), b"the old index");
            return;
        }
    }
    panic!("the program reads faster than it can be stopped");
}
