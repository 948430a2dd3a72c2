//! Two trees or two blobs side by side.
//!
//! ```text
//! archive, index or directory -> Side -+
//!                                      +-> merge > compare nodes > compare contents -> differences
//! archive, index or directory -> Side -+
//! ```
//!
//! Between two indexes that were cut alike, chunk ids tell what is equal without loading it: whole directories are passed
//! over, and of files only those bytes are read that lie in chunks of different ids.

mod archive;
mod blob;
mod chunks;
mod directory;
mod side;
mod trees;

pub use archive::ArchiveSide;
pub use blob::{Change as RangeChange, Range, between_files, between_index_and_file, between_indexes, in_place};
pub use chunks::{comparable, same_stream};
pub use directory::DirectorySide;
pub use side::{Head, Side};
pub use trees::{Difference, compare};
