//! The question for a node by its path.

use casync_core::archive::Find as CoreFind;
use wasm_bindgen::prelude::*;

use super::{Failure, JsAsk, amount, ask};

/// Asks for the node at a path. Made by `Tree.find`.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Find(pub(super) CoreFind);

#[wasm_bindgen]
impl Find {
    /// The node, nothing if there is none, or what to provide.
    pub fn step(&mut self) -> Result<JsAsk, Failure> {
        ask::object(self.0.step()?)
    }

    /// Hands over bytes of the archive that include the range asked for. More of them saves further questions.
    pub fn provide(&mut self, start: f64, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.0.provide(amount::from_js(start)?, bytes)?)
    }
}
