//! Who supplies each chunk of a stream.
//!
//! ```text
//! ids of an index -> Builder -> Plan -> sums
//!                                ^
//!      sources, in order: what they have
//! ```
//!
//! Zeros come from nowhere, repeats from where the chunk was written first; every other chunk comes from the first source
//! that has it. What is left is missing.

mod sources;

pub use sources::{Plan, PlanBuilder, Source, Sum};
