//! Programs killed at random moments, and what the next run makes of that.
//!
//! After SIGKILL nobody can clean up. What was there before is whole; of a tree, every file is the old or the new one.
//! Left are files named `.#…` beside an archive, index or blob, which are harmless, in a tree until the next run with
//! `--delete=yes`, and `….cacnk.<digits>.tmp` in a store, which garbage collection removes.

mod blobs;
mod indexes;
mod moments;
mod trees;
