//! The question for the entries of a directory.

use casync_core::archive::Listing as CoreListing;
use wasm_bindgen::prelude::*;

use super::{Failure, JsAsk, amount, ask};

/// Asks for the entries of a directory, one by one in ascending order of names. Made by `Tree.list`.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Listing(pub(super) CoreListing);

#[wasm_bindgen]
impl Listing {
    /// The next entry, nothing after the last, or what to provide.
    pub fn step(&mut self) -> Result<JsAsk, Failure> {
        ask::object(self.0.step()?)
    }

    /// Where the first entry starts that is still to come and starts at `offset` or behind it: it can be fetched ahead.
    #[wasm_bindgen(js_name = nextAfter)]
    pub fn next_after(&self, offset: f64) -> Result<Option<f64>, Failure> {
        self.0.next_after(amount::from_js(offset)?).map(amount::to_js).transpose()
    }

    /// Hands over bytes of the archive that include the range asked for. More of them saves further questions.
    pub fn provide(&mut self, start: f64, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.0.provide(amount::from_js(start)?, bytes)?)
    }
}
