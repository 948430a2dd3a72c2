//! The search for cuts: every byte of a `make` passes here.

use std::rc::Rc;

use casync_core::chunk::{ChunkSizes, Chunker, Cutter, Discriminator, find_candidate, is_zero};
use casync_core::hash::WINDOW;
use casync_tests::content::{Content, Kind};

use crate::measure::Case;

/// What is read at a time.
const PIECE: usize = 1 << 16;

pub(crate) fn cases(size: usize) -> Vec<Case> {
    let sizes = ChunkSizes::default();
    let mut noise = Vec::new();
    Content::new(Kind::Noise, 1).append(size, &mut noise);
    let noise: Rc<[u8]> = noise.into();
    let chunks = casync_tests::cut::by_chunker(&[&noise], sizes).expect("default sizes can cut anything").len();
    let discriminator = Discriminator::of(&sizes);
    let some = &noise[..1 << 20];
    assert_eq!(candidates(some, &discriminator), candidates_one_by_one(some, &discriminator), "no candidate is missed");
    let expected = candidates(&noise, &discriminator);
    let zeros = vec![0; size];
    let [pushed, cut, scanned] = std::array::from_fn(|_| Rc::clone(&noise));
    let mut buffers = [vec![0; Cutter::buffer_size(&sizes, 1 << 20)], vec![0; Cutter::buffer_size(&sizes, 1 << 20)]];
    vec![
        Case::new(("scan", "every candidate in noise"), size, (expected, "candidates"), move || {
            candidates(&scanned, &discriminator)
        }),
        Case::new(("chunker", "noise in pieces of 64 KiB"), size, (chunks, "chunks"), move || push(&pushed, sizes)),
        Case::new(("cutter", "the same, copied into buffers"), size, (chunks, "chunks"), move || {
            fill(&cut, sizes, &mut buffers)
        }),
        Case::new(("is-zero", "zeros in pieces of 64 KiB"), size, (size / PIECE, "pieces"), move || {
            zeros.chunks(PIECE).filter(|piece| is_zero(piece)).count()
        }),
    ]
}

fn candidates(data: &[u8], discriminator: &Discriminator) -> usize {
    let (mut start, mut count) = (0, 0);
    while let Some(end) = find_candidate(&data[start..], discriminator) {
        count += 1;
        start += end - WINDOW + 1;
    }
    count
}

/// The same, but by a search of each window alone.
fn candidates_one_by_one(data: &[u8], discriminator: &Discriminator) -> usize {
    data.windows(WINDOW).filter(|window| find_candidate(window, discriminator).is_some()).count()
}

pub(crate) fn push(data: &[u8], sizes: ChunkSizes) -> usize {
    let mut chunker = Chunker::new(sizes);
    let mut chunks = 0;
    for mut piece in data.chunks(PIECE) {
        while let Some(cut) = chunker.push(piece).expect("default sizes can cut anything") {
            chunks += 1;
            piece = &piece[cut..];
        }
    }
    chunks + usize::from(chunker.pending() > 0)
}

fn fill(data: &[u8], sizes: ChunkSizes, buffers: &mut [Vec<u8>; 2]) -> usize {
    let [first, second] = buffers.each_mut().map(std::mem::take);
    let mut cutter = Cutter::new(sizes, first);
    let mut free = second;
    let mut chunks = 0;
    for mut piece in data.chunks(PIECE) {
        loop {
            piece = &piece[cutter.push(piece).expect("default sizes can cut anything")..];
            if piece.is_empty() {
                break;
            }
            let segment = cutter.swap(free);
            chunks += segment.chunks().count();
            free = segment.into_buffer();
        }
    }
    let last = cutter.finish();
    chunks += last.chunks().count();
    *buffers = [last.into_buffer(), free];
    chunks
}
