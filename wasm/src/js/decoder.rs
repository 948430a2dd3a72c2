//! Archives from their first byte to the last.

use casync_core::archive::{Event, NodeEvent};
use js_sys::{Object, Uint8Array};
use wasm_bindgen::prelude::*;

use super::{Failure, JsLimits, JsNode, amount, limits, node};
use crate::feed::Feed;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** A part of an archive. Brackets: a node, a file's payload in pieces or a directory's entries, an end. */
export type ArchiveEvent =
  | { readonly kind: "node"; readonly depth: number; readonly node: ArchiveNode }
  | { readonly kind: "payload"; readonly bytes: Uint8Array }
  | { readonly kind: "end" };
"#;

#[wasm_bindgen]
extern "C" {
    /// A part of an archive.
    #[wasm_bindgen(typescript_type = "ArchiveEvent")]
    #[derive(Debug)]
    pub type JsEvent;

    #[wasm_bindgen(method, setter)]
    fn set_kind(this: &JsEvent, kind: &str);

    #[wasm_bindgen(method, setter)]
    fn set_depth(this: &JsEvent, depth: f64);

    #[wasm_bindgen(method, setter)]
    fn set_node(this: &JsEvent, node: JsNode);

    #[wasm_bindgen(method, setter)]
    fn set_bytes(this: &JsEvent, bytes: Uint8Array);
}

/// Reads an archive that arrives in pieces: `feed` one, `step` until nothing comes any more, and again; at the end
/// `finish`.
#[wasm_bindgen]
#[derive(Debug)]
pub struct ArchiveDecoder(Feed);

#[wasm_bindgen]
impl ArchiveDecoder {
    /// A decoder at the start of an archive.
    #[wasm_bindgen(constructor)]
    pub fn new(limits: Option<JsLimits>) -> Result<Self, Failure> {
        Ok(Self(Feed::new(&limits::read(limits)?)))
    }

    /// Hands over the next piece. The one before must have been used up.
    pub fn feed(&mut self, bytes: Vec<u8>) -> Result<(), Failure> {
        Ok(self.0.feed(bytes)?)
    }

    /// The next event, or nothing if that takes more input.
    pub fn step(&mut self) -> Result<Option<JsEvent>, Failure> {
        self.0.step()?.map(|event| event_object(&event)).transpose()
    }

    /// Offset in the archive up to which input was used.
    #[wasm_bindgen(getter)]
    pub fn position(&self) -> Result<f64, Failure> {
        amount::to_js(self.0.decoder().position())
    }

    /// Payload of the file under way that is still to come, in bytes.
    #[wasm_bindgen(getter, js_name = payloadLeft)]
    pub fn payload_left(&self) -> Result<f64, Failure> {
        amount::to_js(self.0.decoder().payload_left())
    }

    /// Passes over payload that is not wanted. The next piece starts so many bytes later as this returns.
    #[wasm_bindgen(js_name = skipPayload)]
    pub fn skip_payload(&mut self, bytes: f64) -> Result<f64, Failure> {
        amount::to_js(self.0.skip(amount::from_js(bytes)?)?)
    }

    /// Ends the input. Throws if the archive is not complete.
    pub fn finish(&self) -> Result<(), Failure> {
        Ok(self.0.finish()?)
    }
}

fn event_object(event: &Event<'_>) -> Result<JsEvent, Failure> {
    let object = Object::new().unchecked_into::<JsEvent>();
    match event {
        Event::Node(event) => {
            object.set_kind("node");
            object.set_depth(event.depth as f64);
            object.set_node(node_object(event)?);
        }
        Event::Payload(bytes) => {
            object.set_kind("payload");
            object.set_bytes(Uint8Array::new_from_slice(bytes));
        }
        Event::End => object.set_kind("end"),
    }
    Ok(object)
}

fn node_object(event: &NodeEvent<'_>) -> Result<JsNode, Failure> {
    node::object(event.name, event.node, event.entry, event.entry + event.records.len() as u64)
}
