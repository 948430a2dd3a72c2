//! What people see while the tool works.

pub mod log;
mod out;
mod progress;

pub use out::{Out, print};
pub use progress::{Counters, Progress};
