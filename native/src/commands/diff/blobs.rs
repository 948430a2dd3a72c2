//! Two blobs: chooses how each is read.

use super::operand::Blob;
use super::report::Report;
use super::update::Update;
use crate::cli::Options;
use crate::error::Result;
use crate::flow::diff::{between_files, between_index_and_file, between_indexes, comparable};
use crate::flow::input::{ByteSource, FileSource, with_feed};
use crate::ui::Counters;

pub(super) fn run(left: Blob, right: Blob, options: &Options, report: &mut Report) -> Result<()> {
    report.blobs();
    match (left, right) {
        (Blob::Index { index: mut left, .. }, Blob::Index { index: mut right, chain }) if comparable(&left, &right) => {
            report.update(Update::between(&mut left, &mut right, &chain)?);
            between_indexes(&mut left, &mut right, |range| report.range(range))
        }
        (Blob::Index { mut index, .. }, Blob::File { fd, size }) => {
            between_index_and_file(&mut index, (&fd, size), true, |range| report.range(range))
        }
        (Blob::File { fd, size }, Blob::Index { mut index, .. }) => {
            between_index_and_file(&mut index, (&fd, size), false, |range| report.range(range))
        }
        (left, right) => with_source(left, options, |left| {
            with_source(right, options, |right| between_files(left, right, |range| report.range(range)))
        }),
    }
}

/// Reads a blob from its start to its end.
fn with_source(blob: Blob, options: &Options, consume: impl FnOnce(&mut dyn ByteSource) -> Result<()>) -> Result<()> {
    match blob {
        Blob::File { fd, size } => consume(&mut FileSource::new(fd)?.part(0, size)),
        Blob::Index { mut index, chain } => {
            // There may be two of these.
            let mut budget = options.budget();
            budget.memory /= 2;
            with_feed(&mut index, &chain, budget, &Counters::default(), |feed| consume(feed))
        }
    }
}
