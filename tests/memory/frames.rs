//! Compressed frames: bombs, and frames that announce much.

use casync_core::Limits;
use casync_core::chunk::StoredChunk;
use casync_tests::vectors;

use super::peak;

/// What decoders hold apart from data: tables, and buffers of fixed size.
const TABLES: u64 = 1 << 20;

#[test]
fn decoding_holds_a_few_times_the_limit() {
    for limit in [10_000, 100_000, 1 << 20] {
        let limits = Limits::default().with_chunk(limit);
        for row in vectors::table("frames.tsv").rows() {
            let frame = vectors::read(&format!("frames/{}", row.get("case")));
            let bytes = peak(|| drop(StoredChunk::Compressed(frame).decode(&limits)));
            assert!(bytes < 8 * limit + TABLES, "{bytes} bytes with a limit of {limit} for {row:?}");
        }
    }
}

/// The window of a frame says what its content may refer to, not how much there is.
#[test]
fn small_content_in_a_large_window_takes_little() {
    for case in ["zstd-long27", "zstd-ultra-22", "xz-dict-96M", "xz-9e"] {
        let frame = vectors::read(&format!("frames/{case}"));
        let bytes = peak(|| drop(StoredChunk::Compressed(frame).decode(&Limits::default()).unwrap()));
        assert!(bytes < TABLES, "{bytes} bytes for {case}");
    }
}
