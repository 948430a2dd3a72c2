//! A digest over a stream that arrives in pieces.

use sha2::Digest as _;

use super::sha512::Sha512_256;
use super::{Digest, DigestAlgorithm};

/// Digests one stream, in pieces of any size.
///
/// ```
/// use casync_core::hash::{DigestAlgorithm, Hasher};
///
/// let mut hasher = Hasher::new(DigestAlgorithm::Sha512_256);
/// hasher.update(b"foo");
/// hasher.update(b"bar");
/// assert_eq!(hasher.finish(), DigestAlgorithm::Sha512_256.digest(b"foobar"));
/// ```
#[derive(Clone, Debug)]
pub struct Hasher(State);

#[derive(Clone, Debug)]
enum State {
    Sha512_256(Sha512_256),
    Sha256(sha2::Sha256),
}

impl Hasher {
    /// A hasher that has seen nothing yet.
    pub fn new(algorithm: DigestAlgorithm) -> Self {
        Self(match algorithm {
            DigestAlgorithm::Sha512_256 => State::Sha512_256(Sha512_256::new()),
            DigestAlgorithm::Sha256 => State::Sha256(sha2::Sha256::new()),
        })
    }

    /// Adds the next bytes of the stream.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha512_256(state) => state.update(bytes),
            State::Sha256(state) => state.update(bytes),
        }
    }

    /// The digest of everything seen.
    pub fn finish(self) -> Digest {
        match self.0 {
            State::Sha512_256(state) => Digest(state.finish()),
            State::Sha256(state) => Digest(state.finalize().into()),
        }
    }
}

impl DigestAlgorithm {
    /// The digest of one piece of memory.
    pub fn digest(self, bytes: &[u8]) -> Digest {
        let mut hasher = Hasher::new(self);
        hasher.update(bytes);
        hasher.finish()
    }
}
