//! Digests.

use casync_core::hash::{DigestAlgorithm, Hasher as CoreHasher};
use wasm_bindgen::prelude::*;

use super::Failure;

/// Digests a stream that arrives in pieces.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Hasher(CoreHasher);

#[wasm_bindgen]
impl Hasher {
    /// A hasher that has seen nothing yet.
    #[wasm_bindgen(constructor)]
    pub fn new(#[wasm_bindgen(unchecked_param_type = "DigestAlgorithm")] algorithm: &str) -> Result<Self, Failure> {
        Ok(Self(CoreHasher::new(algorithm.parse()?)))
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest as 64 hexadecimal digits. The hasher is used up by this.
    pub fn finish(self) -> String {
        self.0.finish().to_string()
    }
}

/// The digest of one piece of memory as 64 hexadecimal digits.
#[wasm_bindgen]
pub fn digest(
    #[wasm_bindgen(unchecked_param_type = "DigestAlgorithm")] algorithm: &str,
    bytes: &[u8],
) -> Result<String, Failure> {
    Ok(algorithm.parse::<DigestAlgorithm>()?.digest(bytes).to_string())
}
