//! Throughput of the functions in which the program spends its time, each alone, on one core, in memory.
//!
//! Run by `cargo bench -p casync-tests --bench hot`; with `--no-default-features` for the portable code. What fails is a
//! function whose result is wrong: never a time.
//!
//! | module | what is measured |
//! |---|---|
//! | [`chunks`] | search for cuts |
//! | [`hashes`] | digests, one and many at once |
//! | [`frames`] | zstd: the core's decoder and the library's |
//! | [`blob`] | chunks of a blob that is named |
//! | [`archives`] | archive encoder and decoder |
//! | [`indexes`] | index writer and parsers |
//! | [`measure`] | how |

mod archives;
mod blob;
mod chunks;
mod frames;
mod hashes;
mod indexes;
mod measure;

use std::path::PathBuf;

use clap::Parser;

use measure::{Case, Rate};

/// Measure single functions of the core
#[derive(Debug, Parser)]
#[command(name = "hot")]
struct Options {
    /// Measure only cases with this text in their names
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Try everything once on little data, and check that it works; the figures mean nothing
    #[arg(long)]
    smoke: bool,
    /// Measure what a client does with the chunks of this file, whose index and store are beside it as FILE.caibx and
    /// FILE.castr, and nothing else
    #[arg(long, value_name = "FILE")]
    blob: Option<PathBuf>,
    /// Print one JSON object for each case
    #[arg(long)]
    json: bool,
    /// What `cargo bench` passes to every benchmark; `cargo test` does not, and wants to know only whether this works
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let options = Options::parse();
    let smoke = options.smoke || !options.bench;
    // Far more than the caches hold.
    let size = if smoke { 1 << 20 } else { 64 << 20 };
    let groups: [fn(usize) -> Vec<Case>; 5] =
        [chunks::cases, hashes::cases, frames::cases, archives::cases, indexes::cases];
    let groups: Vec<Box<dyn FnOnce() -> Vec<Case>>> = match options.blob {
        Some(blob) => vec![Box::new(move || blob::cases(&blob))],
        None => groups.into_iter().map(|group| Box::new(move || group(size)) as Box<dyn FnOnce() -> _>).collect(),
    };
    let mut measured = 0;
    for group in groups {
        for mut case in group() {
            if case.name.contains(&options.only) {
                let rate = case.measure(smoke);
                print(&case, &rate, options.json);
                measured += 1;
            }
        }
    }
    assert!(measured > 0, "no case has {:?} in its name", options.only);
}

fn print(case: &Case, rate: &Rate, json: bool) {
    let Case { name, what, items, .. } = case;
    let Rate { bytes, items: per_second, spread } = rate;
    if json {
        println!(
            r#"{{"type":"case","name":"{name}","bytes_per_s":{bytes:.0},"items":"{items}","items_per_s":{per_second:.0},"spread":{spread:.4}}}"#
        );
    } else {
        let (megabytes, percent) = (bytes / 1e6, spread * 100.0);
        println!("{name:18} {megabytes:9.0} MB/s {per_second:12.0} {items}/s {percent:4.0}%  {what}");
    }
}
