//! Limits as an object of options.

use casync_core::Limits;
use wasm_bindgen::prelude::*;

use super::{Failure, amount};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** What hostile input may cost. Everything has a default that fits a page. */
export interface Limits {
  /** Bytes in one chunk; default 2^27, the format's own limit. */
  chunk?: number;
  /** Chunks in an index, 40 bytes of memory each; default 2^21. */
  indexChunks?: number;
  /** Nodes on a path; default 1024. */
  depth?: number;
  /** Entries in one directory, 24 bytes of memory each; default 2^20. */
  directoryEntries?: number;
  /** Bytes of metadata of one node; default 4 MiB. */
  nodeBytes?: number;
  /** Bytes that a question to a tree keeps of what it was given; default 1 MiB. */
  treeBytes?: number;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// An object with limits.
    #[wasm_bindgen(typescript_type = "Limits")]
    #[derive(Debug)]
    pub type JsLimits;

    #[wasm_bindgen(method, getter)]
    fn chunk(this: &JsLimits) -> Option<f64>;

    #[wasm_bindgen(method, getter, js_name = indexChunks)]
    fn index_chunks(this: &JsLimits) -> Option<f64>;

    #[wasm_bindgen(method, getter)]
    fn depth(this: &JsLimits) -> Option<f64>;

    #[wasm_bindgen(method, getter, js_name = directoryEntries)]
    fn directory_entries(this: &JsLimits) -> Option<f64>;

    #[wasm_bindgen(method, getter, js_name = nodeBytes)]
    fn node_bytes(this: &JsLimits) -> Option<f64>;

    #[wasm_bindgen(method, getter, js_name = treeBytes)]
    fn tree_bytes(this: &JsLimits) -> Option<f64>;
}

pub(super) fn read(options: Option<JsLimits>) -> Result<Limits, Failure> {
    let mut limits = crate::limits::default();
    let Some(options) = options else { return Ok(limits) };
    if let Some(bytes) = options.chunk() {
        limits = limits.with_chunk(amount::from_js(bytes)?);
    }
    if let Some(chunks) = options.index_chunks() {
        limits = limits.with_index_chunks(amount::from_js(chunks)?);
    }
    if let Some(nodes) = options.depth() {
        limits = limits.with_depth(amount::from_js_saturating(nodes)?);
    }
    if let Some(entries) = options.directory_entries() {
        limits = limits.with_directory_entries(amount::from_js(entries)?);
    }
    if let Some(bytes) = options.node_bytes() {
        limits = limits.with_node_bytes(amount::from_js_saturating(bytes)?);
    }
    if let Some(bytes) = options.tree_bytes() {
        limits = limits.with_tree_bytes(amount::from_js_saturating(bytes)?);
    }
    Ok(limits)
}
