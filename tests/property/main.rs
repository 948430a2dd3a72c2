//! Property and robustness tests: what must hold for any input, tried with many seeds.

mod archives;
mod cache;
mod catab;
mod chunks;
mod diff;
mod flags;
mod grammar;
mod hostile;
mod indexes;
mod limits;
mod parts;
mod patterns;
mod plan;
mod records;
mod search;
