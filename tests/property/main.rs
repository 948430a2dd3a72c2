//! Property and robustness tests: what must hold for any input, tried with many seeds.

mod archives;
mod chunks;
mod flags;
mod grammar;
mod hostile;
mod indexes;
mod limits;
mod parts;
mod patterns;
mod records;
mod search;
