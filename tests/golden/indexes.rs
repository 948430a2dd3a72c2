//! `index.tsv` and `index/`: good and damaged indexes, read in every way there is.

use std::collections::BTreeMap;

use casync_core::chunk::{ChunkId, PlainChunk};
use casync_core::error::{Error, Malformed, Unsupported};
use casync_core::index::{IndexEvent, IndexReader, IndexStep, IndexTable, check_ends};
use casync_core::record::{FeatureFlags, INDEX_HEADER_SIZE, INDEX_TAIL_SIZE, RecordKind};
use casync_core::{Limits, Result};
use casync_tests::split::for_each_split;
use casync_tests::{input, vectors};

/// All events of a reader, and how it ended.
fn read(parts: &[&[u8]]) -> (Vec<IndexEvent>, Result<u64>) {
    let mut reader = IndexReader::new(&Limits::default());
    let mut events = Vec::new();
    for mut part in parts.iter().copied() {
        loop {
            match reader.step(part) {
                Ok(IndexStep::More) => break,
                Ok(IndexStep::Did { used, event }) => {
                    events.push(event);
                    part = &part[used..];
                }
                Err(error) => {
                    assert!(
                        reader.step(b"").is_err() && reader.finish().is_err(),
                        "after an error there are only errors"
                    );
                    return (events, Err(error));
                }
            }
        }
    }
    (events, reader.finish())
}

fn ends(index: &[u8]) -> Result<(casync_core::record::IndexHeader, u64)> {
    let head = &index[..index.len().min(INDEX_HEADER_SIZE)];
    let tail = &index[index.len().saturating_sub(INDEX_TAIL_SIZE)..];
    check_ends(head, tail, index.len() as u64)
}

/// Puts the blob of an index together from the chunks of the good one.
fn extract(table: &IndexTable, store: &BTreeMap<ChunkId, Vec<u8>>) -> Result<Vec<u8>> {
    let mut blob = Vec::new();
    for piece in table.iter() {
        let bytes = store.get(&piece.id).expect("no case changes an id").clone();
        let chunk = PlainChunk::from_untrusted(bytes).verify(&piece.id, table.algorithm())?;
        let actual = chunk.bytes().len() as u64;
        if actual != piece.size {
            return Err(Malformed::ChunkLength { expected: piece.size, actual }.into());
        }
        blob.extend_from_slice(chunk.bytes());
    }
    Ok(blob)
}

/// What is wrong in the cases that only the chunks show.
const SHOWN_BY_CHUNKS: [&str; 2] = ["digest-flag-wrong", "first-end-plus-1"];

#[test]
fn verdicts_are_the_golden_ones() {
    let good = vectors::read("index/ok.caibx");
    let blob = input::index_blob();
    let good = IndexTable::parse(&good, &Limits::default()).unwrap();
    let chunk = |range: std::ops::Range<u64>| blob[range.start as usize..range.end as usize].to_vec();
    let store: BTreeMap<_, _> = good.iter().map(|piece| (piece.id, chunk(piece.range()))).collect();
    for row in vectors::table("index.tsv").rows() {
        let case = row.get("case");
        let index = vectors::read(&format!("index/{case}.caibx"));
        let extracted = IndexTable::parse(&index, &Limits::default()).and_then(|table| extract(&table, &store));
        assert_eq!(extracted.is_ok(), row.get("should") == "accept", "{case}: {extracted:?}");
        if let Ok(extracted) = extracted {
            assert_eq!(extracted.len(), row.parse::<usize>("bytes extracted"), "{case}");
            assert!(blob.starts_with(&extracted), "{case}");
        }
    }
}

#[test]
fn reader_table_and_ends_agree() {
    for row in vectors::table("index.tsv").rows() {
        let case = row.get("case");
        let index = vectors::read(&format!("index/{case}.caibx"));
        let (events, outcome) = read(&[&index]);
        for_each_split(&index, |parts| {
            assert_eq!(read(parts), (events.clone(), outcome.clone()), "{case}");
            let mut builder = IndexTable::builder(&Limits::default());
            let table = parts.iter().try_for_each(|part| builder.push(part)).and_then(|()| builder.finish());
            assert_eq!(table, IndexTable::parse(&index, &Limits::default()), "{case}");
        });
        let table = IndexTable::parse(&index, &Limits::default());
        assert_eq!(table.as_ref().map(IndexTable::stream_size), outcome.as_ref().copied(), "{case}");
        // The ends alone cannot show what is wrong between them, but never refuse what is right.
        match (ends(&index), &table) {
            (Ok((header, items)), Ok(table)) => {
                assert_eq!((header.features, header.sizes), (table.features(), table.sizes()), "{case}");
                assert_eq!(items, table.len() as u64, "{case}");
                assert_eq!(header.algorithm(), table.algorithm(), "{case}");
                let listed =
                    table.iter().map(|piece| IndexEvent::Chunk { id: piece.id, start: piece.start, size: piece.size });
                assert!(events[1..].iter().copied().eq(listed), "{case}");
            }
            (Err(_), Err(_)) => {}
            (Ok(_), Err(error)) => {
                let between = ["first-end-0", "second-end-equal", "last-end-huge"];
                assert!(between.contains(&case), "{case}: only the reader saw {error:?}");
            }
            (Err(error), Ok(_)) => panic!("{case}: only the ends show {error:?}"),
        }
    }
}

#[test]
fn errors_name_what_is_wrong() {
    let unnormalized = FeatureFlags::parse("nsec-time").unwrap() | FeatureFlags::parse("sec-time").unwrap();
    for row in vectors::table("index.tsv").rows().filter(|row| row.get("should") == "reject") {
        let case = row.get("case");
        if SHOWN_BY_CHUNKS.contains(&case) {
            continue;
        }
        let index = vectors::read(&format!("index/{case}.caibx"));
        let length = index.len() as u64;
        let error = IndexTable::parse(&index, &Limits::default()).unwrap_err();
        let format = |what: Malformed, offset| Error::Format { what, offset: Some(offset) };
        let size = |kind, size| Malformed::RecordSize { kind, size };
        let expected = match case {
            "header-size" => format(size(RecordKind::Index, 49), 0),
            "header-type" => format(Malformed::UnknownRecord(1), 0),
            "flags-all-ones" => format(Malformed::FlagsUnset, 0),
            "flags-unknown" => Unsupported::FeatureFlags(1 << 33).into(),
            "flags-not-normalized" => {
                let others = FeatureFlags::EXCLUDE_NODUMP | FeatureFlags::SHA512_256 | FeatureFlags::EXCLUDE_FILE;
                format(Malformed::FlagsNotNormalized(unnormalized | others), 0)
            }
            "min-0" | "min-above-avg" | "max-2^27+1" | "max-below-avg" => format(Malformed::ChunkSizes, 0),
            "table-size" => format(size(RecordKind::Table, length), 0),
            "table-type" => format(Malformed::UnknownRecord(7), 0),
            "first-end-0" => format(Malformed::ItemOrder, 64),
            "second-end-equal" => format(Malformed::ItemOrder, 104),
            "last-end-huge" => format(Malformed::ItemSize((1 << 40) - 31_608), 104),
            // These read as an item that ends at 1 or 0, at the place of the tail.
            "tail-zero1" | "tail-zero2" | "tail-size" => format(Malformed::IndexTail, 144),
            "tail-index-offset" | "tail-marker" => format(Malformed::ItemOrder, 144),
            "trailing-byte" | "trailing-item" => format(Malformed::TrailingData, 184),
            "truncated-byte" | "no-tail" | "header-only" | "empty-file" => Error::Truncated { length },
            _ => panic!("no error is known of {case}"),
        };
        assert_eq!(error, expected, "{case}");
    }
}
