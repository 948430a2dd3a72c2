//! Digests over parts of an archive: a file's payload, and a node as a whole.

use super::NodeEvent;
use crate::hash::{Digest, DigestAlgorithm, Hasher};

/// The two digests of one node that is not a directory (spec: store-and-digests.md 3).
///
/// Start with the node's event, add its payload, finish at its end.
///
/// * The payload digest covers the contents of a regular file.
/// * The hardlink digest covers everything from ENTRY to the last byte of content, but not the name: nodes with equal
///   ones are interchangeable.
///
/// ```
/// use casync_core::archive::NodeDigests;
/// use casync_core::hash::DigestAlgorithm;
///
/// let algorithm = DigestAlgorithm::Sha512_256;
/// # let records = b"ENTRY and what follows it";
/// let mut digests = NodeDigests::from_records(records, algorithm);
/// digests.update(b"con");
/// digests.update(b"tents");
/// let (payload, hardlink) = digests.finish();
/// assert_eq!(payload, algorithm.digest(b"contents"));
/// # assert_eq!(hardlink, algorithm.digest(b"ENTRY and what follows itcontents"));
/// ```
#[derive(Clone, Debug)]
pub struct NodeDigests {
    payload: Hasher,
    node: Hasher,
}

impl NodeDigests {
    /// Starts with a node.
    pub fn new(node: &NodeEvent<'_>, algorithm: DigestAlgorithm) -> Self {
        Self::from_records(node.records, algorithm)
    }

    /// Starts with a node's records, from ENTRY up to the payload.
    pub fn from_records(records: &[u8], algorithm: DigestAlgorithm) -> Self {
        let mut node = Hasher::new(algorithm);
        node.update(records);
        Self { payload: Hasher::new(algorithm), node }
    }

    /// Adds payload.
    pub fn update(&mut self, payload: &[u8]) {
        self.payload.update(payload);
        self.node.update(payload);
    }

    /// The payload digest and the hardlink digest.
    pub fn finish(self) -> (Digest, Digest) {
        (self.payload.finish(), self.node.finish())
    }
}
