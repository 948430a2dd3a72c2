//! Streams into chunks.

use casync_core::chunk::{ChunkSizes, Cutter as CoreCutter, Segment};
use casync_core::error::UsageError;
use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;

use super::{Failure, amount};

/// Cuts a stream that arrives in pieces of any size.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Cutter {
    /// `None` once it has been finished or has failed.
    cutter: Option<CoreCutter>,
    spare: Vec<u8>,
}

#[wasm_bindgen]
impl Cutter {
    /// A cutter at the start of a stream, for chunks of these sizes.
    #[wasm_bindgen(constructor)]
    pub fn new(min: f64, avg: f64, max: f64) -> Result<Self, Failure> {
        let sizes = ChunkSizes::new(amount::from_js(min)?, amount::from_js(avg)?, amount::from_js(max)?)?;
        let buffer = vec![0; CoreCutter::buffer_size(&sizes, BUFFER)];
        Ok(Self { spare: buffer.clone(), cutter: Some(CoreCutter::new(sizes, buffer)) })
    }

    /// Takes the next piece; returns the chunks that are complete, in order. Some may be held back for a while.
    #[wasm_bindgen(unchecked_return_type = "Uint8Array[]")]
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<Array, Failure> {
        let mut cutter = self.cutter.take().ok_or(casync_core::Error::Usage(UsageError::OutOfTurn))?;
        let chunks = Array::new();
        while !bytes.is_empty() {
            let used = cutter.push(bytes)?;
            bytes = &bytes[used..];
            if cutter.space().is_empty() {
                let segment = cutter.swap(core::mem::take(&mut self.spare));
                add(&segment, &chunks);
                self.spare = segment.into_buffer();
            }
        }
        self.cutter = Some(cutter);
        Ok(chunks)
    }

    /// Ends the stream; returns the last chunks. The cutter is used up by this.
    #[wasm_bindgen(unchecked_return_type = "Uint8Array[]")]
    pub fn finish(self) -> Result<Array, Failure> {
        let cutter = self.cutter.ok_or(casync_core::Error::Usage(UsageError::OutOfTurn))?;
        let chunks = Array::new();
        add(&cutter.finish(), &chunks);
        Ok(chunks)
    }
}

/// Bytes in each of the two buffers, if chunks are not large.
const BUFFER: usize = 1 << 20;

fn add(segment: &Segment, chunks: &Array) {
    for chunk in segment.chunks() {
        chunks.push(&Uint8Array::new_from_slice(chunk));
    }
}
