//! The pipelines: the only place where stages are joined.
//!
//! ```text
//! make     source -> stream (cut) -+-> workers [digest > have? > compress > put] -> index, cache, in order
//!                                  +-> archive digest
//!                                  +-> archive file
//! extract  index -> fetch workers [load > decode > verify] -> in order -> decoder -> tree
//!          index -> blob workers  [load > decode > verify > write at offset]
//! fetch    index -> workers [in the cache? | load > decode > verify > keep]
//! diff     two trees -> merge -> differences
//! seed     source -> stream (cut) -> workers [digest > wanted? > write at offset] -> places
//! table    source -> stream (cut) -> workers [digest] -> seed table, in order
//! ```
//!
//! Stages are threads of one scope, joined by bounded channels; buffers move, they are not copied. The first error wins and
//! makes every stage drain what it is still handed; all threads have ended when a pipeline returns.

mod at_once;
pub mod blob;
mod budget;
mod cached;
mod claims;
pub mod diff;
pub mod digests;
pub mod extract;
mod failure;
pub mod fetch;
pub mod gc;
pub mod input;
pub mod inspect;
pub mod link;
pub mod make;
pub mod placement;
pub mod plan;
pub mod scan;
pub mod share;
pub mod source;
pub(crate) mod stop;
pub mod stream;
pub mod table;
pub mod verify;

pub use budget::Budget;
pub use cached::Cached;
pub use stop::stop_on_signals;

pub(crate) use failure::Failure;
