//! Index files, as they arrive.

use casync_core::index::{IndexTable, IndexTableBuilder};
use wasm_bindgen::prelude::*;

use super::{Failure, Index, JsLimits, limits};

/// Reads a `.caibx` or `.caidx` file that arrives in pieces of any size.
#[wasm_bindgen]
#[derive(Debug)]
pub struct IndexReader(IndexTableBuilder);

#[wasm_bindgen]
impl IndexReader {
    /// A reader at the start of an index.
    #[wasm_bindgen(constructor)]
    pub fn new(limits: Option<JsLimits>) -> Result<Self, Failure> {
        Ok(Self(IndexTable::builder(&limits::read(limits)?)))
    }

    /// Takes the next piece of the file.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.0.push(bytes)?)
    }

    /// Ends the file. The reader is used up by this.
    pub fn finish(self) -> Result<Index, Failure> {
        Ok(Index::new(self.0.finish()?))
    }
}
