//! Two trees side by side: what was added, removed and changed between them.
//!
//! ```text
//! left  nodes -+
//!              +-> Merge -> one side only: removed, added
//! right nodes -+         -> both sides:    changes(left, right, common), contents by Lockstep or byte by byte
//! ```
//!
//! [`Merge`] takes the nodes of both in archive order and says which belong together; [`changes()`] compares two nodes by
//! what both archives store ([`Common`]); [`Lockstep`] finds which bytes of two streams are equal by their chunk ids
//! alone. Whoever calls reads the archives, and the bytes that ids say nothing about.

mod changes;
mod common;
mod lockstep;
mod merge;

pub use changes::{Change, changes};
pub use common::Common;
pub use lockstep::{Lockstep, Span};
pub use merge::{Head, Merge, Turn};
