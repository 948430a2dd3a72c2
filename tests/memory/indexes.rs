//! Indexes of a million chunks.

use casync_core::Limits;
use casync_core::chunk::{ChunkId, ChunkSizes, Chunker};
use casync_core::index::{IndexReader, IndexStep, IndexTable, IndexWriter};
use casync_core::record::FeatureFlags;

use super::peak;

fn index(chunks: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = IndexWriter::new(FeatureFlags::SHA512_256, ChunkSizes::default(), &mut file);
    for _ in 0..chunks {
        writer.push(ChunkId::default(), 1, &mut file).unwrap();
    }
    writer.finish(&mut file).unwrap();
    file
}

#[test]
fn a_reader_takes_nothing() {
    let file = index(1_000_000);
    let bytes = peak(|| {
        let mut reader = IndexReader::new(&Limits::default());
        let mut rest = file.as_slice();
        while let IndexStep::Did { used, .. } = reader.step(rest).unwrap() {
            rest = &rest[used..];
        }
        assert_eq!(reader.finish(), Ok(1_000_000));
    });
    assert_eq!(bytes, 0);
}

#[test]
fn a_table_takes_forty_bytes_a_chunk() {
    let file = index(1_000_000);
    let bytes = peak(|| drop(IndexTable::parse(&file, &Limits::default()).unwrap()));
    assert!(bytes < 2 * 40 * (1 << 20), "{bytes} bytes");
    let limits = Limits::default().with_index_chunks(1000);
    let bytes = peak(|| assert!(IndexTable::parse(&file, &limits).is_err()));
    assert!(bytes < 3 * 40 * 1024, "{bytes} bytes up to a limit of 1000 chunks");
}

#[test]
fn a_chunker_takes_nothing() {
    let data = vec![0; 5_000_000];
    let bytes = peak(|| {
        let mut chunker = Chunker::new(ChunkSizes::default());
        let mut rest = data.as_slice();
        while let Some(cut) = chunker.push(rest).unwrap() {
            rest = &rest[cut..];
        }
    });
    assert_eq!(bytes, 0);
}
