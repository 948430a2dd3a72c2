//! Classes for JavaScript, one for each machine of the core, one file each: convert, call, convert.
//!
//! No function waits for anything, so none is ever entered twice: the caller owns the loop and does the I/O.

mod amount;
mod ask;
mod chunk_decoder;
mod decoder;
mod error;
mod find;
mod hasher;
mod index;
mod index_reader;
mod limits;
mod lines;
mod listing;
mod lookup;
mod node;
mod tree;

pub use ask::JsAsk;
pub use chunk_decoder::ChunkDecoder;
pub use decoder::{ArchiveDecoder, JsEvent};
pub use error::Failure;
pub use find::Find;
pub use hasher::{Hasher, digest};
pub use index::{Index, JsChunk, JsChunkSizes};
pub use index_reader::IndexReader;
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
