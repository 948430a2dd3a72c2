//! INT, TERM and HUP: the program stops at once, tidies up and says so.

use std::io::Write as _;

use casync_tests::input;
use casync_tests::running::Running;
use rustix::process::Signal;

use crate::scene::Scene;

const SIGNALS: [Signal; 3] = [Signal::INT, Signal::TERM, Signal::HUP];

/// Starts casync with a pipe as standard input, whose other end the test holds.
fn fed(scene: &Scene, arguments: &[&str]) -> (Running, std::io::PipeWriter) {
    let (reader, writer) = std::io::pipe().unwrap();
    (Running::start(scene.command(arguments).stdin(reader)), writer)
}

/// Whether all that was written was also read.
fn is_empty(pipe: &std::io::PipeWriter) -> bool {
    rustix::io::ioctl_fionread(pipe).unwrap() == 0
}

/// The rest of the input never comes, and nobody closes the pipe.
#[test]
fn waiting_for_input() {
    let scene = Scene::new();
    let archive = scene.0.read("x.catar");
    let index = scene.0.read("x.caibx");
    scene.write("old.caibx", b"the old index");
    scene.write("old.caidx", b"no index");
    for signal in SIGNALS {
        for (arguments, part) in [
            (&["make", "old.caibx", "-"][..], &archive[..300_000]),
            (&["digest", "-"], &archive[..300_000]),
            (&["extract", "--what=archive", "-", "out"], &archive[..400_000]),
            (&["extract", "--what=archive", "-", "old"], &archive[..400_000]),
            (&["list", "--what=archive", "-"], &archive[..300_000]),
            (&["mtree", "--what=archive", "-"], &archive[..300_000]),
            (&["extract", "--store=default.castr", "--what=blob-index", "-", "old.img"], &index[..500]),
        ] {
            let (running, mut pipe) = fed(&scene, arguments);
            pipe.write_all(part).unwrap();
            running.until("all is read", || is_empty(&pipe));
            running.signal(signal);
            scene.assert_failed(running.finish(), &["Got exit signal, quitting."]);
            assert_eq!(scene.0.read("old.img"), b"the old image", "{arguments:?}");
            assert_eq!(scene.0.read("old.caibx"), b"the old index", "{arguments:?}");
            assert_eq!(scene.0.read("old/keep"), b"what was there", "{arguments:?}");
            assert!(!scene.path("old/large").exists() && !scene.path("out/large").exists(), "no part of a file");
            let _ = std::fs::remove_dir_all(scene.path("out"));
        }
    }
}

/// Nobody reads what is written, and nobody closes the pipe.
#[test]
fn waiting_for_a_reader() {
    let scene = Scene::new();
    for signal in SIGNALS {
        for arguments in [&["make", "--what=archive", "-", "tree"][..], &["extract", "x.caibx", "-"]] {
            let (reader, writer) = std::io::pipe().unwrap();
            let mut command = scene.command(arguments);
            let running = Running::start_with(&mut command, |command| {
                command.stdout(writer);
            });
            // The command holds the test's own end of the pipe.
            drop(command);
            running.until("the pipe is full", || rustix::io::ioctl_fionread(&reader).unwrap() >= 60 << 10);
            running.signal(signal);
            scene.assert_failed(running.finish(), &["Got exit signal, quitting."]);
        }
    }
}

/// The input never ends.
#[test]
fn at_work() {
    let scene = Scene::new();
    let piece = input::prng("endless", 1 << 20);
    for signal in SIGNALS {
        let (running, mut pipe) = fed(&scene, &["make", "new.caibx", "-"]);
        std::thread::scope(|scope| {
            // Until the program is gone.
            scope.spawn(|| while pipe.write_all(&piece).is_ok() {});
            running.until("chunks are stored", || running.has_read() > 20 << 20);
            running.signal(signal);
            scene.assert_failed(running.finish(), &["Got exit signal, quitting."]);
        });
        assert!(!scene.path("new.caibx").exists());
    }
}

#[test]
fn a_second_signal_changes_nothing() {
    let scene = Scene::new();
    let (running, mut pipe) = fed(&scene, &["make", "new.caibx", "-"]);
    pipe.write_all(&[1; 70_000]).unwrap();
    running.until("all is read", || is_empty(&pipe));
    running.stop();
    SIGNALS.into_iter().for_each(|signal| running.signal(signal));
    running.signal(Signal::CONT);
    scene.assert_failed(running.finish(), &["Got exit signal, quitting."]);
    assert!(!scene.path("new.caibx").exists());
}
