//! The casync formats for JavaScript and for any other WebAssembly host.
//!
//! Everything that knows a format is in [`casync_core`]; this crate converts, calls and converts back. It opens no
//! connection and reads no file: the host does, and hands over bytes. Three surfaces show the same machines:
//!
//! * `js` (feature `bindgen`, on by default): one JavaScript class for each machine, with TypeScript types;
//! * `abi` (feature `abi`): plain functions over handles and two buffers, for hosts without JavaScript;
//! * `component` (feature `component`, for `wasm32-wasip2`): a handler of requests for hosts of `wasi:http`, see [`edge`].
//!
//! # In JavaScript
//!
//! A blob, chunk by chunk, each verified before anything sees it:
//!
//! ```js
//! const reader = new IndexReader();
//! for await (const piece of (await fetch("image.caibx")).body) reader.feed(piece);
//! const index = reader.finish();
//! const decoder = new ChunkDecoder(index.algorithm);
//! for (const chunk of index.covering(0, index.size)) {
//!   const stored = await fetch(`default.castr/${chunk.id.slice(0, 4)}/${chunk.id}.cacnk`);
//!   sink.write(decoder.decode(new Uint8Array(await stored.arrayBuffer()), chunk));
//! }
//! ```
//!
//! A file of an archive, without reading the rest. Questions are asked again until they are ready; the caller reads what
//! they need, from wherever, at whatever pace:
//!
//! ```js
//! const tree = new Tree(size);
//! const question = tree.find("/usr/lib/os-release");
//! let ask;
//! while ((ask = question.step()).need) question.provide(ask.need.start, await read(ask.need.start, ask.need.end));
//! const node = ask.ready; // undefined if there is none
//! const text = await read(node.content, node.content + node.size);
//! ```
//!
//! # Conventions
//!
//! * **Amounts** (sizes, offsets, counts) cross as `number`. What is above 2^53 - 1 or no whole number is an error with
//!   the code `number`, never a rounded value. Sets of flags are not amounts: they cross as `bigint`.
//! * **Bytes** are copied at the border in both directions; nothing is a view into the module's memory.
//! * **Names** in archives are bytes: `name` is for people, with replacement characters where it is not UTF-8, and
//!   `nameBytes` is the name.
//! * **Errors** are `Error` objects with a stable `code`, see `code::Code`. After an error a machine only gives errors.
//! * **A panic** is an `Error` with the code `internal`. The instance is to be dropped then and a new one made from the
//!   compiled module.
//! * **Memory** is bounded by limits, which are lower by default than the core's: see `limits`.
//! * Objects have `free()`. Calling it early helps; a finalizer does it late.

#![cfg_attr(not(test), deny(clippy::unwrap_used))]
#![warn(missing_docs)]

#[cfg(feature = "abi")]
pub mod abi;
#[cfg(any(feature = "abi", feature = "bindgen", feature = "component"))]
mod code;
#[cfg(all(feature = "component", target_env = "p2"))]
mod component;
#[cfg(feature = "edge")]
pub mod edge;
#[cfg(any(feature = "abi", feature = "bindgen"))]
mod feed;
#[cfg(any(feature = "edge", feature = "bindgen"))]
mod file_type;
#[cfg(feature = "bindgen")]
pub mod js;
#[cfg(any(feature = "abi", feature = "bindgen"))]
mod limits;
