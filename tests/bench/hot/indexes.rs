//! Indexes: 40 bytes a chunk, read whole before the first chunk is wanted.

use std::rc::Rc;

use casync_core::Limits;
use casync_core::chunk::{ChunkId, ChunkSizes};
use casync_core::hash::Digest;
use casync_core::index::{IndexEvent, IndexReader, IndexStep, IndexTable, IndexWriter};
use casync_core::record::{FeatureFlags, INDEX_ITEM_SIZE};
use casync_tests::random::Rng;

use crate::measure::Case;

/// What is fed at a time.
const PIECE: usize = 1 << 16;

pub(crate) fn cases(size: usize) -> Vec<Case> {
    let rng = &mut Rng::new(5);
    let sizes = ChunkSizes::default();
    let chunk = |_| {
        let id = Digest(rng.bytes(Digest::LEN).try_into().expect("as many bytes as were asked for"));
        (ChunkId::from(id), rng.number(sizes.min() as usize..=sizes.max() as usize) as u64)
    };
    // An index of 8 MiB is of a stream of more than 10 GB.
    let chunks: Vec<(ChunkId, u64)> = (0..size / 8 / INDEX_ITEM_SIZE).map(chunk).collect();
    let mut file = Vec::new();
    write(&chunks, &mut file);
    let (bytes, count) = (file.len(), (chunks.len(), "chunks"));
    let table = IndexTable::parse(&file, &Limits::default()).expect("the index is right");
    assert!(table.iter().map(|piece| piece.id).eq(chunks.iter().map(|chunk| chunk.0)), "what was written is parsed");
    let file: Rc<[u8]> = file.into();
    let read = Rc::clone(&file);
    let mut out = Vec::new();
    vec![
        Case::new(("index-write", "into memory"), bytes, count, move || {
            out.clear();
            write(&chunks, &mut out)
        }),
        Case::new(("index-table", "parsed whole"), bytes, count, move || {
            IndexTable::parse(&file, &Limits::default()).expect("the index is right").len()
        }),
        Case::new(("index-read", "in pieces of 64 KiB"), bytes, count, move || read_pieces(&read)),
    ]
}

fn write(chunks: &[(ChunkId, u64)], out: &mut Vec<u8>) -> usize {
    let mut writer = IndexWriter::new(FeatureFlags::SHA512_256, ChunkSizes::default(), out);
    for &(id, size) in chunks {
        writer.push(id, size, out).expect("a chunk of a possible size");
    }
    let written = writer.chunks();
    writer.finish(out).expect("an index can end anywhere");
    written as usize
}

fn read_pieces(file: &[u8]) -> usize {
    let mut reader = IndexReader::new(&Limits::default());
    let mut chunks = 0;
    for mut piece in file.chunks(PIECE) {
        while let IndexStep::Did { used, event } = reader.step(piece).expect("the index is right") {
            chunks += usize::from(matches!(event, IndexEvent::Chunk { .. }));
            piece = &piece[used..];
        }
    }
    reader.finish().expect("the index is complete");
    chunks
}
