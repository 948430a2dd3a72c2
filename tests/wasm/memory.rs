//! What hostile input costs: the memory of an instance is measured, not guessed.

use casync_core::chunk::ChunkId;
use casync_core::hash::DigestAlgorithm;
use casync_core::record::{Entry, Header, RecordKind};
use casync_tests::vectors;
use wasmtime::Val;

use crate::guest::{Guest, amount};

const MIB: usize = 1 << 20;

/// A frame that announces a window of 128 MiB and unpacks to 256 MiB, for a chunk of 64 KiB.
#[test]
fn a_bomb_costs_what_its_chunk_may_have() {
    let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3];
    for block in (0..2048_u32).rev() {
        let repeated = (128 << 10) << 3 | 1 << 1 | u32::from(block == 0);
        bomb.extend_from_slice(&repeated.to_le_bytes()[..3]);
        bomb.push(7);
    }
    let mut guest = Guest::new();
    let before = guest.memory_size();
    let answer = guest.call("casync_chunk", &[Val::I32(0), amount(64 << 10)], &[&[0; 32], &bomb[..]].concat());
    assert_eq!(answer.unwrap_err().0, 4);
    let grown = guest.memory_size() - before;
    assert!(grown < MIB, "{grown} bytes for a chunk of 64 KiB");
}

/// What a record announces is not what is reserved.
#[test]
fn an_archive_costs_no_memory_for_its_payload() {
    let mut archive = Vec::new();
    Entry { mode: 0o040_777, ..Entry::default() }.emit(&mut archive);
    Header { size: 18, kind: RecordKind::Filename }.emit(&mut archive);
    archive.extend_from_slice(b"a\0");
    Entry { mode: 0o100_666, ..Entry::default() }.emit(&mut archive);
    Header { size: 1 << 60, kind: RecordKind::Payload }.emit(&mut archive);
    let mut guest = Guest::with_memory(2 * MIB);
    let decoder = guest.open("casync_decoder", &[], &[]);
    let piece = vec![0; 64 << 10];
    let mut payload = 0;
    for piece in std::iter::once(&archive).chain((0..512).map(|_| &piece)) {
        guest.call("casync_decoder_feed", &[decoder], piece).unwrap();
        while let (event @ 1.., output) = guest.call("casync_decoder_step", &[decoder], &[]).unwrap() {
            payload += if event == 2 { output.len() } else { 0 };
        }
    }
    assert_eq!(payload, 32 * MIB);
}

/// A host that opens and closes machines for ever does not run out of memory, whatever becomes of them.
#[test]
fn closed_machines_leave_nothing_behind() {
    let mut guest = Guest::new();
    let archive = vectors::read("catar/tree.without=privileged.catar");
    let round = |guest: &mut Guest| {
        let lines = guest.open("casync_mtree", &[], &[]);
        guest.call("casync_lines_feed", &[lines], &archive).unwrap();
        guest.call("casync_lines_finish", &[lines], &[]).unwrap();
        let failed = guest.open("casync_decoder", &[], &[]);
        guest.call("casync_decoder_feed", &[failed], &[0; 64]).unwrap();
        guest.call("casync_decoder_step", &[failed], &[]).unwrap_err();
        guest.call("casync_close", &[failed], &[]).unwrap();
        let id = ChunkId::of(&archive, DigestAlgorithm::Sha512_256);
        let chunk = [id.as_bytes(), &archive[..]].concat();
        guest.call("casync_chunk", &[Val::I32(0), amount(archive.len() as u64)], &chunk).unwrap();
    };
    round(&mut guest);
    let after_one = guest.memory_size();
    (0..50).for_each(|_| round(&mut guest));
    let grown = guest.memory_size() - after_one;
    assert!(grown <= MIB, "{grown} bytes more after 50 rounds of 500 KiB each");
}

/// Too much input is an answer, not the end of the instance.
#[test]
fn input_that_does_not_fit_is_refused() {
    let mut guest = Guest::with_memory(4 * MIB);
    assert_eq!(guest.room(1 << 30), 0);
    assert_ne!(guest.room(1 << 10), 0, "the instance lives on");
}
