//! `frames.tsv` and `frames/`: compressed frames of all kinds, good, damaged and hostile.

use casync_core::Limits;
use casync_core::chunk::StoredChunk;
use casync_core::error::{Error, Limited, Malformed, Unsupported};
use casync_tests::{input, vectors};

/// What the table is made for.
const LIMIT: u64 = 1 << 20;

#[test]
fn verdicts_are_the_golden_ones() {
    for row in vectors::table("frames.tsv").rows() {
        let frame = vectors::read(&format!("frames/{}", row.get("case")));
        let length = frame.len() as u64;
        let decoded = StoredChunk::Compressed(frame).decode(&Limits::default().with_chunk(LIMIT));
        let decoded = decoded.map(|chunk| chunk.untrusted_bytes().to_vec());
        let expected = match row.get("should") {
            "accept" => Ok(match row.get("content") {
                "text" => input::text(20_000),
                "noise" => input::prng("frame", 5000),
                "empty" => Vec::new(),
                "x" => b"x".to_vec(),
                other => panic!("no content {other}"),
            }),
            "damaged" => Err(Malformed::Compressed.into()),
            "unknown" => Err(Malformed::UnknownCompression.into()),
            "truncated" => Err(Error::Truncated { length }),
            "memory" => Err(Unsupported::CodecMemory.into()),
            "limit" => match decoded {
                Err(Error::Limit { what: Limited::Chunk, value, max: LIMIT }) if value > LIMIT => continue,
                other => panic!("{other:?} of {row:?}"),
            },
            other => panic!("no verdict {other}"),
        };
        match (&decoded, &expected) {
            (Ok(decoded), Ok(expected)) => assert!(decoded == expected, "{row:?}"),
            _ => assert_eq!(decoded.map(drop), expected.map(drop), "{row:?}"),
        }
    }
}
