//! The question for a node through symbolic links.

use casync_core::Result;
use casync_core::archive::{Ask, Content, Find, Found, Tree};

use super::path::components;

/// Links that are followed on the way.
const LINKS_MAX: u32 = 16;

/// Asks for the node at a path, through symbolic links that stay in the archive; a link to `..` above the root is one to
/// the root.
#[derive(Clone, Debug)]
pub(super) struct Follow {
    tree: Tree,
    path: Vec<Vec<u8>>,
    question: Find,
    /// How many components the question is for, if it looks for the link that the whole path leads through.
    probe: Option<usize>,
    links: u32,
}

/// Where a path led.
#[derive(Clone, Debug)]
pub(super) struct Reached {
    /// The components of the path without links.
    pub(super) path: Vec<Vec<u8>>,
    pub(super) found: Found,
}

impl Follow {
    pub(super) fn new(tree: Tree, path: Vec<Vec<u8>>) -> Self {
        let question = tree.find(&path.join(&b'/'));
        Self { tree, path, question, probe: None, links: 0 }
    }

    pub(super) fn provide(&mut self, start: u64, bytes: &[u8]) -> Result<()> {
        self.question.provide(start, bytes)
    }

    pub(super) fn step(&mut self) -> Result<Ask<Option<Reached>>> {
        loop {
            let found = match self.question.step()? {
                Ask::Ready(found) => found,
                Ask::Need(range) => return Ok(Ask::Need(range)),
            };
            let length = self.probe.unwrap_or(self.path.len());
            let goes_on = match found {
                Some(found) => match &found.node.content {
                    Content::Symlink { target } if length > 0 => self.redirect(length, target),
                    _ if self.probe.is_none() => {
                        let path = core::mem::take(&mut self.path);
                        return Ok(Ask::Ready(Some(Reached { path, found })));
                    }
                    _ => self.look_at(length + 1),
                },
                // One of the directories on the way may be a link.
                None if self.probe.is_none() => self.look_at(1),
                None => false,
            };
            if !goes_on {
                return Ok(Ask::Ready(None));
            }
        }
    }

    /// Looks at the first components of the path, if they are not all.
    fn look_at(&mut self, length: usize) -> bool {
        if length >= self.path.len() {
            return false;
        }
        self.probe = Some(length);
        self.question = self.tree.find(&self.path[..length].join(&b'/'));
        true
    }

    /// Begins anew with the target of the link that the first `length` components lead to.
    fn redirect(&mut self, length: usize, target: &[u8]) -> bool {
        self.links += 1;
        if self.links > LINKS_MAX {
            return false;
        }
        let rest = self.path.split_off(length);
        self.path.truncate(if target.starts_with(b"/") { 0 } else { length - 1 });
        for part in components(target) {
            if part == b".." {
                self.path.pop();
            } else {
                self.path.push(part);
            }
        }
        self.path.extend(rest);
        self.probe = None;
        self.question = self.tree.find(&self.path.join(&b'/'));
        true
    }
}
