//! Indexes, good and damaged, and the stream that the good ones describe.

use casync_core::chunk::ChunkId;
use casync_core::index::IndexTable;
use casync_core::{Limits, Result};
use casync_tests::{input, split, vectors};
use wasmtime::Val;

use crate::guest::{Guest, amount, handle_of, numbers, refusal};

/// The numbers of an index as a whole, and of each chunk its number, start, size and id.
type Contents = ([u64; 6], Vec<([u64; 3], ChunkId)>);

#[test]
fn indexes_read_as_they_do_here() {
    let mut guest = Guest::new();
    for row in vectors::table("index.tsv").rows() {
        let file = vectors::read(&format!("index/{}.caibx", row.get("case")));
        let native = native(&file).map_err(|error| refusal(&error));
        split::for_each_split(&file, |parts| assert_eq!(read(&mut guest, parts), native, "{row:?}"));
    }
}

/// The verdicts of the table are about extracting, so they take the chunks as well.
#[test]
fn verdicts_are_the_golden_ones() {
    let mut guest = Guest::new();
    let blob = input::index_blob();
    for row in vectors::table("index.tsv").rows() {
        let file = vectors::read(&format!("index/{}.caibx", row.get("case")));
        let accepted = read(&mut guest, &[&file]).is_ok_and(|(header, chunks)| {
            let sha256 = Val::I32(i32::from(header[0] >> 61 & 1 == 0));
            chunks.iter().all(|&([_, start, size], id)| {
                let plain = &blob[start as usize..][..size as usize];
                guest.call("casync_chunk", &[sha256, amount(size)], &[id.as_bytes(), plain].concat()).is_ok()
            })
        });
        assert_eq!(accepted, row.get("should") == "accept", "{row:?}");
    }
}

#[test]
fn ranges_have_the_same_chunks() {
    let mut guest = Guest::new();
    let file = vectors::read("caidx/tree.1024.sha512-256.caidx");
    let table = IndexTable::parse(&file, &Limits::default()).unwrap();
    let index = open(&mut guest, &[&file]).unwrap();
    let ranges =
        [(0, 0), (0, 1), (752, 754), (5_000, 9_000), (88_741, 88_742), (88_742, u64::MAX), (7, 3), (0, u64::MAX)];
    for (start, end) in ranges {
        let arguments = [index, amount(start), amount(end)];
        let (count, output) = guest.call("casync_index_chunks", &arguments, &[]).unwrap();
        let expected: Vec<u64> = table.covering(start..end).map(|piece| piece.number as u64).collect();
        let found: Vec<u64> = output.chunks(56).map(|chunk| numbers::<1>(chunk)[0]).collect();
        assert_eq!((count, found), (expected.len() as u64, expected), "{start}..{end}");
    }
}

#[test]
fn handles_that_are_no_index_are_refused() {
    let mut guest = Guest::new();
    let decoder = guest.open("casync_decoder", &[], &[]);
    for handle in [decoder, handle_of(99)] {
        for function in ["casync_index_feed", "casync_index_finish", "casync_index_header"] {
            assert_eq!(guest.call(function, &[handle], &[]).unwrap_err().0, 7, "{function}");
        }
    }
    assert!(guest.call("casync_close", &[decoder], &[]).is_ok(), "it is still there");
    assert_eq!(guest.call("casync_close", &[decoder], &[]).unwrap_err().0, 7);
    assert_eq!(guest.open("casync_index", &[], &[]).unwrap_i32(), decoder.unwrap_i32(), "its place is free");
}

fn open(guest: &mut Guest, parts: &[&[u8]]) -> Result<Val, (u8, String)> {
    let reader = guest.open("casync_index", &[], &[]);
    for part in parts {
        if let Err(refusal) = guest.call("casync_index_feed", &[reader], part) {
            guest.call("casync_close", &[reader], &[]).expect("a failed machine can be closed");
            return Err(refusal);
        }
    }
    guest.call("casync_index_finish", &[reader], &[]).map(|(handle, _)| handle_of(handle))
}

fn read(guest: &mut Guest, parts: &[&[u8]]) -> Result<Contents, (u8, String)> {
    let index = open(guest, parts)?;
    let (_, header) = guest.call("casync_index_header", &[index], &[])?;
    let (_, output) = guest.call("casync_index_chunks", &[index, amount(0), amount(u64::MAX)], &[])?;
    guest.call("casync_close", &[index], &[])?;
    let chunks = output.chunks(56).map(|chunk| {
        let id: [u8; 32] = chunk[24..].try_into().expect("an id has 32 bytes");
        (numbers(chunk), ChunkId::from(casync_core::hash::Digest(id)))
    });
    Ok((numbers(&header), chunks.collect()))
}

fn native(file: &[u8]) -> Result<Contents> {
    let table = IndexTable::parse(file, &Limits::default())?;
    let sizes = table.sizes();
    let header =
        [table.features().bits(), sizes.min(), sizes.avg(), sizes.max(), table.stream_size(), table.len() as u64];
    Ok((header, table.iter().map(|piece| ([piece.number as u64, piece.start, piece.size], piece.id)).collect()))
}
