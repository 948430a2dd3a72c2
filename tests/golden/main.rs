//! Golden tests: the bytes and numbers that the C casync made of known inputs, row by row (`tests/vectors`).

mod archives;
mod blobs;
mod codecs;
mod decoder;
mod exclude;
mod frames;
mod indexes;
mod numbers;
mod paths;
mod texts;
mod trees;
