//! Index tables: what covers a range, what holds a byte.

use casync_core::Limits;
use casync_core::chunk::{ChunkId, ChunkSizes};
use casync_core::error::{Error, Limited, Malformed, UsageError};
use casync_core::hash::DigestAlgorithm;
use casync_core::index::{IndexTable, IndexWriter};
use casync_core::record::{FeatureFlags, INDEX_TAIL_SIZE};
use casync_tests::random::{Rng, for_each_seed};

/// A random index and the ends of its chunks.
fn index(rng: &mut Rng) -> (Vec<u8>, Vec<u64>) {
    let sizes = ChunkSizes::new(1, 10, 100).unwrap();
    let mut file = Vec::new();
    let mut writer = IndexWriter::new(FeatureFlags::SHA512_256, sizes, &mut file);
    let mut ends = Vec::new();
    for number in 0..rng.below(30) {
        let id = ChunkId::of(&number.to_le_bytes(), DigestAlgorithm::Sha512_256);
        writer.push(id, 1 + rng.below(100), &mut file).unwrap();
        ends.push(writer.stream_size());
    }
    writer.finish(&mut file).unwrap();
    (file, ends)
}

#[test]
fn covering_chunks_are_those_that_overlap() {
    for_each_seed(300, |rng| {
        let (file, ends) = index(rng);
        let table = IndexTable::parse(&file, &Limits::default()).unwrap();
        let size = table.stream_size();
        assert_eq!(
            (size, table.len(), table.is_empty()),
            (ends.last().copied().unwrap_or(0), ends.len(), ends.is_empty())
        );
        for _ in 0..50 {
            let start = rng.below(size + 10);
            let range = start..start + rng.below(size + 10);
            let overlapping: Vec<_> =
                table.iter().filter(|piece| piece.start.max(range.start) < piece.range().end.min(range.end)).collect();
            assert_eq!(table.covering(range.clone()).collect::<Vec<_>>(), overlapping, "{range:?} of {ends:?}");
            let covered = overlapping.first().map_or(range.start, |piece| piece.start)
                ..overlapping.last().map_or(range.start, |piece| piece.range().end);
            let within = range.start.min(size)..range.end.min(size);
            assert!(within.is_empty() || (covered.start <= within.start && within.end <= covered.end), "{range:?}");
            assert!(overlapping.windows(2).all(|pair| pair[0].range().end == pair[1].start), "no gaps");
        }
    });
}

/// Nothing lies in an empty range, and so nothing has to be fetched for it.
#[test]
fn empty_ranges_are_covered_by_nothing() {
    for_each_seed(30, |rng| {
        let table = IndexTable::parse(&index(rng).0, &Limits::default()).unwrap();
        for offset in 0..=table.stream_size() {
            assert_eq!(table.covering(offset..offset).count(), 0, "{offset}");
            let backwards = table.covering(offset + 1..offset).count();
            assert_eq!(backwards, 0, "{offset}");
        }
    });
}

#[test]
fn every_byte_has_its_chunk() {
    for_each_seed(100, |rng| {
        let (file, ends) = index(rng);
        let table = IndexTable::parse(&file, &Limits::default()).unwrap();
        for offset in 0..table.stream_size() {
            let piece = table.at(offset).unwrap();
            assert!(piece.range().contains(&offset) && table.get(piece.number) == Some(piece), "{offset} in {ends:?}");
        }
        assert_eq!((table.at(table.stream_size()), table.at(u64::MAX), table.get(ends.len())), (None, None, None));
        assert!(table.iter().enumerate().all(|(number, piece)| piece.number == number));
    });
}

#[test]
fn writers_refuse_what_readers_would() {
    let sizes = ChunkSizes::with_average(1 << 20).unwrap();
    let mut file = Vec::new();
    let mut writer = IndexWriter::new(FeatureFlags::EMPTY, sizes, &mut file);
    for size in [0, sizes.max() + 1, u64::MAX] {
        let refused = writer.push(ChunkId::default(), size, &mut file);
        assert_eq!(refused, Err(Malformed::ItemSize(size).into()), "{size}");
    }
    assert_eq!((writer.chunks(), file.len()), (0, 64), "nothing was written");
}

/// Every change of one byte is an error or another index; none is a panic, none is taken for the same.
#[test]
fn no_byte_is_without_meaning() {
    for_each_seed(20, |rng| {
        let (file, _) = index(rng);
        let table = IndexTable::parse(&file, &Limits::default()).unwrap();
        for at in 0..file.len() {
            let mut changed = file.clone();
            changed[at] ^= 1 << rng.below(8);
            assert_ne!(IndexTable::parse(&changed, &Limits::default()), Ok(table.clone()), "byte {at}");
        }
    });
}

#[test]
fn limits_are_kept() {
    let mut rng = Rng::new(3);
    let (file, ends) = index(&mut rng);
    let chunks = ends.len() as u64;
    assert!(chunks > 1);
    let parse = |limits| IndexTable::parse(&file, &limits).map(|table| table.len() as u64);
    assert_eq!(parse(Limits::default().with_index_chunks(chunks)), Ok(chunks));
    let refused = Error::Limit { what: Limited::IndexChunks, value: chunks, max: chunks - 1 };
    assert_eq!(parse(Limits::default().with_index_chunks(chunks - 1)), Err(refused));
    // What comes behind the chunk that was refused does not make a table of the rest.
    let mut builder = IndexTable::builder(&Limits::default().with_index_chunks(chunks - 1));
    let failed = file.chunks(1).filter(|byte| builder.push(byte).is_err()).count();
    assert_eq!(failed, 1 + INDEX_TAIL_SIZE, "the last chunk's last byte, and all behind it");
    assert_eq!(builder.finish(), Err(Error::Usage(UsageError::OutOfTurn)));
    let Err(Error::Limit { what: Limited::Chunk, value, max: 0 }) = parse(Limits::default().with_chunk(0)) else {
        panic!("no chunk is that small")
    };
    assert_eq!(value, ends[0]);
}
