//! The question for a node whose place is known.

use casync_core::archive::{Ask, Lookup as CoreLookup};
use wasm_bindgen::prelude::*;

use super::{Failure, JsAsk, amount, ask};

/// Asks for the node at a place. Made by `Tree.node`.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Lookup(pub(super) CoreLookup);

#[wasm_bindgen]
impl Lookup {
    /// The node, or what to provide.
    #[wasm_bindgen(unchecked_return_type = "Ask<ArchiveNode>")]
    pub fn step(&mut self) -> Result<JsAsk, Failure> {
        ask::object(match self.0.step()? {
            Ask::Ready(found) => Ask::Ready(Some(found)),
            Ask::Need(range) => Ask::Need(range),
        })
    }

    /// Hands over bytes of the archive that include the range asked for. More of them saves further questions.
    pub fn provide(&mut self, start: f64, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.0.provide(amount::from_js(start)?, bytes)?)
    }
}
