//! A whole index.

use casync_core::index::{IndexTable, Piece};
use js_sys::Object;
use wasm_bindgen::prelude::*;

use super::{Failure, amount};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** The digest that chunk ids are made with. */
export type DigestAlgorithm = "sha512-256" | "sha256";

/** A chunk's place in a stream. */
export interface Chunk {
  /** Its number in the index, from 0. */
  readonly number: number;
  /** 64 hexadecimal digits; the chunk's file in a store is `<first 4 digits>/<id>.cacnk`. */
  readonly id: string;
  /** Where it starts in the stream. */
  readonly start: number;
  /** Its length in bytes. */
  readonly size: number;
}

/** The sizes that a stream was cut with. */
export interface ChunkSizes {
  readonly min: number;
  readonly avg: number;
  readonly max: number;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// A chunk's place in a stream.
    #[wasm_bindgen(typescript_type = "Chunk")]
    #[derive(Debug)]
    pub type JsChunk;

    #[wasm_bindgen(method, setter)]
    fn set_number(this: &JsChunk, number: f64);

    #[wasm_bindgen(method, setter)]
    fn set_id(this: &JsChunk, id: &str);

    #[wasm_bindgen(method, setter)]
    fn set_start(this: &JsChunk, start: f64);

    #[wasm_bindgen(method, setter)]
    fn set_size(this: &JsChunk, size: f64);

    #[wasm_bindgen(method, getter)]
    pub(super) fn id(this: &JsChunk) -> String;

    #[wasm_bindgen(method, getter)]
    pub(super) fn size(this: &JsChunk) -> f64;

    /// The sizes that a stream was cut with.
    #[wasm_bindgen(typescript_type = "ChunkSizes")]
    #[derive(Debug)]
    pub type JsChunkSizes;

    #[wasm_bindgen(method, setter)]
    fn set_min(this: &JsChunkSizes, bytes: f64);

    #[wasm_bindgen(method, setter)]
    fn set_avg(this: &JsChunkSizes, bytes: f64);

    #[wasm_bindgen(method, setter)]
    fn set_max(this: &JsChunkSizes, bytes: f64);
}

/// All chunks of a stream.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Index(pub(super) IndexTable);

#[wasm_bindgen]
impl Index {
    /// Bytes in the stream.
    #[wasm_bindgen(getter)]
    pub fn size(&self) -> Result<f64, Failure> {
        amount::to_js(self.0.stream_size())
    }

    /// Number of chunks.
    #[wasm_bindgen(getter)]
    pub fn length(&self) -> f64 {
        self.0.len() as f64
    }

    /// The digest of the chunk ids.
    #[wasm_bindgen(getter, unchecked_return_type = "DigestAlgorithm")]
    pub fn algorithm(&self) -> String {
        self.0.algorithm().name().to_owned()
    }

    /// The archive's feature flags.
    #[wasm_bindgen(getter)]
    pub fn features(&self) -> u64 {
        self.0.features().bits()
    }

    /// The names of the features, as `--with=` takes them.
    #[wasm_bindgen(getter, js_name = featureNames)]
    pub fn feature_names(&self) -> Vec<String> {
        self.0.features().names().map(str::to_owned).collect()
    }

    /// The sizes that the stream was cut with.
    #[wasm_bindgen(getter, js_name = chunkSizes)]
    pub fn chunk_sizes(&self) -> Result<JsChunkSizes, Failure> {
        let sizes = self.0.sizes();
        let object = Object::new().unchecked_into::<JsChunkSizes>();
        object.set_min(amount::to_js(sizes.min())?);
        object.set_avg(amount::to_js(sizes.avg())?);
        object.set_max(amount::to_js(sizes.max())?);
        Ok(object)
    }

    /// A chunk by its number; nothing past the end.
    pub fn chunk(&self, number: f64) -> Result<Option<JsChunk>, Failure> {
        self.0.get(amount::from_js_saturating(number)?).map(chunk).transpose()
    }

    /// The chunk that holds a byte of the stream; nothing past the end.
    pub fn at(&self, offset: f64) -> Result<Option<JsChunk>, Failure> {
        self.0.at(amount::from_js(offset)?).map(chunk).transpose()
    }

    /// The chunks that hold any of the bytes from `start` to before `end`, in order.
    pub fn covering(&self, start: f64, end: f64) -> Result<Vec<JsChunk>, Failure> {
        self.0.covering(amount::from_js(start)?..amount::from_js(end)?).map(chunk).collect()
    }
}

fn chunk(piece: Piece) -> Result<JsChunk, Failure> {
    let object = Object::new().unchecked_into::<JsChunk>();
    object.set_number(piece.number as f64);
    object.set_id(&piece.id.to_string());
    object.set_start(amount::to_js(piece.start)?);
    object.set_size(amount::to_js(piece.size)?);
    Ok(object)
}
