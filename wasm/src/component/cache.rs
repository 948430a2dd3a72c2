//! Verified chunks, kept while the instance lives.

use std::collections::VecDeque;
use std::rc::Rc;

use casync_core::chunk::ChunkId;

/// The chunks used last, up to so many bytes.
#[derive(Debug)]
pub(super) struct Cache {
    /// The one used last is last.
    chunks: VecDeque<(ChunkId, Rc<[u8]>)>,
    held: usize,
    limit: usize,
}

impl Cache {
    pub(super) const fn new(limit: usize) -> Self {
        Self { chunks: VecDeque::new(), held: 0, limit }
    }

    pub(super) fn get(&mut self, id: &ChunkId) -> Option<Rc<[u8]>> {
        let place = self.chunks.iter().position(|(held, _)| held == id)?;
        let chunk = self.chunks.remove(place)?;
        let bytes = chunk.1.clone();
        self.chunks.push_back(chunk);
        Some(bytes)
    }

    pub(super) fn put(&mut self, id: ChunkId, bytes: Rc<[u8]>) {
        if bytes.len() > self.limit || self.get(&id).is_some() {
            return;
        }
        self.held += bytes.len();
        self.chunks.push_back((id, bytes));
        while self.held > self.limit {
            let Some((_, oldest)) = self.chunks.pop_front() else { return };
            self.held -= oldest.len();
        }
    }
}
