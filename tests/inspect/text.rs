//! What people see in a terminal.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;

use casync_tests::sandbox::{Sandbox, outcome};
use casync_tests::tool::ours;
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::scene::{blobs, json};

fn lines(sandbox: &Sandbox, columns: &str) -> Vec<String> {
    let mut command = sandbox.command(ours());
    command.env("COLUMNS", columns).args(["inspect", "new.caibx", "--against=old.caibx"]);
    let text = String::from_utf8(outcome(&mut command).success()).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Labels, numbers and lengths of the bars.
fn bars(lines: &[String]) -> Vec<(String, u64, usize)> {
    let bars = lines.iter().skip_while(|line| *line != "Chunks by size:").skip(1);
    let bar = |line: &String| {
        let mut words = line.split_whitespace();
        let (label, number) = (words.next().unwrap(), words.next().unwrap());
        (label.to_owned(), number.parse().unwrap(), words.next().map_or(0, str::len))
    };
    bars.map(bar).collect()
}

#[test]
fn bars_are_as_long_as_there_is_room() {
    let sandbox = blobs();
    let facts = json(&sandbox, &["new.caibx"]);
    let ranges = facts["histogram"].as_array().unwrap();
    let counts: Vec<u64> = ranges.iter().map(|range| range["chunks"].as_u64().unwrap()).collect();
    let highest = *counts.iter().max().unwrap();
    for columns in [40, 80, 133] {
        let lines = lines(&sandbox, &columns.to_string());
        let ids_aside = |line: &&String| line.contains('#') || line.split_whitespace().all(|word| word.len() < 64);
        let widest = lines.iter().filter(ids_aside).map(|line| line.len()).max().unwrap();
        assert_eq!(widest, columns, "the longest bar reaches to the edge");
        let bars = bars(&lines);
        let shown: Vec<u64> = bars.iter().map(|(_, number, _)| *number).collect();
        assert!(counts.ends_with(&shown) && counts[..counts.len() - shown.len()].iter().all(|count| *count == 0));
        let longest = bars.iter().map(|(.., length)| *length).max().unwrap() as u64;
        for (label, number, length) in bars {
            let exact = number * longest;
            assert!(length as u64 * highest >= exact && (length as u64) * highest < exact + highest, "{label}");
        }
    }
    assert_eq!(lines(&sandbox, "nonsense"), lines(&sandbox, "80"));
}

#[test]
fn a_terminal_says_itself_how_wide_it_is() {
    let sandbox = blobs();
    let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
    grantpt(&screen).and_then(|()| unlockpt(&screen)).expect("it is ours");
    let size = Winsize { ws_row: 25, ws_col: 61, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&screen, size).expect("terminals have sizes");
    let name = ptsname(&screen, Vec::new()).expect("it has another end");
    let theirs: OwnedFd =
        rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("it is unlocked");
    let mut command = sandbox.command(ours());
    command.env("COLUMNS", "200").args(["inspect", "new.caibx", "--against=old.caibx"]).stdout(theirs);
    let mut child = command.spawn().expect("the program runs");
    // The last end of theirs is the program's: reading fails once it is gone.
    drop(command);
    let mut shown = Vec::new();
    let mut piece = [0; 4096];
    let mut screen = File::from(screen);
    while let Ok(count @ 1..) = screen.read(&mut piece) {
        shown.extend_from_slice(&piece[..count]);
    }
    assert!(child.wait().unwrap().success());
    let shown: Vec<String> = String::from_utf8(shown).unwrap().lines().map(|line| line.trim_end().to_owned()).collect();
    assert_eq!(shown, lines(&sandbox, "61"));
}

#[test]
fn a_closed_output_ends_it_quietly() {
    let sandbox = blobs();
    let casync = ours().to_str().unwrap();
    let script = format!("{casync} inspect new.caibx | true; echo ${{PIPESTATUS[0]}}");
    let outcome = sandbox.run("bash", ["-c", &script]);
    assert_eq!((outcome.text().as_str(), outcome.stderr.as_str()), ("0\n", ""));
}
