//! What the tests of all casync crates share.
//!
//! | module | what it is for |
//! |---|---|
//! | [`vectors`], [`table`] | golden files and tables in `tests/vectors` |
//! | [`input`] | the blobs that the golden data was made of |
//! | [`options`] | command lines of the golden tables as the core's types |
//! | [`random`], [`split`] | seeded randomness; the same input in pieces of all kinds |
//! | [`cut`] | where a stream is cut: by definition, by `Chunker`, by `Cutter` |
//! | [`members`] | an archive as a flat list: decoded, encoded |
//! | [`tree`], [`craft`] | random trees; archives put together by hand, right and wrong |
//! | [`fuzz`] | fuzz targets, their inputs and random changes of these |
//! | [`ask`] | drives the askers of the core over an archive in memory |
//!
//! Everything here panics on failure, with what it was about to do.

pub mod ask;
pub mod craft;
pub mod cut;
pub mod fuzz;
pub mod input;
pub mod members;
pub mod options;
pub mod random;
pub mod split;
pub mod table;
pub mod tree;
pub mod vectors;
