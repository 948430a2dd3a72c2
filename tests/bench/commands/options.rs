//! The command line of the benchmark.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::data::Scale;
use crate::report::Format;
use crate::rows::{ROWS, Row};

/// Measure whole commands against the C casync
#[derive(Debug, Parser)]
#[command(name = "commands")]
pub(crate) struct Options {
    /// How much data to make
    #[arg(long, value_enum, default_value = "small")]
    size: Size,
    /// Use this tree instead of one that is made (nobody may change it meanwhile)
    #[arg(long, value_name = "DIR")]
    pub(crate) tree: Option<PathBuf>,
    /// How often each command is measured (default: 5, with --smoke 1)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// Measure only rows with this text in their names
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Where the data lives (default: /dev/shm if there is room, else the temporary directory)
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Keep the data
    #[arg(long)]
    pub(crate) keep: bool,
    /// Try everything once on next to no data, and check that it works; the figures mean nothing
    #[arg(long)]
    smoke: bool,
    /// Print a table for a README
    #[arg(long)]
    markdown: bool,
    /// Print one JSON object for each row
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// What `cargo bench` passes to every benchmark; `cargo test` does not, and wants to know only whether this works
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Size {
    /// A tree of 170 MB and all else in proportion
    Small,
    /// A tree of 1.7 GB and all else in proportion
    Full,
}

impl Options {
    /// Whether nothing is measured, only tried.
    pub(crate) fn is_smoke(&self) -> bool {
        self.smoke || !self.bench
    }

    /// What to measure.
    pub(crate) fn rows(&self) -> Vec<&'static Row> {
        let only = self.only.as_deref().unwrap_or("");
        let rows: Vec<_> = ROWS.iter().filter(|row| row.name.contains(only)).collect();
        assert!(!rows.is_empty(), "no row has {only:?} in its name: {:?}", ROWS.map(|row| row.name));
        rows
    }

    /// How often.
    pub(crate) fn rounds(&self) -> usize {
        self.rounds.map_or_else(|| if self.is_smoke() { 1 } else { 5 }, usize::from)
    }

    /// How much data.
    pub(crate) fn scale(&self) -> &'static Scale {
        match self.size {
            _ if self.is_smoke() => &Scale::SMOKE,
            Size::Small => &Scale::SMALL,
            Size::Full => &Scale::FULL,
        }
    }

    /// What of it, in a word.
    pub(crate) fn size(&self) -> &'static str {
        match self.size {
            _ if self.is_smoke() => "smoke (figures mean nothing)",
            Size::Small => "small",
            Size::Full => "full",
        }
    }

    /// How to print.
    pub(crate) fn format(&self) -> Format {
        match (self.markdown, self.json) {
            (true, _) => Format::Markdown,
            (_, true) => Format::Json,
            _ => Format::Text,
        }
    }
}
