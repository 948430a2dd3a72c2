//! Two trees: chooses how each is read.

use std::os::fd::OwnedFd;

use casync_core::Limits;
use casync_core::archive::{Decoder, Selection};
use casync_core::record::FeatureFlags;

use super::operand::Tree;
use super::report::Report;
use super::update::Update;
use crate::cli::Options;
use crate::error::Result;
use crate::flow::diff::{ArchiveSide, DirectorySide, Side, comparable, compare, same_stream};
use crate::flow::input::{FileSource, with_feed};
use crate::fs::walk::{Exclusions, Walk};
use crate::ui::Counters;

pub(super) fn run(left: Tree, right: Tree, options: &Options, report: &mut Report) -> Result<()> {
    match (left, right) {
        (Tree::Index { index: mut left, chain: from }, Tree::Index { index: mut right, chain: to })
            if comparable(&left, &right) =>
        {
            report.update(Update::between(&mut left, &mut right, &to)?);
            if same_stream(&mut left, &mut right)? {
                return Ok(());
            }
            let mut left = ArchiveSide::from_chunks(&mut left, &from)?;
            let mut right = ArchiveSide::from_chunks(&mut right, &to)?;
            sides(&mut left, &mut right, options, report)
        }
        (Tree::Directory(left), Tree::Directory(right)) => {
            let features = options.encoding_features(FeatureFlags::ALL);
            let [mut left, mut right] = [left, right].map(|fd| directory(fd, features, options));
            sides(&mut left, &mut right, options, report)
        }
        (Tree::Directory(left), right) => with_archive(right, options, |right| {
            sides(&mut directory(left, right.features(), options), right, options, report)
        }),
        (left, Tree::Directory(right)) => with_archive(left, options, |left| {
            let mut right = directory(right, left.features(), options);
            sides(left, &mut right, options, report)
        }),
        (left, right) => with_archive(left, options, |left| {
            with_archive(right, options, |right| sides(left, right, options, report))
        }),
    }
}

fn sides(left: &mut dyn Side, right: &mut dyn Side, options: &Options, report: &mut Report) -> Result<()> {
    let features = [left.features(), right.features()];
    compare(left, right, options.replay_mask(), |path, difference| report.path(path, &difference, features))
}

/// A directory, read as an archive with these features would store it.
fn directory(fd: OwnedFd, features: FeatureFlags, options: &Options) -> DirectorySide {
    let selection = Selection::new(features, options.id_shift());
    DirectorySide::new(Walk::from_directory(fd, selection, Exclusions::default()), features)
}

/// Reads an archive from its start to its end.
fn with_archive(tree: Tree, options: &Options, consume: impl FnOnce(&mut dyn Side) -> Result<()>) -> Result<()> {
    let decoder = Decoder::new(&Limits::default());
    match tree {
        Tree::Index { mut index, chain } => {
            let decoder = decoder.expecting(index.features());
            // There may be two of these.
            let mut budget = options.budget();
            budget.memory /= 2;
            with_feed(&mut index, &chain, budget, &Counters::default(), |feed| {
                consume(&mut ArchiveSide::from_stream(feed, decoder)?)
            })
        }
        Tree::Archive(fd) | Tree::Directory(fd) => {
            consume(&mut ArchiveSide::from_stream(&mut FileSource::new(fd)?, decoder)?)
        }
    }
}
