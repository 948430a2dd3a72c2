//! Chunks of C casync, unpacked and verified, and digests.

use std::collections::BTreeSet;

use casync_core::chunk::{ChunkId, StoredChunk};
use casync_core::hash::DigestAlgorithm;
use casync_tests::{input, vectors};
use wasmtime::Val;

use crate::guest::{Guest, amount, refusal};

const SHA512_256: Val = Val::I32(0);

#[test]
fn chunks_of_every_compression_unpack() {
    let mut guest = Guest::new();
    let mut unpacked = BTreeSet::new();
    for row in vectors::table("compression.tsv").rows() {
        let (method, id, size) = (row.get("compression"), row.get("id"), row.parse::<u64>("size"));
        let file = format!("cacnk/{method}/{id}.cacnk");
        if !vectors::path(&file).exists() {
            continue;
        }
        let stored = vectors::read(&file);
        let id: ChunkId = row.parse("id");
        let input = [id.as_bytes(), &stored[..]].concat();
        let (_, plain) = guest.call("casync_chunk", &[SHA512_256, amount(size)], &input).expect(method);
        let native = |stored: &[u8], size| {
            StoredChunk::Compressed(stored.to_vec()).unpack(&id, size, DigestAlgorithm::Sha512_256)
        };
        assert_eq!(plain, native(&stored, size).expect(method).into_bytes(), "{row:?}");

        // What is wrong with a chunk is told as it is here.
        for (stored, size) in [(&stored[..], size - 1), (&stored[..], size + 1), (&stored[..stored.len() - 1], size)] {
            let input = [id.as_bytes(), stored].concat();
            let answer = guest.call("casync_chunk", &[SHA512_256, amount(size)], &input);
            assert_eq!(answer, Err(refusal(&native(stored, size).unwrap_err())), "{row:?}");
        }
        unpacked.insert(file);
    }
    assert_eq!(unpacked.len(), 9, "three chunks in three compressions");
}

#[test]
fn a_chunk_that_is_not_the_one_is_refused() {
    let mut guest = Guest::new();
    let wanted = ChunkId::of(b"wanted", DigestAlgorithm::Sha512_256);
    let answer =
        guest.call("casync_chunk", &[SHA512_256, amount(6)], &[wanted.as_bytes().as_slice(), b"others"].concat());
    let (code, message) = answer.unwrap_err();
    assert_eq!(code, 3, "{message}");
    let answer =
        guest.call("casync_chunk", &[SHA512_256, amount(6)], &[wanted.as_bytes().as_slice(), b"wanted"].concat());
    assert_eq!(answer, Ok((6, b"wanted".to_vec())), "plain bytes are a chunk as well");
    assert_eq!(guest.call("casync_chunk", &[SHA512_256, amount(6)], b"short").unwrap_err().0, 7);
    assert_eq!(guest.call("casync_chunk", &[Val::I32(2), amount(6)], &[0; 40]).unwrap_err().0, 7);
}

#[test]
fn digests_equal() {
    let mut guest = Guest::new();
    let bytes = input::prng("digest", 100_003);
    for (number, algorithm) in [(0, DigestAlgorithm::Sha512_256), (1, DigestAlgorithm::Sha256)] {
        let hasher = guest.open("casync_hasher", &[Val::I32(number)], &[]);
        for piece in bytes.chunks(10_007) {
            guest.call("casync_hasher_update", &[hasher], piece).unwrap();
        }
        let (_, digest) = guest.call("casync_hasher_finish", &[hasher], &[]).unwrap();
        assert_eq!(digest, algorithm.digest(&bytes).as_bytes(), "{algorithm}");
        assert_eq!(guest.call("casync_hasher_finish", &[hasher], &[]).unwrap_err().0, 7, "a finished hasher is closed");
    }
}
