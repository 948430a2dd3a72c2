//! `compression.tsv` and `cacnk/`: stored chunks of all methods, unpacked and verified.

use casync_core::chunk::{ChunkId, ChunkSizes, PlainChunk, StoredChunk, verify_all};
use casync_core::codec::{self, Compression};
use casync_core::error::{Error, Limited};
use casync_core::hash::DigestAlgorithm;
use casync_core::{CHUNK_MAX, Limits};
use casync_tests::table::Row;
use casync_tests::{cut, input, vectors};

/// Blobs whose chunk files are kept.
const KEPT: [&str; 3] = ["one", "rmin", "z1M"];

fn read(row: &Row<'_>) -> Vec<u8> {
    vectors::read(&format!("cacnk/{}/{}.cacnk", row.get("compression"), row.get("id")))
}

#[test]
fn stored_chunks_unpack_and_verify() {
    let mut decoded = 0;
    for row in vectors::table("compression.tsv").rows().filter(|row| KEPT.contains(&row.get("input"))) {
        let frame = read(&row);
        assert_eq!(frame.len(), row.parse::<usize>("compressed"), "{row:?}");
        assert_eq!(input::sha256(&frame), row.get("sha256 of .cacnk"), "{row:?}");
        let id: ChunkId = row.parse("id");
        let stored = StoredChunk::Compressed(frame);
        assert_eq!(stored.compression(), Ok(Some(row.parse("compression"))), "{row:?}");
        let plain = stored.decode(&Limits::default()).unwrap();
        assert_eq!(plain.untrusted_bytes().len(), row.parse::<usize>("size"), "{row:?}");
        let verified = plain.verify(&id, DigestAlgorithm::Sha512_256).unwrap();
        assert_eq!(verified.id(), &id);
        decoded += 1;
    }
    assert_eq!(decoded, 18, "six chunks in each of three methods");
}

#[test]
fn the_limit_is_exact() {
    for row in vectors::table("compression.tsv").rows().filter(|row| KEPT.contains(&row.get("input"))) {
        let (frame, size) = (read(&row), row.parse::<u64>("size"));
        for limit in [size, size + 1, CHUNK_MAX, u64::MAX] {
            let mut plain = b"before".to_vec();
            codec::decode(&frame, limit, &mut plain).unwrap();
            assert_eq!(plain.len() as u64, 6 + size, "{row:?} up to {limit}");
            assert!(plain.starts_with(b"before"), "what was there stays");
        }
        for limit in [0, size / 2, size - 1] {
            let refused = codec::decode(&frame, limit, &mut Vec::new());
            let Err(Error::Limit { what: Limited::Chunk, value, max }) = refused else {
                panic!("{refused:?} of {row:?} up to {limit}")
            };
            assert!(value > limit && max == limit, "{row:?} up to {limit}");
        }
    }
}

#[test]
fn cut_and_extended_frames_are_refused() {
    for row in vectors::table("compression.tsv").rows().filter(|row| KEPT.contains(&row.get("input"))) {
        let frame = read(&row);
        let steps = (frame.len() / 200).max(1);
        for length in (0..frame.len()).step_by(steps).chain([frame.len() - 1]) {
            let cut = StoredChunk::Compressed(frame[..length].to_vec()).decode(&Limits::default());
            assert_eq!(cut, Err(Error::Truncated { length: length as u64 }), "{row:?}");
        }
        for extra in [&b"\0"[..], b"\0\0\0\0", b"garbage", &frame] {
            let extended = StoredChunk::Compressed([&frame, extra].concat()).decode(&Limits::default());
            assert_eq!(extended, Err(casync_core::error::Malformed::Compressed.into()), "{row:?}");
        }
    }
}

#[test]
fn a_chunk_of_another_id_is_refused() {
    let chunks = ["one", "rmin", "z1M"].map(|name| PlainChunk::from_untrusted(input::blob(name)));
    let ids = ["one", "z1M", "rmin"].map(|name| ChunkId::of(&input::blob(name), DigestAlgorithm::Sha512_256));
    let verified: Vec<_> = verify_all(chunks.to_vec(), &ids, DigestAlgorithm::Sha512_256).collect();
    assert_eq!(verified[0].as_ref().map(|chunk| chunk.bytes()), Ok(&b"x"[..]));
    assert_eq!(verified[1], Err(Error::Mismatch { expected: ids[1], actual: ids[2] }));
    assert_eq!(verified[2], Err(Error::Mismatch { expected: ids[2], actual: ids[1] }));
}

/// The compressed bytes themselves are no part of the format; ids and sizes are, and do not depend on the method.
#[test]
fn ids_do_not_depend_on_the_method() {
    let table = vectors::table("compression.tsv");
    for method in Compression::ALL {
        for name in ["one", "rmin", "text300k", "z1M", "mixed"] {
            let data = input::blob(name);
            let ends = cut::by_chunker(&[&data], ChunkSizes::default()).unwrap();
            let starts = [0].into_iter().chain(ends.iter().copied());
            let id = |start, end| ChunkId::of(&data[start..end], DigestAlgorithm::Sha512_256).to_string();
            let chunks: Vec<(String, usize)> =
                starts.zip(&ends).map(|(start, &end)| (id(start, end), end - start)).collect();
            let rows = table.rows().filter(|row| row.get("input") == name && row.get("compression") == method.name());
            let golden: Vec<(String, usize)> = rows.map(|row| (row.get("id").to_owned(), row.parse("size"))).collect();
            assert_eq!(chunks, golden, "{name}, {method}");
        }
    }
}
