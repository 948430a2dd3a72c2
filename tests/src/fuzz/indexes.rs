//! Indexes of any bytes.

use casync_core::Limits;
use casync_core::index::{IndexTable, IndexWriter, check_ends};
use casync_core::record::{INDEX_HEADER_SIZE, INDEX_TAIL_SIZE};

use super::seed;
use crate::random::Rng;
use crate::split::random_cuts;

/// What is accepted is in the one form that the writer writes; ends and pieces agree with the whole.
pub(super) fn index(file: &[u8]) {
    let mut rng = Rng::new(seed(file));
    let limits = Limits::default().with_index_chunks(100);
    let whole = IndexTable::parse(file, &limits);
    let mut builder = IndexTable::builder(&limits);
    let parts = random_cuts(file, &mut rng);
    let split = parts.iter().try_for_each(|part| builder.push(part)).and_then(|()| builder.finish());
    assert_eq!(split, whole, "pieces do not matter");
    let head = &file[..file.len().min(INDEX_HEADER_SIZE)];
    let tail = &file[file.len().saturating_sub(INDEX_TAIL_SIZE)..];
    let ends = check_ends(head, tail, file.len() as u64);
    let Ok(table) = whole else { return };
    let (header, chunks) = ends.expect("the ends of what is right are right");
    assert_eq!((header.features, header.sizes, chunks), (table.features(), table.sizes(), table.len() as u64));
    let mut written = Vec::new();
    let mut writer = IndexWriter::new(table.features(), table.sizes(), &mut written);
    for piece in table.iter() {
        assert_eq!(table.at(piece.start), Some(piece));
        assert_eq!(table.covering(piece.range()).collect::<Vec<_>>(), [piece]);
        writer.push(piece.id, piece.size, &mut written).unwrap();
    }
    assert_eq!(writer.finish(&mut written), Ok(table.stream_size()));
    assert!(written == file, "another index for the same chunks");
}
