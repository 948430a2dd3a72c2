//! What people see while the tool works.

pub mod json;
pub mod log;
pub mod narrate;
mod out;
mod progress;

pub use out::{Out, print};
pub use progress::{Counters, Progress};
