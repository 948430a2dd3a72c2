//! Mounts against the C casync's mounts: what people do with trees and images, cold and warm, here and 20 ms away.
//!
//! `cargo bench -p casync-tests --bench mount -- [--smoke] [--away]`. Both programs serve the same archive in turn; every
//! operation starts on a mount of its own, so that nothing of it is in the kernel ("cold"), and is done once more ("warm").
//! What both deliver is compared. `tests/bench/README.md` tells the rest.

mod served;
mod work;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;

use casync_tests::content::{Content, Kind};
use casync_tests::link::{Conditions, Link};
use casync_tests::random::Rng;
use casync_tests::sandbox::Sandbox;
use casync_tests::tool;
use casync_tests::web::Web;
use served::Served;
use work::{ROWS, Row};

/// Measure mounts against the C casync
#[derive(Debug, Parser)]
#[command(name = "mount")]
struct Options {
    /// Next to no data: does it run?
    #[arg(long)]
    smoke: bool,
    /// Also over HTTP, 20 ms away
    #[arg(long)]
    away: bool,
    /// Rounds of each row here, of which the medians are told; one away, and of the C casync where it takes long
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Rows with this text in their names
    #[arg(long, default_value = "")]
    only: String,
    /// A line of a document for each row
    #[arg(long)]
    markdown: bool,
    /// What `cargo bench` passes to every benchmark; `cargo test` does not, and wants to know only whether this works
    #[arg(long, hide = true)]
    bench: bool,
}

/// There and back.
const ROUND_TRIP: Duration = Duration::from_millis(20);

/// Seconds that are enough to be measured once.
const LONG: f64 = 8.0;

fn main() {
    let options = Options::parse();
    if !casync_tests::mount::is_root() || !Path::new("/dev/fuse").exists() {
        return casync_tests::skip::skip("mounting takes root and /dev/fuse");
    }
    let place = if Path::new("/dev/shm").is_dir() { PathBuf::from("/dev/shm") } else { std::env::temp_dir() };
    let sandbox = Sandbox::new_in(place);
    let smoke = options.smoke || !options.bench;
    let ours = if smoke { tool::ours() } else { tool::ours_optimised() };
    prepare(&sandbox, ours, smoke);
    println!(
        "{:<36} {:>9} {:>9} {:>7} {:>9} {:>9} {:>7} {:>5}",
        "", "cold, s", "C, s", "times", "warm, s", "C, s", "times", "goal"
    );
    let places: &[bool] = if options.away || smoke { &[false, true] } else { &[false] };
    for &away in places {
        let server = away.then(|| Far::new(&sandbox, if smoke { Duration::ZERO } else { ROUND_TRIP }));
        for row in &ROWS {
            let name = format!("{}{}", row.name, if away { ", 20 ms away" } else { "" });
            if !name.contains(&options.only) {
                continue;
            }
            let rounds = if smoke || away { 1 } else { options.rounds.max(1) };
            let measure = |program: &Path, name| {
                let mut figures = vec![measure(&sandbox, program, row, server.as_ref(), name, smoke)];
                while figures.len() < rounds && figures[0].cold + figures[0].warm < LONG {
                    figures.push(measure(&sandbox, program, row, server.as_ref(), name, smoke));
                }
                Figures::median(figures)
            };
            let ours = measure(ours, "ours");
            let theirs = tool::upstream().map(|upstream| measure(upstream, "theirs"));
            report(&name, row.goal(away), &ours, theirs.as_ref(), options.markdown);
        }
    }
}

/// A web server behind a link.
#[derive(Debug)]
struct Far {
    link: Link,
    _server: Web,
}

impl Far {
    fn new(sandbox: &Sandbox, round_trip: Duration) -> Self {
        let server = Web::new(sandbox.path(""));
        let link = Link::to(server.address(), Conditions { round_trip, width: None });
        Self { link, _server: server }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.link.address())
    }
}

/// Times of an operation, cold and warm; and what it delivered.
#[derive(Debug)]
struct Figures {
    cold: f64,
    warm: f64,
    delivered: u64,
}

impl Figures {
    fn median(rounds: Vec<Self>) -> Self {
        assert!(rounds.iter().all(|round| round.delivered == rounds[0].delivered), "the same in every round");
        let middle = |time: fn(&Self) -> f64| {
            let mut times: Vec<f64> = rounds.iter().map(time).collect();
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        };
        Self { cold: middle(|round| round.cold), warm: middle(|round| round.warm), delivered: rounds[0].delivered }
    }
}

fn report(name: &str, goal: &str, ours: &Figures, theirs: Option<&Figures>, markdown: bool) {
    let Some(theirs) = theirs else {
        return println!("{name:<36} {:>9.4} {:>9} {:>7} {:>9.4}", ours.cold, "", "", ours.warm);
    };
    assert_eq!(ours.delivered, theirs.delivered, "{name}: both deliver the same");
    let (cold, warm) = (theirs.cold / ours.cold.max(1e-6), theirs.warm / ours.warm.max(1e-6));
    if markdown {
        let cells = [ours.cold, theirs.cold, ours.warm, theirs.warm].map(|time| format!("{time:.3}"));
        return println!(
            "| {name} | {} | {} | {cold:.1} | {} | {} | {warm:.1} |",
            cells[0], cells[1], cells[2], cells[3]
        );
    }
    println!(
        "{name:<36} {:>9.4} {:>9.4} {cold:>7.1} {:>9.4} {:>9.4} {warm:>7.1} {goal:>5}",
        ours.cold, theirs.cold, ours.warm, theirs.warm,
    );
}

/// One operation on a fresh mount, and again.
fn measure(sandbox: &Sandbox, program: &Path, row: &Row, far: Option<&Far>, name: &str, smoke: bool) -> Figures {
    let point = sandbox.path(format!("mount-{name}"));
    std::fs::create_dir_all(&point).expect("a directory to mount at");
    let mut command = sandbox.command(program);
    command.arg("mount");
    let input = row.input(far.is_some());
    match far {
        Some(far) => command.args([format!("--store={}", far.url("store.castr")), far.url(input)]),
        None => command.args(["--store=store.castr", input]),
    };
    let served = Served::start(command.arg(&point), &point);
    let reads = row.reads(far.is_some(), smoke);
    let time = || {
        let started = Instant::now();
        let delivered = (row.work)(sandbox, &point, reads);
        let elapsed = started.elapsed().as_secs_f64();
        (elapsed, delivered + work::clear(sandbox))
    };
    let (cold, delivered) = time();
    let (warm, again) = time();
    assert_eq!(delivered, again, "{}: the same again", row.name);
    served.finish();
    Figures { cold, warm, delivered }
}

/// A tree of small files and a part of it, an image, and a tree that has the image as its only file: the C casync mounts
/// nothing else.
fn prepare(sandbox: &Sandbox, ours: &Path, smoke: bool) {
    let (directories, files, megabytes) = if smoke { (3, 5, 1) } else { (40, 50, 64) };
    let mut rng = Rng::new(1);
    let mut content = Content::new(Kind::Text, 1);
    for directory in 0..directories {
        // What is far away is smaller, or the C casync would take the whole day.
        let trees = if directory < directories / 2 { &["tree", "part"][..] } else { &["tree"] };
        for file in 0..files {
            let mut bytes = Vec::new();
            content.append(rng.number(500..=8000), &mut bytes);
            for tree in trees {
                sandbox.write(format!("{tree}/{directory:03}/{file:03}"), &bytes);
            }
        }
    }
    if smoke {
        sandbox.write("part/file", "x");
    }
    let mut image = Vec::new();
    for _ in 0..megabytes {
        content.append(512 << 10, &mut image);
        let noise = rng.bytes(512 << 10);
        image.extend(noise);
    }
    sandbox.write("one/image", image);
    for (index, source) in [("tree.caidx", "tree"), ("part.caidx", "part"), ("one.caidx", "one")] {
        sandbox.run(ours, ["make", "--with=fuse", "--store=store.castr", index, source]).success();
    }
}
