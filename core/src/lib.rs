//! The casync formats as pure state machines, for every target that Rust has.
//!
//! casync stores directory trees and images as *chunks*: pieces of a few dozen kilobytes, cut where their content says
//! so and named by their digest. An *index* lists the chunks of a stream; a *store* holds them; equal chunks are stored
//! once. This crate knows the formats byte for byte, and nothing else: it is `no_std` with `alloc`, reads no files, opens
//! no sockets, starts no threads, looks at no clock. Shells around it do: a command-line tool, a web page, a firmware
//! updater.
//!
//! # Map
//!
//! Each layer uses only those above it.
//!
//! | module | what it knows |
//! |---|---|
//! | [`error`], [`Limits`], [`Name`], [`quantity`] | what can go wrong, what hostile input may cost, names that are safe to join to a path |
//! | [`record`] | one struct for each record on the wire; feature flags |
//! | [`hash`] | digests (one stream, or many at once in SIMD lanes), rolling hash, name hash |
//! | [`chunk`] | chunk sizes, finding cuts, chunk ids, what bytes can be trusted |
//! | [`codec`] | zstd, xz and gzip frames to plain bytes, capped; plain bytes to zstd frames |
//! | [`index`] | `.caidx` and `.caibx`: reader, writer, table |
//! | [`archive`] | `.catar`: nodes, encoder, decoder, random access by path |
//! | [`diff`] | two archives side by side: what was added, removed, changed |
//! | [`plan`] | who supplies each chunk of a stream, and what nobody has |
//! | [`cache`] | what an earlier run learnt about a tree, and which chunks need not be read again |
//! | [`catab`] | `.catab`: which chunks a tree or file on this machine had, and whether it still has them |
//! | [`gc`] | which files of a store are chunks, and which of them some index uses |
//! | [`session`] | the wire protocol between two casync processes, both sides |
//! | [`show`] | `list`, `mtree`, `stat` and `diff` texts |
//!
//! # Two shapes of machines
//!
//! A **transform** turns input into events, whatever pieces the input comes in:
//! [`chunk::Chunker`], [`chunk::Cutter`], [`index::IndexReader`], [`archive::Decoder`], [`hash::Hasher`],
//! [`session::Session`].
//!
//! ```text
//! loop {
//!     match machine.step(input)? {
//!         Step::More => break,                                  // hand over the next piece, or finish()
//!         Step::Did { used, event } => { on(event); input = &input[used..]; }
//!     }
//! }
//! machine.finish()?;                                            // the only place that can say "truncated"
//! ```
//!
//! An **asker** says what it lacks and is asked again once it has it, so that the same loop serves threads, async code and
//! JavaScript: [`archive::Find`], [`archive::Listing`], [`archive::Lookup`].
//!
//! ```text
//! let answer = loop {
//!     match question.step()? {
//!         Ask::Ready(answer) => break answer,
//!         Ask::Need(range) => question.provide(range.start, &read(range)?)?,
//!     }
//! };
//! ```
//!
//! Output goes to buffers of the caller. Memory is bounded by [`Limits`], never by what input announces. After an error a
//! machine only returns errors.
//!
//! # Trust
//!
//! Bytes from a store are a [`chunk::StoredChunk`]; unpacked, a [`chunk::PlainChunk`]; and only once they have been found
//! to belong to the id that was asked for, a [`chunk::VerifiedChunk`]. A name from an archive is a [`Name`], which has
//! no `/` and is not `..`.
//!
//! # Examples
//!
//! `examples/` has whole programs: `extract_blob` (blocking files), `extract_blob_http` (tokio and HTTP),
//! `list_remote` (a directory of a remote archive by ranges), `make_index` (an index from a stream).
//!
//! # Features
//!
//! All are on by default.
//!
//! * `zstd`, `xz`, `gzip`: the decoders. A chunk of a method that is left out is an error that says so.
//! * `simd`: kernels in vector registers for x86-64, chosen at run time. Without it the crate has no `unsafe` code.
//!
//! The minimum supported Rust version is 1.95.

#![no_std]
#![cfg_attr(not(feature = "simd"), forbid(unsafe_code))]
#![warn(missing_docs, clippy::std_instead_of_core, clippy::std_instead_of_alloc, clippy::alloc_instead_of_core)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod archive;
pub mod cache;
pub mod catab;
pub mod chunk;
pub mod codec;
pub mod diff;
pub mod error;
pub mod gc;
pub mod hash;
pub mod index;
mod limits;
mod name;
pub mod plan;
pub mod quantity;
pub mod record;
pub mod session;
pub mod show;
mod simd;

pub use error::{Error, Result};
pub use limits::{CHUNK_MAX, Limits};
pub use name::Name;

/// Runs the example of the package's README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
