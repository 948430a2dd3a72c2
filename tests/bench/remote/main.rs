//! Extraction over long links, against the C casync in the same run.
//!
//! Run by `cargo bench -p casync-tests --bench remote`; `tests/bench/README.md` tells the rest. A blob of about 5,000 chunks
//! lies on nginx, behind a link of a certain length and width (`casync_tests::link`). What fails is a command or a wrong
//! result, never a time.

mod objects;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use casync_tests::content::{Content, Kind};
use casync_tests::link::{Conditions, Link};
use casync_tests::nginx::Nginx;
use casync_tests::sandbox::Sandbox;
use casync_tests::tool;
use clap::Parser;

/// Measure extraction over long links against the C casync
#[derive(Debug, Parser)]
#[command(name = "remote")]
struct Options {
    /// Chunks that this casync fetches
    #[arg(long, default_value_t = 5000)]
    chunks: u64,
    /// Chunks that the C casync fetches, which asks for one after the other; its time is scaled to all of them
    #[arg(long, default_value_t = 500)]
    c_chunks: u64,
    /// Measure only rows with this text in their names
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Try everything once on next to no data; the figures mean nothing
    #[arg(long)]
    smoke: bool,
    /// What `cargo bench` passes to every benchmark; `cargo test` does not, and wants to know only whether this works
    #[arg(long, hide = true)]
    bench: bool,
}

/// A link, and what is fetched over it.
struct Row {
    name: &'static str,
    round_trip: u64,
    /// Mbit/s.
    width: Option<u64>,
    content: Kind,
    chunk: u64,
    /// How many times as fast as the C casync, or what part of the width.
    goal: Goal,
}

enum Goal {
    Ratio(f64),
    PartOfWidth(f64),
}

const ROWS: [Row; 5] = [
    Row { name: "0 ms", round_trip: 0, width: None, content: Kind::Program, chunk: 16 << 10, goal: Goal::Ratio(1.0) },
    Row {
        name: "20 ms",
        round_trip: 20,
        width: None,
        content: Kind::Program,
        chunk: 16 << 10,
        goal: Goal::Ratio(15.0),
    },
    Row {
        name: "50 ms",
        round_trip: 50,
        width: None,
        content: Kind::Program,
        chunk: 16 << 10,
        goal: Goal::Ratio(30.0),
    },
    Row {
        name: "100 ms",
        round_trip: 100,
        width: None,
        content: Kind::Program,
        chunk: 16 << 10,
        goal: Goal::Ratio(30.0),
    },
    Row {
        name: "50 ms, 500 Mbit/s",
        round_trip: 50,
        width: Some(500),
        content: Kind::Noise,
        chunk: 64 << 10,
        goal: Goal::PartOfWidth(0.9),
    },
];

fn main() {
    let mut options = Options::parse();
    if options.smoke || !options.bench {
        (options.chunks, options.c_chunks) = (60, 20);
    }
    let rows = ROWS.iter().filter(|row| row.name.contains(&options.only));
    println!("{:<20} {:>9} {:>12} {:>8}  goal", "link", "here, s", "C, s", "ratio");
    for row in rows {
        measure(row, &options);
    }
    objects::measure(&options);
}

fn measure(row: &Row, options: &Options) {
    let sandbox = sandbox();
    std::fs::create_dir(sandbox.path("www")).expect("a new directory");
    let stored = make(&sandbox, row, "all", options.chunks);
    make(&sandbox, row, "part", options.c_chunks);
    let Some(nginx) = Nginx::start(&sandbox, "") else { return };
    let width = row.width.map(|mbits| mbits * 1_000_000 / 8);
    let link = Link::to(nginx.plain, Conditions { round_trip: Duration::from_millis(row.round_trip), width });
    let extract = |program: &Path, name: &str| {
        let url = format!("http://{}/{name}.caibx", link.address());
        let started = Instant::now();
        let mut command: Command = sandbox.command(program);
        let outcome = casync_tests::sandbox::outcome(command.args(["extract", &url, "out"]));
        let seconds = started.elapsed().as_secs_f64();
        outcome.success();
        assert_eq!(sandbox.read("out"), sandbox.read(name), "the blob is another one");
        std::fs::remove_file(sandbox.path("out")).expect("a file to remove");
        seconds
    };
    let ours = extract(tool::ours_optimised(), "all");
    let c =
        tool::upstream().map(|upstream| extract(upstream, "part") * options.chunks as f64 / options.c_chunks as f64);
    let ratio = c.map_or(0.0, |c| c / ours);
    let (goal, met) = match row.goal {
        Goal::Ratio(goal) => (format!("{goal} times"), ratio >= goal),
        Goal::PartOfWidth(goal) => {
            let rate = stored as f64 / ours;
            let part = rate / width.unwrap_or(1) as f64;
            (format!("{:.0} % of the width: {:.1} %", goal * 100.0, part * 100.0), part >= goal)
        }
    };
    let c = c.map_or_else(|| "-".to_owned(), |c| format!("{c:.1}"));
    let met = if met { "" } else { ", missed" };
    println!("{:<20} {ours:>9.2} {c:>12} {ratio:>8.1}  {goal}{met}", row.name);
}

/// A directory in memory, if there can be one.
fn sandbox() -> Sandbox {
    Sandbox::new_in(if Path::new("/dev/shm").is_dir() { "/dev/shm".into() } else { std::env::temp_dir() })
}

/// Makes a blob of about so many chunks, its index and its store; returns how many bytes are stored.
fn make(sandbox: &Sandbox, row: &Row, name: &str, chunks: u64) -> u64 {
    let mut blob = Vec::new();
    Content::new(row.content, 11).append((chunks * row.chunk) as usize, &mut blob);
    sandbox.write(name, &blob);
    let sizes = format!("--chunk-size={}:{}:{}", row.chunk / 4, row.chunk, row.chunk * 4);
    let index = format!("www/{name}.caibx");
    sandbox.run(tool::ours_optimised(), ["make", &sizes, &index, name]).success();
    casync_tests::store::files(&sandbox.path("www/default.castr")).values().map(|bytes| bytes.len() as u64).sum()
}
