//! Classes for JavaScript, one for each machine of the core, one file each: convert, call, convert.
//!
//! No function waits for anything, so none is ever entered twice: the caller owns the loop and does the I/O.
//! Exports take objects of JavaScript by value: for borrowed ones the generator uses an instruction that Debian's wasm-opt
//! does not know.

mod amount;
#[cfg(feature = "make")]
mod archive_encoder;
mod ask;
mod chunk_decoder;
mod cutter;
mod decoder;
#[cfg(feature = "edge")]
mod edge;
mod error;
mod find;
mod hasher;
mod index;
mod index_reader;
#[cfg(feature = "make")]
mod index_writer;
mod limits;
mod lines;
mod listing;
mod lookup;
mod node;
mod tree;

#[cfg(feature = "make")]
pub use archive_encoder::{ArchiveEncoder, JsMember, blob_features, compress};
pub use ask::{JsAsk, JsRange};
pub use chunk_decoder::ChunkDecoder;
pub use cutter::Cutter;
pub use decoder::{ArchiveDecoder, JsEvent};
#[cfg(feature = "edge")]
pub use edge::{JsSiteOptions, JsVisitStep, Site, SiteAnswer, Visit, content_type, search_chunks};
pub use error::Failure;
pub use find::Find;
pub use hasher::{Hasher, digest};
pub use index::{Index, JsChunk, JsChunkSizes};
pub use index_reader::IndexReader;
#[cfg(feature = "make")]
pub use index_writer::IndexWriter;
pub use limits::JsLimits;
pub use lines::Lines;
pub use listing::Listing;
pub use lookup::Lookup;
pub use node::{JsNode, JsXattr};
pub use tree::Tree;

use wasm_bindgen::prelude::*;

use crate::code::Code;

/// Makes panics into errors that name their place. Called when the module is instantiated.
#[wasm_bindgen(start)]
fn start() {
    std::panic::set_hook(Box::new(|panic| {
        wasm_bindgen::throw_val(Failure::new(Code::Internal, &panic.to_string()).into());
    }));
}
