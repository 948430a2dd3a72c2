//! How figures are printed: results on standard output, progress on standard error.

use std::fmt::{self, Write as _};
use std::io::IsTerminal as _;
use std::path::Path;

use casync_tests::tool;

use crate::figures::{Figures, OTHERS_MAX, PEAK_MAX, Summary};
use crate::lab::{Lab, Tool};
use crate::machine;
use crate::options::Options;

/// What the output is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Markdown,
    Json,
}

/// The output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    format: Format,
}

/// Shows what is done at the moment, if somebody looks.
pub(crate) fn progress(what: fmt::Arguments<'_>) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K{what}");
    }
}

impl Report {
    pub(crate) fn new(options: &Options) -> Self {
        Self { format: options.format() }
    }

    /// What the figures will belong to: machine, programs, data.
    pub(crate) fn begin(self, lab: &Lab, options: &Options, load: f64) {
        let place = lab.data("");
        let tree = options.tree.as_ref().map_or_else(|| "made".to_owned(), |tree| tree.display().to_string());
        let facts = [
            ("machine", machine::describe()),
            ("ours", machine::version(tool::ours_optimised())),
            ("C", tool::upstream().map_or_else(|| "not installed".to_owned(), machine::version)),
            ("plain", ["tar", "zstd"].map(|name| machine::version(Path::new(name))).join(", ")),
            ("data", format!("{}, tree: {tree}, on {}", options.size(), machine::file_system(&place))),
            ("rounds", options.rounds().to_string()),
            ("load", format!("{load:.2} at the start")),
        ];
        match self.format {
            Format::Text => facts.iter().for_each(|(name, fact)| println!("{name:8} {fact}")),
            Format::Markdown => facts.iter().for_each(|(name, fact)| println!("- {name}: {fact}")),
            Format::Json => {
                let facts: Vec<String> =
                    facts.iter().map(|(name, fact)| format!("{}:{}", text(name), text(fact))).collect();
                println!(r#"{{"type":"run",{}}}"#, facts.join(","));
            }
        }
        if load > 0.5 {
            eprintln!(
                "warning: a load of {load:.2} before the start: the machine is busy, unless it has just built this"
            );
        }
        match self.format {
            Format::Text => println!(
                "\n{:14} | {:^35} | {:^27} | {:^19} | {:^16} |",
                "seconds, MiB",
                "wall: ours, C, ratio, goal, spread",
                "CPU: ours, C, ratio",
                "peak: ours, C",
                "plain: wall, CPU"
            ),
            Format::Markdown => println!(
                "\n| command | ours, s | C, s | times as fast | goal | CPU ours, s | CPU C, s | peak ours, MiB | peak C, MiB | \
                 tar, zstd: s | missed |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|"
            ),
            Format::Json => {}
        }
    }

    /// One row.
    pub(crate) fn row(self, summary: &Summary) {
        println!(
            "{}",
            match self.format {
                Format::Text => line(summary),
                Format::Markdown => table_row(summary),
                Format::Json => object(summary),
            }
        );
    }

    /// What is to be said at the end.
    pub(crate) fn end(self, rows: usize, load: f64) {
        if self.format == Format::Json {
            return;
        }
        println!(
            "\n{rows} rows; medians; ratio: C / ours; spread: slowest less fastest run of ours; goals: wall as shown, CPU not \
             above the C casync's, peak at most {PEAK_MAX} MiB; noisy: others had more than {:.0} % of the machine; \
             load at the end {load:.2}",
            OTHERS_MAX * 100.0
        );
    }
}

fn line(summary: &Summary) -> String {
    let Summary { row, ours, upstream, plain, others } = summary;
    let missed = summary.missed();
    let mark = |goal| if missed.contains(&goal) { '!' } else { ' ' };
    let mut line = format!(
        "{:14} | {:8.3} {} {}{} {:4.1} {:4.0}%",
        row.name,
        ours.wall,
        number(upstream.map(|upstream| upstream.wall), 8, 3),
        number(summary.wall_ratio(), 6, 2),
        mark("wall"),
        row.goal,
        ours.spread * 100.0,
    );
    let _ = write!(
        line,
        " | {:8.3} {} {}{} | {:8.1}{} {}    ",
        ours.cpu,
        number(upstream.map(|upstream| upstream.cpu), 8, 3),
        number(summary.cpu_ratio(), 6, 2),
        mark("cpu"),
        ours.peak,
        mark("peak"),
        number(upstream.map(|upstream| upstream.peak), 8, 1),
    );
    let (wall, cpu) = (plain.map(|plain| plain.wall), plain.map(|plain| plain.cpu));
    let _ = write!(line, " | {} {} |", number(wall, 8, 3), number(cpu, 7, 3));
    if !missed.is_empty() {
        let _ = write!(line, " missed: {}", missed.join(", "));
    }
    if summary.is_noisy() {
        let _ = write!(line, " noisy: others {:.0}%", others * 100.0);
    }
    line
}

fn table_row(summary: &Summary) -> String {
    let Summary { row, ours, upstream, plain, .. } = summary;
    let upstream = |figure: fn(Figures) -> f64, digits| number(upstream.map(figure), 0, digits);
    let mut missed = summary.missed().join(", ");
    if summary.is_noisy() {
        missed.push_str(" (noisy)");
    }
    let cells = [
        row.what.to_owned(),
        format!("{:.2}", ours.wall),
        upstream(|figures| figures.wall, 2),
        number(summary.wall_ratio(), 0, 2),
        format!("{:.1}", row.goal),
        format!("{:.2}", ours.cpu),
        upstream(|figures| figures.cpu, 2),
        format!("{:.0}", ours.peak),
        upstream(|figures| figures.peak, 0),
        number(plain.map(|plain| plain.wall), 0, 2),
        missed,
    ];
    format!("| {} |", cells.join(" | "))
}

fn object(summary: &Summary) -> String {
    let Summary { row, others, .. } = summary;
    let mut object =
        format!(r#"{{"type":"row","name":{},"what":{},"goal":{}"#, text(row.name), text(row.what), row.goal);
    for (tool, Figures { wall, cpu, peak, spread }) in summary.all() {
        let name = match tool {
            Tool::Ours => "ours",
            Tool::Upstream => "upstream",
            Tool::Plain => "plain",
        };
        let _ = write!(
            object,
            r#","{name}":{{"wall_s":{wall:.6},"cpu_s":{cpu:.6},"peak_mib":{peak:.3},"spread":{spread:.4}}}"#
        );
    }
    let missed: Vec<String> = summary.missed().into_iter().map(text).collect();
    let _ = write!(object, r#","others":{others:.4},"missed":[{}]}}"#, missed.join(","));
    object
}

/// A number, or a dash where there is none.
fn number(value: Option<f64>, width: usize, digits: usize) -> String {
    value.map_or_else(|| format!("{:>width$}", "-"), |value| format!("{value:width$.digits$}"))
}

/// A JSON string.
fn text(text: &str) -> String {
    let escape = |letter: char| match letter {
        '"' | '\\' => format!("\\{letter}"),
        letter if letter.is_control() => format!("\\u{:04x}", u32::from(letter)),
        letter => letter.to_string(),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}
