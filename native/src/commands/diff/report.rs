//! Prints differences, as text or JSON.

use casync_core::record::FeatureFlags;
use casync_core::show::DiffLine;

use super::update::Update;
use crate::cli::OutputFormat;
use crate::error::Result;
use crate::flow::diff::{Difference, Range, RangeChange};
use crate::ui::Out;
use crate::ui::json::{self, ChangeFields, Field, Message, NodeFields};

/// How much differs.
#[derive(Clone, Copy, Default, PartialEq)]
struct Tally {
    added: u64,
    removed: u64,
    changed: u64,
}

/// Prints and counts differences.
pub(super) struct Report {
    json: bool,
    out: Out,
    tally: Tally,
    /// Bytes, for blobs.
    bytes: Option<Tally>,
    update: Option<Update>,
}

impl Report {
    pub(super) fn new(format: OutputFormat) -> Self {
        Self { json: format.json, out: Out::new(), tally: Tally::default(), bytes: None, update: None }
    }

    /// A path; `features` are those of the side that has it.
    pub(super) fn path(&mut self, path: &[u8], difference: &Difference<'_>, features: [FeatureFlags; 2]) -> Result<()> {
        let [left, right] = features;
        let count = match difference {
            Difference::Added(_) => &mut self.tally.added,
            Difference::Removed(_) => &mut self.tally.removed,
            Difference::Changed(_) => &mut self.tally.changed,
        };
        *count += 1;
        if !self.json {
            return self.out.line(match difference {
                Difference::Added(_) => DiffLine::Added { path },
                Difference::Removed(_) => DiffLine::Removed { path },
                Difference::Changed(changes) => DiffLine::Changed { path, changes },
            });
        }
        let path = Field::path(path);
        let message = match difference {
            Difference::Added(node) => Message::Added { path, node: NodeFields::new(node, right) },
            Difference::Removed(node) => Message::Removed { path, node: NodeFields::new(node, left) },
            Difference::Changed(changes) => {
                Message::Changed { path, changes: changes.iter().cloned().map(ChangeFields).collect() }
            }
        };
        json::print(&mut self.out, &message)
    }

    /// A range of a blob.
    pub(super) fn range(&mut self, range: Range) -> Result<()> {
        let Range { change, start, end } = range;
        let bytes = self.bytes.get_or_insert_default();
        let (letter, name, count, sum) = match change {
            RangeChange::Added => ('A', "added", &mut self.tally.added, &mut bytes.added),
            RangeChange::Removed => ('D', "removed", &mut self.tally.removed, &mut bytes.removed),
            RangeChange::Changed => ('C', "changed", &mut self.tally.changed, &mut bytes.changed),
        };
        *count += 1;
        *sum += end - start;
        if self.json {
            json::print(&mut self.out, &Message::Range { change: name, start, end })
        } else {
            self.out.line(format_args!("{letter} {start}..{end}"))
        }
    }

    /// Blobs are compared, even if nothing differs.
    pub(super) fn blobs(&mut self) {
        self.bytes.get_or_insert_default();
    }

    pub(super) fn update(&mut self, update: Update) {
        self.update = Some(update);
    }

    /// Prints the sums; returns whether nothing differs.
    pub(super) fn finish(mut self) -> Result<bool> {
        let (tally, equal) = (self.tally, self.tally == Tally::default());
        let Tally { added, removed, changed } = self.bytes.unwrap_or(tally);
        if self.json {
            let update = self.update.as_ref().map(Update::fields);
            let unit = if self.bytes.is_some() { "bytes" } else { "paths" };
            json::print(&mut self.out, &Message::DiffSummary { equal, unit, added, removed, changed, update })?;
        } else {
            let unit = if self.bytes.is_some() { "bytes " } else { "" };
            self.out.line(format_args!("{unit}added: {added}, removed: {removed}, changed: {changed}"))?;
            if let Some(update) = &self.update {
                self.out.line(update)?;
            }
        }
        self.out.finish()?;
        Ok(equal)
    }
}
