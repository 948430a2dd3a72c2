//! Indexes, written as chunks come.

use casync_core::chunk::ChunkSizes;
use casync_core::index::IndexWriter as CoreIndexWriter;
use casync_core::record::FeatureFlags;
use wasm_bindgen::prelude::*;

use super::{Failure, amount};

/// Writes a `.caibx` or `.caidx`: what `push` and `finish` return, joined, is the file.
#[wasm_bindgen]
#[derive(Debug)]
pub struct IndexWriter {
    writer: CoreIndexWriter,
    /// What was written and not returned yet.
    out: Vec<u8>,
}

#[wasm_bindgen]
impl IndexWriter {
    /// A writer for a stream of these features that is cut with these sizes.
    #[wasm_bindgen(constructor)]
    pub fn new(features: u64, min: f64, avg: f64, max: f64) -> Result<Self, Failure> {
        let sizes = ChunkSizes::new(amount::from_js(min)?, amount::from_js(avg)?, amount::from_js(max)?)?;
        let mut out = Vec::new();
        let writer = CoreIndexWriter::new(FeatureFlags::from_wire(features)?, sizes, &mut out);
        Ok(Self { writer, out })
    }

    /// Adds the next chunk; returns the next bytes of the file.
    pub fn push(&mut self, id: &str, size: f64) -> Result<Vec<u8>, Failure> {
        self.writer.push(id.parse()?, amount::from_js(size)?, &mut self.out)?;
        Ok(core::mem::take(&mut self.out))
    }

    /// Ends the file; returns its last bytes. The writer is used up by this.
    pub fn finish(mut self) -> Result<Vec<u8>, Failure> {
        self.writer.finish(&mut self.out)?;
        Ok(self.out)
    }
}
