//! Chunks: from what a store holds to bytes that can be trusted.

use casync_core::chunk::VerifiedChunk;
use casync_core::codec::Decoder;
use casync_core::hash::DigestAlgorithm;
use wasm_bindgen::prelude::*;

use super::{Failure, JsChunk, amount};

/// Unpacks and verifies chunks.
#[wasm_bindgen]
#[derive(Debug)]
pub struct ChunkDecoder {
    algorithm: DigestAlgorithm,
    decoder: Decoder,
}

#[wasm_bindgen]
impl ChunkDecoder {
    /// For chunks whose ids are made with this digest: that of the index.
    #[wasm_bindgen(constructor)]
    pub fn new(#[wasm_bindgen(unchecked_param_type = "DigestAlgorithm")] algorithm: &str) -> Result<Self, Failure> {
        Ok(Self { algorithm: algorithm.parse()?, decoder: Decoder::new() })
    }

    /// The plain bytes of a chunk, given what a store returned for it: a zstd, xz or gzip frame, or the plain bytes.
    ///
    /// Throws unless the bytes have the length and the id that the index says. At most that length is unpacked.
    pub fn decode(&mut self, stored: Vec<u8>, chunk: JsChunk) -> Result<Vec<u8>, Failure> {
        let size = amount::from_js(chunk.size())?;
        let Self { algorithm, decoder } = self;
        Ok(VerifiedChunk::recognize_with(decoder, stored, &chunk.id().parse()?, size, *algorithm)?.into_bytes())
    }
}
