//! What people see while the tool works.

pub mod json;
pub mod log;
pub mod narrate;
mod out;
pub mod page;
mod progress;
mod rows;
mod stdout;

pub use out::{Out, print};
pub use progress::{Counters, Progress};
pub use rows::{Rows, columns, count};
pub use stdout::StandardOutput;
