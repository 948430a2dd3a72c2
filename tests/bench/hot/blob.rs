//! What a client does with the chunks of one blob, one after the other: the same work as the web package's bench measures, on
//! the same data.

use std::fs;
use std::path::Path;
use std::rc::Rc;

use casync_core::Limits;
use casync_core::chunk::{ChunkId, VerifiedChunk};
use casync_core::codec::{self, Decoder};
use casync_core::hash::DigestAlgorithm;
use casync_core::index::{IndexTable, Piece};

use crate::chunks;
use crate::measure::Case;

/// Cases for a blob that has its index and store beside it, as `NAME.caibx` and `NAME.castr`.
pub(crate) fn cases(blob: &Path) -> Vec<Case> {
    let read = |path: &Path| fs::read(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let plain: Rc<[u8]> = read(blob).into();
    let index = IndexTable::parse(&read(&blob.with_extension("caibx")), &Limits::default()).expect("a valid index");
    let (algorithm, sizes) = (DigestAlgorithm::of(index.features()), index.sizes());
    let store = blob.with_extension("castr");
    let pieces: Rc<[(Piece, Vec<u8>)]> = index
        .iter()
        .map(|piece| {
            let id = piece.id.to_string();
            (piece, read(&store.join(&id[..4]).join(format!("{id}.cacnk"))))
        })
        .collect();
    let (size, count) = (plain.len(), (pieces.len(), "chunks"));
    let part = |piece: &Piece| piece.start as usize..(piece.start + piece.size) as usize;
    let [decoded, hashed, packed] = std::array::from_fn(|_| Rc::clone(&pieces));
    let [to_hash, to_cut, to_pack] = std::array::from_fn(|_| Rc::clone(&plain));
    let mut decoder = Decoder::new();
    vec![
        Case::new(("blob-decode", "decoded and verified"), size, count, move || {
            let mut is_right = |(piece, frame): &&(Piece, Vec<u8>)| {
                VerifiedChunk::recognize_with(&mut decoder, frame.clone(), &piece.id, piece.size, algorithm).is_ok()
            };
            decoded.iter().filter(|chunk| is_right(chunk)).count()
        }),
        Case::new(("blob-digest", "one digest after the other"), size, count, move || {
            let is_right = |piece: &Piece| ChunkId::of(&to_hash[part(piece)], algorithm) == piece.id;
            hashed.iter().filter(|(piece, _)| is_right(piece)).count()
        }),
        Case::new(("blob-cut", "cut into chunks"), size, count, move || chunks::push(&to_cut, sizes)),
        Case::new(("blob-pack", "packed by the core"), size, count, move || {
            packed.iter().filter(|(piece, _)| !codec::encode(&to_pack[part(piece)]).is_empty()).count()
        }),
    ]
}
