//! Digests: of a whole stream, which nothing but one core can compute, and of many chunks, side by side.

use std::rc::Rc;

use casync_core::hash::{Digest, DigestAlgorithm, Hasher};
use casync_tests::content::{Content, Kind};
use sha2::Digest as _;

use crate::measure::Case;

/// An average chunk.
const CHUNK: usize = 1 << 16;

/// Chunks of a call, as many as make and extract hash at a time.
const BATCH: usize = 32;

pub(crate) fn cases(size: usize) -> Vec<Case> {
    let mut data = Vec::new();
    Content::new(Kind::Noise, 2).append(size, &mut data);
    let data: Rc<[u8]> = data.into();
    let case = |name, algorithm: DigestAlgorithm, digests: fn(&[u8], DigestAlgorithm) -> Vec<Digest>| {
        let expected = digests(&data, algorithm);
        let right = if expected.len() == 1 { vec![reference(&data, algorithm)] } else { references(&data, algorithm) };
        assert_eq!(expected, right, "{name:?}");
        let data = Rc::clone(&data);
        Case::new(name, size, (expected.len(), "digests"), move || {
            // Whether they are right was seen above; the count keeps the calls from being left out.
            std::hint::black_box(digests(&data, algorithm)).len()
        })
    };
    vec![
        case(("sha512-256", "one stream"), DigestAlgorithm::Sha512_256, one),
        case(("sha512-256-many", "chunks of 64 KiB, 32 at once"), DigestAlgorithm::Sha512_256, many),
        case(("sha256", "one stream"), DigestAlgorithm::Sha256, one),
        case(("sha256-many", "chunks of 64 KiB, 32 at once"), DigestAlgorithm::Sha256, many),
    ]
}

fn one(data: &[u8], algorithm: DigestAlgorithm) -> Vec<Digest> {
    let mut hasher = Hasher::new(algorithm);
    data.chunks(CHUNK).for_each(|piece| hasher.update(piece));
    vec![hasher.finish()]
}

fn many(data: &[u8], algorithm: DigestAlgorithm) -> Vec<Digest> {
    let chunks: Vec<&[u8]> = data.chunks(CHUNK).collect();
    chunks.chunks(BATCH).flat_map(|batch| algorithm.digest_all(batch)).collect()
}

/// By code that is not under test.
fn reference(data: &[u8], algorithm: DigestAlgorithm) -> Digest {
    Digest(match algorithm {
        DigestAlgorithm::Sha256 => sha2::Sha256::digest(data).into(),
        DigestAlgorithm::Sha512_256 => sha2::Sha512_256::digest(data).into(),
    })
}

fn references(data: &[u8], algorithm: DigestAlgorithm) -> Vec<Digest> {
    data.chunks(CHUNK).map(|chunk| reference(chunk, algorithm)).collect()
}
