//! A whole index.

use core::cell::OnceCell;
use core::cmp::Ordering;
use std::rc::Rc;

use casync_core::chunk::ChunkId;
use casync_core::index::{IndexTable, Piece};
use js_sys::{Array, Object};
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
pub struct Index {
    /// Shared with whatever serves it.
    table: Rc<IndexTable>,
    /// Numbers of all chunks in ascending order of ids, and of numbers where ids are equal; made when first asked for.
    by_id: OnceCell<Vec<u32>>,
}

impl Index {
    pub(super) fn new(table: IndexTable) -> Self {
        Self { table: Rc::new(table), by_id: OnceCell::new() }
    }

    #[cfg(feature = "edge")]
    pub(super) fn table(&self) -> Rc<IndexTable> {
        self.table.clone()
    }

    /// How two chunks follow each other by their ids. Out of line: a sort has it in thirty places.
    #[inline(never)]
    fn order(&self, a: u32, b: u32) -> Ordering {
        let id = |number: u32| self.table.get(number as usize).map(|piece| piece.id);
        id(a).cmp(&id(b)).then(a.cmp(&b))
    }

    /// The number of the first chunk with this id.
    fn lookup(&self, id: &ChunkId) -> Option<usize> {
        let id_of = |number: u32| self.table.get(number as usize).map(|piece| piece.id);
        let by_id = self.by_id.get_or_init(|| {
            // Indexes of this surface have less than 2^32 chunks: their numbers are addresses of 32 bits.
            let mut numbers: Vec<u32> = (0..self.table.len() as u32).collect();
            numbers.sort_unstable_by(|&a, &b| self.order(a, b));
            numbers
        });
        let first = *by_id.get(by_id.partition_point(|&number| id_of(number).as_ref() < Some(id)))?;
        (id_of(first).as_ref() == Some(id)).then_some(first as usize)
    }
}

#[wasm_bindgen]
impl Index {
    /// Bytes in the stream.
    #[wasm_bindgen(getter)]
    pub fn size(&self) -> Result<f64, Failure> {
        amount::to_js(self.table.stream_size())
    }

    /// Number of chunks.
    #[wasm_bindgen(getter)]
    pub fn length(&self) -> f64 {
        self.table.len() as f64
    }

    /// The digest of the chunk ids.
    #[wasm_bindgen(getter, unchecked_return_type = "DigestAlgorithm")]
    pub fn algorithm(&self) -> String {
        self.table.algorithm().name().to_owned()
    }

    /// The archive's feature flags.
    #[wasm_bindgen(getter)]
    pub fn features(&self) -> u64 {
        self.table.features().bits()
    }

    /// The names of the features, as `--with=` takes them.
    #[wasm_bindgen(getter, js_name = featureNames, unchecked_return_type = "string[]")]
    pub fn feature_names(&self) -> Array {
        self.table.features().names().map(JsValue::from_str).collect()
    }

    /// The sizes that the stream was cut with.
    #[wasm_bindgen(getter, js_name = chunkSizes)]
    pub fn chunk_sizes(&self) -> Result<JsChunkSizes, Failure> {
        let sizes = self.table.sizes();
        let object = Object::new().unchecked_into::<JsChunkSizes>();
        object.set_min(amount::to_js(sizes.min())?);
        object.set_avg(amount::to_js(sizes.avg())?);
        object.set_max(amount::to_js(sizes.max())?);
        Ok(object)
    }

    /// A chunk by its number; nothing past the end.
    pub fn chunk(&self, number: f64) -> Result<Option<JsChunk>, Failure> {
        self.table.get(amount::from_js_saturating(number)?).map(chunk).transpose()
    }

    /// The chunk that holds a byte of the stream; nothing past the end.
    pub fn at(&self, offset: f64) -> Result<Option<JsChunk>, Failure> {
        self.table.at(amount::from_js(offset)?).map(chunk).transpose()
    }

    /// The chunks that hold any of the bytes from `start` to before `end`, in order.
    #[wasm_bindgen(unchecked_return_type = "Chunk[]")]
    pub fn covering(&self, start: f64, end: f64) -> Result<Array, Failure> {
        self.table
            .covering(amount::from_js(start)?..amount::from_js(end)?)
            .map(|piece| chunk(piece).map(JsValue::from))
            .collect()
    }

    /// The number of the first chunk with this id; nothing if there is none.
    pub fn find(&self, id: &str) -> Result<Option<f64>, Failure> {
        Ok(self.lookup(&id.parse()?).map(|number| number as f64))
    }

    /// The number of the first chunk with the same id as this one: the same number unless the chunk is a repetition.
    pub fn first(&self, number: f64) -> Result<Option<f64>, Failure> {
        let piece = self.table.get(amount::from_js_saturating(number)?);
        Ok(piece.and_then(|piece| self.lookup(&piece.id)).map(|number| number as f64))
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
