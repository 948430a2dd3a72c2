//! Two trees, node by node.

use casync_core::archive::{Content, Node};
use casync_core::diff::{Change, Common, Lockstep, Merge, Turn, changes};
use casync_core::record::FeatureFlags;

use super::chunks::{same_bytes, surely_same_bytes};
use super::side::{Head, Side};
use crate::error::{Context as _, Result};
use crate::flow::Failure;

/// A path that differs.
#[derive(Debug)]
pub enum Difference<'a> {
    /// Only the right side has it.
    Added(&'a Node),
    /// Only the left side has it.
    Removed(&'a Node),
    /// Both sides have it, but not the same.
    Changed(&'a [Change<'a>]),
}

/// Compares two trees by what both of them store and `mask` allows; hands over every path that differs, in archive order.
///
/// # Errors
///
/// If a side cannot be read, and those of `report`.
pub fn compare(
    left: &mut dyn Side,
    right: &mut dyn Side,
    mask: FeatureFlags,
    mut report: impl FnMut(&[u8], Difference<'_>) -> Result<()>,
) -> Result<()> {
    let (stop, mut merge) = (Failure::default(), Merge::default());
    let common = Common::new(left.features(), right.features(), mask);
    let (mut from, mut to) = (next(left, &common)?, next(right, &common)?);
    while let Some(turn) = merge.turn(from.as_ref().map(Head::shown), to.as_ref().map(Head::shown)) {
        stop.check()?;
        let sides = (from.as_ref().filter(|_| turn != Turn::Right), to.as_ref().filter(|_| turn != Turn::Left));
        match sides {
            (Some(Head::Node { node, .. }), None) => {
                report(merge.path(), Difference::Removed(node))?;
            }
            (None, Some(Head::Node { node, .. })) => {
                report(merge.path(), Difference::Added(node))?;
            }
            (Some(Head::Node { node: before, .. }), Some(Head::Node { node: after, .. })) => {
                if before.content == Content::Directory && before.content == after.content && skip_same(left, right)? {
                    merge.skip();
                } else {
                    let mut changes = changes(before, after, &common);
                    let differ = contents_differ(before, after, left, right)
                        .context(|| format!("compare {:?}", String::from_utf8_lossy(merge.path())))?;
                    if differ {
                        changes.insert(0, Change::Content);
                    }
                    if !changes.is_empty() {
                        report(merge.path(), Difference::Changed(&changes))?;
                    }
                }
            }
            _ => {}
        }
        if turn != Turn::Right {
            from = next(left, &common)?;
        }
        if turn != Turn::Left {
            to = next(right, &common)?;
        }
    }
    Ok(())
}

/// The next node that the other side would store as well.
fn next(side: &mut dyn Side, common: &Common) -> Result<Option<Head>> {
    loop {
        let head = side.next()?;
        match &head {
            Some(Head::Node { node, .. }) if !common.admits(node.content.file_type()) => {}
            _ => return Ok(head),
        }
    }
}

/// Passes over two directories if they surely hold the same; whether that was done.
fn skip_same(left: &mut dyn Side, right: &mut dyn Side) -> Result<bool> {
    let (Some(from), Some(to)) = (left.extent()?, right.extent()?) else { return Ok(false) };
    let length = from.end - from.entry;
    let same = match (left.chunks(), right.chunks()) {
        (Some((_, left)), Some((_, right))) if length == to.end - to.entry => {
            surely_same_bytes(left, right, Lockstep::new(from.entry, to.entry, length))?
        }
        _ => false,
    };
    if same {
        left.skip_directory()?;
        right.skip_directory()?;
    }
    Ok(same)
}

/// Whether two files of equal size differ in their content.
fn contents_differ(before: &Node, after: &Node, left: &mut dyn Side, right: &mut dyn Side) -> Result<bool> {
    let (Content::Regular { size }, Content::Regular { size: other }) = (&before.content, &after.content) else {
        return Ok(false);
    };
    if size != other || *size == 0 {
        return Ok(false);
    }
    if let (Some((from, left)), Some((to, right))) = (left.chunks(), right.chunks()) {
        return same_bytes(left, right, Lockstep::new(from, to, *size)).map(|same| !same);
    }
    loop {
        let (from, to) = (left.payload()?, right.payload()?);
        let length = from.len().min(to.len());
        if length == 0 {
            return Ok(from.len() != to.len());
        }
        if from[..length] != to[..length] {
            return Ok(true);
        }
        left.consume(length)?;
        right.consume(length)?;
    }
}
