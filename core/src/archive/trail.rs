//! The path of the node that a decoder has come to.

use alloc::vec::Vec;

use super::NodeEvent;

/// Follows a decoder through the tree and knows the path of the last node.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    path: Vec<u8>,
    /// Length of the path of the node at each depth, from the root to the last node.
    lengths: Vec<usize>,
}

impl Trail {
    /// Goes to a node; returns its path from where the decoder started, which itself has the empty path.
    pub fn enter(&mut self, event: &NodeEvent<'_>) -> &[u8] {
        self.lengths.truncate(event.depth);
        self.path.truncate(self.lengths.last().copied().unwrap_or(0));
        if let Some(name) = event.name {
            if !self.path.is_empty() {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(name);
        }
        self.lengths.push(self.path.len());
        &self.path
    }

    /// The path of the last node.
    pub fn path(&self) -> &[u8] {
        &self.path
    }
}
