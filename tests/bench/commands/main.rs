//! Whole commands against the C casync: wall time, CPU time and peak memory, by medians of alternating runs.
//!
//! Run by `cargo bench -p casync-tests --bench commands -- --size full`; `tests/bench/README.md` tells the rest. What
//! fails is a command, or one whose result differs from the C casync's: never a time.
//!
//! | module | what it does |
//! |---|---|
//! | [`options`] | the command line |
//! | [`rows`] | the table of what is measured, with its goals |
//! | [`lab`] | the programs, and the directory where they run |
//! | [`data`], [`tree`] | what they run on |
//! | [`measure`], [`check`] | one run; whether both programs did the same |
//! | [`figures`], [`report`] | medians and goals; how they are printed |
//! | [`machine`], [`interrupt`] | the machine and who else uses it; cleaning up when interrupted |

mod check;
mod data;
mod figures;
mod interrupt;
mod lab;
mod machine;
mod measure;
mod options;
mod report;
mod rows;
mod tree;

use std::process::ExitCode;

use clap::Parser as _;

use data::Shelf;
use figures::Summary;
use lab::Lab;
use machine::Clock;
use measure::Run;
use options::Options;
use report::Report;
use rows::Row;

fn main() -> ExitCode {
    if let Some(status) = measure::launched() {
        return status;
    }
    let options = Options::parse();
    // Before anything is built or made: that would be seen as load.
    let load = machine::load();
    let rows = options.rows();
    interrupt::watch();
    let lab = Lab::new(&options);
    let report = Report::new(&options);
    report.begin(&lab, &options, load);
    let mut shelf = Shelf::new(&lab, &options);
    for (place, row) in rows.iter().enumerate() {
        shelf.fetch(row.needs);
        let summary = measure(&lab, row, options.rounds());
        if options.is_smoke() {
            check_figures(&summary, lab.tools(row).len());
        }
        report.row(&summary);
        shelf.clear(rows[place + 1..].iter().flat_map(|row| row.needs).copied());
    }
    report.end(rows.len(), machine::load());
    ExitCode::SUCCESS
}

/// One row: a round to warm up and to see that all do the same, then the rounds that count.
fn measure(lab: &Lab, row: &'static Row, rounds: usize) -> Summary {
    let mut tools = lab.tools(row);
    for &tool in &tools {
        report::progress(format_args!("{}: warm-up, {tool}", row.name));
        lab.prepare(tool, row);
        measure::run(lab, tool, row, Some(&lab.printed(tool)));
    }
    check::same_results(lab, row);
    tools.iter().for_each(|&tool| lab.clear(tool));

    let mut runs: Vec<(_, Vec<Run>)> = tools.iter().map(|&tool| (tool, Vec::new())).collect();
    let mut clock = Clock::default();
    for round in 0..rounds {
        for &tool in &tools {
            report::progress(format_args!("{}: round {} of {rounds}, {tool}", row.name, round + 1));
            lab.prepare(tool, row);
            let run = clock.time(|| measure::run(lab, tool, row, None));
            lab.clear(tool);
            let (_, runs) = runs.iter_mut().find(|(other, _)| *other == tool).expect("every tool has its runs");
            runs.push(run);
        }
        // Nobody always comes first, or always after the same one.
        tools.rotate_left(1);
    }
    report::progress(format_args!(""));
    Summary::new(row, &runs, clock.others())
}

/// What can be wrong with the measuring itself.
fn check_figures(summary: &Summary, tools: usize) {
    let measured: Vec<_> = summary.all().collect();
    assert_eq!(measured.len(), tools, "{}: every program ran", summary.row.name);
    for (tool, figures) in measured {
        // Some kernels count CPU time in ticks, of which a short run may see none.
        let plausible = figures.wall > 0.0 && figures.cpu >= 0.0 && figures.peak > 0.5;
        assert!(plausible, "{}, {tool}: {figures:?}", summary.row.name);
    }
}
