//! Whether a directory tree is what an archive says, node by node.

use std::cmp::Ordering;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use casync_core::archive::{Content, Decoder, Event, IdShift, Node, NodeEvent, Selection, Trail};
use casync_core::diff::Common;
use casync_core::record::FeatureFlags;
use casync_core::show::ShownPath;

use super::attributes::differences;
use super::{Findings, again};
use crate::error::{Context as _, Error, Result};
use crate::flow::Budget;
use crate::flow::input::{ByteSource, Flow, Index, pump};
use crate::fs::blob;
use crate::fs::walk::{OpenFile, Step, Walk};
use crate::ui::Counters;
use crate::ui::json::Field;

/// Whether the tree gives exactly this index, which takes no store; if not, at which offset they part.
///
/// # Errors
///
/// If the tree or the index cannot be read.
pub fn parts_at(
    index: &mut Index,
    file: &OwnedFd,
    walk: &mut Walk,
    budget: Budget,
    counters: &Arc<Counters>,
) -> Result<Option<u64>> {
    let Some(number) = again::first_difference(index, file, walk, budget, counters)? else { return Ok(None) };
    let size = index.stream_size();
    Ok(Some(index.get(number)?.map_or(size, |piece| piece.start)))
}

/// Tells as much of a difference as can be told without the archive itself.
///
/// # Errors
///
/// If the tree cannot be read.
pub fn tell_roughly(
    walk: &mut Walk,
    features: FeatureFlags,
    offset: u64,
    why: &Error,
    findings: &Findings,
) -> Result<()> {
    let path = again::node_at(walk, features, offset)?;
    findings.problem_of(
        Field::path(&path),
        format_args!(
            "{}: the tree differs from the index here or soon after (offset {offset} of the archive)",
            ShownPath(&path)
        ),
    );
    findings.remark(format_args!("The archive itself would tell more, but cannot be read: {why}"));
    Ok(())
}

/// Compares all nodes of an archive with those of a tree. `begin` opens the tree once the archive's flags are known; `mask`
/// says what of the metadata counts.
///
/// # Errors
///
/// If archive or tree cannot be read. Differences are found, not failed with.
pub fn verify(
    source: &mut dyn ByteSource,
    decoder: &mut Decoder,
    mask: FeatureFlags,
    begin: impl FnOnce(FeatureFlags) -> Result<Walk>,
    findings: &Findings,
) -> Result<()> {
    let mut begin = Some(begin);
    let mut comparison: Option<Comparison<'_>> = None;
    pump(source, decoder, |event| {
        if let (Event::Node(event), Some(begin)) = (&event, begin.take()) {
            let walk = begin(event.features)?;
            let selection = Selection::new(event.features.replayed(mask), IdShift::default());
            comparison = Some(Comparison::new(walk, selection, findings));
        }
        let Some(comparison) = &mut comparison else { return Ok(Flow::Continue) };
        match event {
            Event::Node(event) => comparison.node(&event),
            Event::Payload(bytes) => comparison.payload(bytes),
            Event::End => comparison.end().map(|()| Flow::Continue),
        }
    })
}

struct Comparison<'a> {
    walk: Walk,
    /// A step of the walk that is not in turn yet.
    pending: Option<Step>,
    selection: Selection,
    findings: &'a Findings,
    trail: Trail,
    /// For each open node of the archive whether it is a directory of the tree, too.
    open: Vec<bool>,
    /// Open nodes when a node of the archive began that the tree does not have.
    absent: Option<usize>,
    /// The file that the payload is compared with, and how far that is.
    file: Option<(OpenFile, u64)>,
    buffer: Vec<u8>,
}

impl<'a> Comparison<'a> {
    fn new(walk: Walk, selection: Selection, findings: &'a Findings) -> Self {
        let (trail, open, buffer) = (Trail::default(), Vec::new(), Vec::new());
        Self { walk, pending: None, selection, findings, trail, open, absent: None, file: None, buffer }
    }

    fn node(&mut self, event: &NodeEvent<'_>) -> Result<Flow> {
        self.trail.enter(event);
        let depth = self.open.len();
        self.open.push(false);
        if self.absent.is_some() {
            return Ok(Flow::SkipPayload);
        }
        self.findings.looked_at(1, 0);
        let Some((node, file)) = self.find(event)? else {
            self.findings.problem_of(
                Field::path(self.trail.path()),
                format_args!("{}: only in the archive", ShownPath(self.trail.path())),
            );
            self.absent = Some(depth);
            return Ok(Flow::SkipPayload);
        };
        let (theirs, ours) = (self.masked(event.node)?, self.masked(&node)?);
        let features = self.selection.features();
        let mut differences = differences(&theirs, &ours, &Common::new(features, features, FeatureFlags::ALL));
        if theirs.content.file_type() != ours.content.file_type() {
            // Everything else is different then, too.
            differences.truncate(1);
        }
        if !differences.is_empty() {
            let what = differences.join("; ");
            self.findings
                .problem_of(Field::path(self.trail.path()), format_args!("{}: {what}", ShownPath(self.trail.path())));
        }
        match (&event.node.content, &node.content) {
            (Content::Directory, Content::Directory) => self.open[depth] = true,
            (Content::Regular { size }, Content::Regular { size: found }) if size == found => {
                self.file = file.map(|file| (file, 0));
            }
            (_, Content::Directory) => self.pass_over()?,
            (Content::Directory, _) => self.absent = Some(depth),
            _ => {}
        }
        Ok(if self.file.is_some() { Flow::Continue } else { Flow::SkipPayload })
    }

    /// The node of the tree with the name of one of the archive. Those before it are in the tree only.
    fn find(&mut self, event: &NodeEvent<'_>) -> Result<Option<(Node, Option<OpenFile>)>> {
        loop {
            let step = match self.pending.take() {
                Some(step) => Some(step),
                None => self.walk.next()?,
            };
            let Some(Step::Node { name, node, file }) = step else {
                self.pending = step;
                return Ok(None);
            };
            let order = name.as_ref().map(|name| name.as_bytes()).cmp(&event.name.map(|name| name.as_bytes()));
            match order {
                Ordering::Equal => return Ok(Some((node, file))),
                Ordering::Less => self.surplus(&node)?,
                Ordering::Greater => {
                    self.pending = Some(Step::Node { name, node, file });
                    return Ok(None);
                }
            }
        }
    }

    fn surplus(&mut self, node: &Node) -> Result<()> {
        self.findings.problem_of(
            Field::path(self.walk.path()),
            format_args!("{}: only in the tree", ShownPath(self.walk.path())),
        );
        if node.content == Content::Directory { self.pass_over() } else { Ok(()) }
    }

    /// Leaves the directory of the tree that was just entered.
    fn pass_over(&mut self) -> Result<()> {
        self.walk.skip_entries();
        self.walk.next().map(drop)
    }

    /// A node with what counts of its metadata.
    fn masked(&self, node: &Node) -> Result<Node> {
        let mut node = node.clone();
        self.selection.apply(node.content.file_type(), &mut node.metadata)?;
        Ok(node)
    }

    fn payload(&mut self, bytes: &[u8]) -> Result<Flow> {
        let Some((file, offset)) = &mut self.file else { return Ok(Flow::SkipPayload) };
        self.buffer.resize(bytes.len(), 0);
        let read = blob::read_at(&file.fd, &mut self.buffer, *offset);
        let filled = read.context(|| format!("read {:?}", self.walk.shown_path()))?;
        let same = bytes == &self.buffer[..filled];
        if !same {
            let equal = bytes.iter().zip(&self.buffer[..filled]).take_while(|(archive, tree)| archive == tree).count();
            let at = *offset + equal as u64;
            self.findings.problem_of(
                Field::path(self.trail.path()),
                format_args!("{}: the content differs from byte {at} on", ShownPath(self.trail.path())),
            );
            self.file = None;
            return Ok(Flow::SkipPayload);
        }
        *offset += bytes.len() as u64;
        self.findings.looked_at(0, bytes.len() as u64);
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> Result<()> {
        self.file = None;
        let is_shared_directory = self.open.pop().unwrap_or(false);
        if self.absent == Some(self.open.len()) {
            self.absent = None;
        }
        if !is_shared_directory {
            return Ok(());
        }
        loop {
            let step = match self.pending.take() {
                Some(step) => Some(step),
                None => self.walk.next()?,
            };
            match step {
                Some(Step::Node { node, .. }) => self.surplus(&node)?,
                Some(Step::Leave) | None => return Ok(()),
            }
        }
    }
}
