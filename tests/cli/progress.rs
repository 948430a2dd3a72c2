//! The progress bar: on terminals, and nowhere else.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};

use casync_tests::sandbox::Sandbox;
use casync_tests::tool::ours;
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// A terminal: our end, and that of the program.
pub(crate) fn terminal() -> (File, OwnedFd) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
    grantpt(&ours).and_then(|()| unlockpt(&ours)).expect("it is ours");
    let size = Winsize { ws_row: 25, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&ours, size).expect("terminals have sizes");
    let name = ptsname(&ours, Vec::new()).expect("it has another end");
    let theirs = rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("it is unlocked");
    (ours.into(), theirs)
}

/// A run that takes as long as nobody closes its standard input.
fn make_of_input(sandbox: &Sandbox, index: &str, stderr: Stdio) -> Child {
    let mut command = sandbox.command(ours());
    command.env("TERM", "xterm").args(["make", index, "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr);
    let mut child = command.spawn().expect("the program runs");
    child.stdin.as_mut().expect("it is piped").write_all(b"some input").expect("it reads");
    child
}

#[test]
fn is_drawn_on_terminals_only() {
    let sandbox = Sandbox::new();
    // Started first, so that it has had all the time that the other one takes to draw.
    let silent = make_of_input(&sandbox, "silent.caibx", Stdio::piped());
    let (mut screen, theirs) = terminal();
    let mut drawing = make_of_input(&sandbox, "drawing.caibx", theirs.into());

    let mut drawn = Vec::new();
    let mut read = |drawn: &mut Vec<u8>| {
        let mut piece = [0; 1024];
        // The last one that has the other end open is the program: then reading fails.
        let count = screen.read(&mut piece).unwrap_or(0);
        drawn.extend_from_slice(&piece[..count]);
        count > 0
    };
    while !String::from_utf8_lossy(&drawn).contains("chunks new") {
        assert!(read(&mut drawn), "nothing but {:?} was drawn", String::from_utf8_lossy(&drawn));
    }
    drop(drawing.stdin.take());
    while read(&mut drawn) {}

    let text = String::from_utf8_lossy(&drawn);
    assert!(text.contains("make"), "{text:?}");
    // After the last time that the line was cleared there is nothing left of the bar.
    let after = text.rsplit("\u{1b}[2K").next().expect("there is always one part");
    assert!(text.contains("\u{1b}[2K") && after.trim().is_empty(), "{text:?}");

    let drawing = drawing.wait_with_output().expect("it has ended");
    let silent = silent.wait_with_output().expect("its input is closed here");
    assert!(drawing.status.success() && silent.status.success());
    assert_eq!(String::from_utf8_lossy(&silent.stderr), "");
    assert_eq!(drawing.stdout, silent.stdout, "a terminal changes nothing of the result");
    assert_eq!(silent.stdout.len(), 65, "a digest and nothing else");
}
