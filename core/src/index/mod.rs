//! Index files: `.caidx` for archives, `.caibx` for blobs (spec: chunking-and-index.md 4).
//!
//! An index lists the chunks of a stream in order. [`IndexReader`] takes it in pieces, [`IndexWriter`] makes it,
//! [`IndexTable`] holds a whole one and answers which chunks cover a range.

mod reader;
mod table;
mod writer;

pub use reader::{IndexEvent, IndexReader, IndexStep, check_ends};
pub use table::{IndexTable, IndexTableBuilder, Piece};
pub use writer::IndexWriter;
