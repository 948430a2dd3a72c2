//! Hash functions of the formats: digests of streams and chunks, the rolling hash, the hash of file names.

pub(crate) mod buzhash;
mod digest;
mod hasher;
mod many;
pub(crate) mod sha512;
mod siphash;

pub use buzhash::{Buzhash, WINDOW};
pub use digest::{Digest, DigestAlgorithm};
pub use hasher::Hasher;
pub use siphash::name_hash;
