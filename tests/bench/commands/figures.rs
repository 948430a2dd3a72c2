//! Medians of runs, and whether they reach the goals.

use crate::lab::Tool;
use crate::measure::Run;
use crate::rows::Row;

/// Most memory that this casync may take, in MiB: its default budget, and what any process has.
pub(crate) const PEAK_MAX: f64 = 64.0 + 32.0;

/// Share of the machine from which on others disturb a measurement.
pub(crate) const OTHERS_MAX: f64 = 0.05;

/// Medians of all runs of one program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// Seconds from start to end.
    pub(crate) wall: f64,
    /// Seconds of all cores.
    pub(crate) cpu: f64,
    /// MiB.
    pub(crate) peak: f64,
    /// How far apart the fastest and the slowest run were, as a part of the median.
    pub(crate) spread: f64,
}

impl Figures {
    fn of(runs: &[Run]) -> Self {
        let sorted = |figure: fn(&Run) -> f64| {
            let mut figures: Vec<f64> = runs.iter().map(figure).collect();
            figures.sort_by(f64::total_cmp);
            figures
        };
        let walls = sorted(|run| run.wall);
        let wall = median(&walls);
        let spread = (walls[walls.len() - 1] - walls[0]) / wall;
        Self { wall, cpu: median(&sorted(|run| run.cpu)), peak: median(&sorted(|run| run.peak)), spread }
    }
}

fn median(sorted: &[f64]) -> f64 {
    f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
}

/// All about one row.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) row: &'static Row,
    pub(crate) ours: Figures,
    /// `None` where the C casync is not installed.
    pub(crate) upstream: Option<Figures>,
    /// `None` where there is nothing to compare with.
    pub(crate) plain: Option<Figures>,
    /// Share of the machine that others had.
    pub(crate) others: f64,
}

impl Summary {
    /// Sums up the runs of all programs.
    pub(crate) fn new(row: &'static Row, runs: &[(Tool, Vec<Run>)], others: f64) -> Self {
        let of = |tool| runs.iter().find(|(other, _)| *other == tool).map(|(_, runs)| Figures::of(runs));
        let ours = of(Tool::Ours).expect("this one always runs");
        Self { row, ours, upstream: of(Tool::Upstream), plain: of(Tool::Plain), others }
    }

    /// What was measured.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Tool, Figures)> {
        let all = [(Tool::Ours, Some(self.ours)), (Tool::Upstream, self.upstream), (Tool::Plain, self.plain)];
        all.into_iter().filter_map(|(tool, figures)| Some((tool, figures?)))
    }

    /// How many times as fast as the C casync.
    pub(crate) fn wall_ratio(&self) -> Option<f64> {
        self.upstream.map(|upstream| upstream.wall / self.ours.wall)
    }

    /// How many times as much CPU time the C casync takes.
    pub(crate) fn cpu_ratio(&self) -> Option<f64> {
        self.upstream.map(|upstream| upstream.cpu / self.ours.cpu.max(f64::MIN_POSITIVE))
    }

    /// The goals that are missed: of `wall`, `cpu` and `peak`.
    pub(crate) fn missed(&self) -> Vec<&'static str> {
        let missed = [
            ("wall", self.wall_ratio().is_some_and(|ratio| ratio < self.row.goal)),
            ("cpu", self.cpu_ratio().is_some_and(|ratio| ratio < 1.0)),
            ("peak", self.ours.peak > PEAK_MAX),
        ];
        missed.into_iter().filter_map(|(goal, missed)| missed.then_some(goal)).collect()
    }

    /// Whether others have worked too much for the figures to be believed.
    pub(crate) fn is_noisy(&self) -> bool {
        self.others > OTHERS_MAX
    }
}
