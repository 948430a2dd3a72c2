//! The core as WebAssembly: what a module computes inside wasmtime equals what the core computes here.
//!
//! The modules are built by these tests, so that none is out of date; that takes the target `wasm32-unknown-unknown`
//! (and `wasm32-wasip1` for the core's own tests), which `rustup target add` installs.

mod archives;
mod build;
mod chunks;
mod core_tests;
mod guest;
mod imports;
mod indexes;
mod memory;
mod trees;
mod wasi;
