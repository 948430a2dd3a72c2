//! Mounts against the C casync's mounts: what people do with trees and images, cold and warm, here and 20 ms away.
//!
//! `cargo bench -p casync-tests --bench mount -- [--smoke] [--away]`. Both programs serve the same archive in turn; every
//! operation starts on a mount of its own, so that nothing of it is in the kernel ("cold"), and is done once more ("warm").
//! What both deliver is compared. `tests/bench/README.md` tells the rest.

mod distant;
mod work;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;

use casync_tests::content::{Content, Kind};
use casync_tests::random::Rng;
use casync_tests::running::Running;
use casync_tests::sandbox::Sandbox;
use casync_tests::tool;
use distant::Server;
use work::{ROWS, Row};

#[derive(Debug, Parser)]
struct Options {
    /// Next to no data: does it run?
    #[arg(long)]
    smoke: bool,
    /// Also over HTTP with 20 ms for each answer
    #[arg(long)]
    away: bool,
    /// Rows with this text in their names
    #[arg(long, default_value = "")]
    only: String,
    /// What `cargo bench` passes to every benchmark; `cargo test` does not, and wants to know only whether this works
    #[arg(long, hide = true)]
    bench: bool,
}

/// How long each answer from afar takes.
const DELAY: Duration = Duration::from_millis(20);

fn main() {
    let options = Options::parse();
    if !casync_tests::mount::is_root() || !Path::new("/dev/fuse").exists() {
        return casync_tests::skip::skip("mounting takes root and /dev/fuse");
    }
    let place = if Path::new("/dev/shm").is_dir() { PathBuf::from("/dev/shm") } else { std::env::temp_dir() };
    let sandbox = Sandbox::new_in(place);
    prepare(&sandbox, options.smoke || !options.bench);
    let places: &[bool] = if options.away { &[false, true] } else { &[false] };
    println!(
        "{:<44} {:>9} {:>9} {:>8} {:>9} {:>9} {:>8} {:>5}",
        "", "ours, s", "C, s", "times", "warm", "C, warm", "times", "goal"
    );
    for &away in places {
        let server = away.then(|| Server::start(&sandbox.path(""), DELAY));
        for row in ROWS.iter().filter(|row| row.name.contains(&options.only) && (!away || row.away)) {
            let ours = measure(&sandbox, tool::ours_optimised(), row, server.as_ref(), "ours");
            let theirs = tool::upstream().map(|upstream| measure(&sandbox, upstream, row, server.as_ref(), "theirs"));
            report(row, away, &ours, theirs.as_ref());
        }
    }
}

/// Times of an operation, cold and warm; and what it delivered.
#[derive(Debug)]
struct Figures {
    cold: f64,
    warm: f64,
    delivered: u64,
}

fn report(row: &Row, away: bool, ours: &Figures, theirs: Option<&Figures>) {
    let name = format!("{}{}", row.name, if away { ", 20 ms away" } else { "" });
    let Some(theirs) = theirs else {
        return println!("{name:<44} {:>9.4} {:>9} {:>8} {:>9.4}", ours.cold, "", "", ours.warm);
    };
    assert_eq!(ours.delivered, theirs.delivered, "{name}: both deliver the same");
    let times = |theirs: f64, ours: f64| theirs / ours.max(1e-6);
    println!(
        "{name:<44} {:>9.4} {:>9.4} {:>8.1} {:>9.4} {:>9.4} {:>8.1} {:>5}",
        ours.cold,
        theirs.cold,
        times(theirs.cold, ours.cold),
        ours.warm,
        theirs.warm,
        times(theirs.warm, ours.warm),
        row.goal,
    );
}

/// One operation on a fresh mount, and again.
fn measure(sandbox: &Sandbox, program: &Path, row: &Row, server: Option<&Server>, name: &str) -> Figures {
    let point = sandbox.path(format!("mount-{name}"));
    std::fs::create_dir_all(&point).expect("a directory to mount at");
    let mut command = sandbox.command(program);
    command.arg("mount");
    match server {
        Some(server) => {
            let url = server.url();
            command.args([format!("--store={url}/store.castr"), format!("{url}/{}", row.input)]);
        }
        None => drop(command.args(["--store=store.castr", row.input])),
    }
    let running = Running::start(command.arg(&point));
    let shown = point.to_str().expect("a path of text").to_owned();
    running.until("a mount", || {
        let table = std::fs::read_to_string("/proc/self/mountinfo").expect("a mount table");
        table.lines().any(|line| line.split(' ').nth(4) == Some(&shown))
            && point.read_dir().is_ok_and(|mut entries| entries.next().is_some())
    });
    let time = || {
        let started = Instant::now();
        let delivered = (row.work)(sandbox, &point);
        (started.elapsed().as_secs_f64(), delivered)
    };
    let (cold, delivered) = time();
    let (warm, again) = time();
    assert_eq!(delivered, again, "{}: the same again", row.name);
    drop(std::process::Command::new("umount").arg(&point).status());
    running.finish();
    Figures { cold, warm, delivered }
}

/// A tree of small files, an image, and a tree that has the image as its only file: the C casync mounts nothing else.
fn prepare(sandbox: &Sandbox, smoke: bool) {
    let (directories, files, megabytes) = if smoke { (3, 5, 1) } else { (40, 50, 48) };
    let mut rng = Rng::new(1);
    let mut content = Content::new(Kind::Text, 1);
    for directory in 0..directories {
        for file in 0..files {
            let mut bytes = Vec::new();
            content.append(rng.number(500..=8000), &mut bytes);
            sandbox.write(format!("tree/{directory:03}/{file:03}"), bytes);
        }
    }
    let mut image = Vec::new();
    for _ in 0..megabytes {
        content.append(512 << 10, &mut image);
        let noise = rng.bytes(512 << 10);
        image.extend(noise);
    }
    sandbox.write("one/image", image);
    for (index, source) in [("tree.caidx", "tree"), ("one.caidx", "one")] {
        sandbox.run(tool::ours_optimised(), ["make", "--store=store.castr", index, source]).success();
    }
}
