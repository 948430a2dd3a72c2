//! What people see while the tool works.

mod bar;
pub mod json;
pub mod log;
pub mod narrate;
pub mod notify;
mod out;
pub mod page;
mod progress;
mod rows;
mod snapshot;
mod stdout;

pub use out::{Out, print};
pub use progress::{Counters, Progress, Style, set_style};
pub use rows::{Rows, columns, count};
pub use stdout::StandardOutput;
