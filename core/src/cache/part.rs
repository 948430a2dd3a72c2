//! Parts of the stream between which it is followed: the records of a node, its payload, the end of a directory.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::FileIdentity;
use crate::hash::{Hasher, name_hash};
use crate::record::put;

/// What records are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordsOf {
    /// A node: all from its name to the start of its payload or entries.
    Node,
    /// A directory that ends.
    End,
}

/// A part of the stream; never empty.
#[derive(Debug)]
pub(super) struct Part<F> {
    /// Hash of the node's path.
    path: u64,
    kind: Kind,
    pub(super) length: u64,
    pub(super) content: Content<F>,
}

#[derive(Debug)]
pub(super) enum Content<F> {
    Records(Box<[u8]>),
    Payload { file: F, identity: FileIdentity, settled: bool },
}

/// The numbers go into fingerprints.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Node = 1,
    End = 2,
    /// The stream ends with it.
    RootEnd = 3,
    Payload = 4,
}

impl<F> Part<F> {
    pub(super) fn records(path: &[u8], of: RecordsOf, bytes: &[u8]) -> Self {
        let kind = match of {
            RecordsOf::Node => Kind::Node,
            RecordsOf::End if path.is_empty() => Kind::RootEnd,
            RecordsOf::End => Kind::End,
        };
        Self { path: name_hash(path), kind, length: bytes.len() as u64, content: Content::Records(bytes.into()) }
    }

    pub(super) fn payload(path: &[u8], identity: FileIdentity, settled: bool, file: F) -> Self {
        let content = Content::Payload { file, identity, settled };
        Self { path: name_hash(path), kind: Kind::Payload, length: identity.size, content }
    }

    /// Hash of a place in it.
    pub(super) fn place(&self, offset: u64) -> u64 {
        let mut place = Vec::with_capacity(3 * 8);
        put(&[self.path, self.kind as u64, offset], &mut place);
        name_hash(&place)
    }

    /// Adds some of its bytes, or what stands for them, to a fingerprint; `scratch` is reused memory.
    ///
    /// How it is counted what belongs to which part, and whether a part is complete, makes sure that no two streams that
    /// go on differently have the same fingerprint.
    pub(super) fn add_to(&self, hasher: &mut Hasher, offset: u64, length: u64, scratch: &mut Vec<u8>) {
        let is_complete = offset + length == self.length;
        scratch.clear();
        put(&[self.kind as u64, u64::from(is_complete), length], scratch);
        match &self.content {
            Content::Records(bytes) => {
                scratch.extend_from_slice(&bytes[offset as usize..(offset + length) as usize]);
            }
            Content::Payload { identity, .. } => {
                identity.emit(scratch);
                put(&[offset], scratch);
            }
        }
        hasher.update(scratch);
    }

    /// Whether a chunk with bytes of it may be recorded.
    pub(super) const fn is_settled(&self) -> bool {
        match self.content {
            Content::Records(_) => true,
            Content::Payload { settled, .. } => settled,
        }
    }
}
