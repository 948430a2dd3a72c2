//! What a question says: its answer, or what it takes to answer it.

use core::ops::Range;

use casync_core::archive::{Ask, Found};
use js_sys::Object;
use wasm_bindgen::prelude::*;

use super::{Failure, JsNode, amount, node};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** Bytes from `start` to before `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** The answer to a question, or the range of the archive to provide for it. */
export type Ask<T> = { readonly need: ByteRange; readonly ready?: undefined } | { readonly need?: undefined; readonly ready: T };
"#;

#[wasm_bindgen]
extern "C" {
    /// An answer or a need.
    #[wasm_bindgen(typescript_type = "Ask<ArchiveNode | undefined>")]
    #[derive(Debug)]
    pub type JsAsk;

    #[wasm_bindgen(method, setter)]
    fn set_ready(this: &JsAsk, node: Option<JsNode>);

    #[wasm_bindgen(method, setter)]
    fn set_need(this: &JsAsk, range: JsRange);

    /// Bytes from one offset to before another.
    #[wasm_bindgen(typescript_type = "ByteRange")]
    #[derive(Debug)]
    pub type JsRange;

    #[wasm_bindgen(method, setter)]
    fn set_start(this: &JsRange, start: f64);

    #[wasm_bindgen(method, setter)]
    fn set_end(this: &JsRange, end: f64);
}

pub(super) fn object(ask: Ask<Option<Found>>) -> Result<JsAsk, Failure> {
    let object = Object::new().unchecked_into::<JsAsk>();
    match ask {
        Ask::Ready(found) => object.set_ready(found.as_ref().map(found_object).transpose()?),
        Ask::Need(bytes) => object.set_need(range(&bytes)?),
    }
    Ok(object)
}

pub(super) fn range(bytes: &Range<u64>) -> Result<JsRange, Failure> {
    let object = Object::new().unchecked_into::<JsRange>();
    object.set_start(amount::to_js(bytes.start)?);
    object.set_end(amount::to_js(bytes.end)?);
    Ok(object)
}

fn found_object(found: &Found) -> Result<JsNode, Failure> {
    let object = node::object(found.name.as_ref(), &found.node, found.located.entry, found.content)?;
    node::set_end(&object, found.located.end)?;
    Ok(object)
}
