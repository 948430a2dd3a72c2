//! What people see while the tool works.

mod bar;
pub mod json;
pub mod log;
pub mod narrate;
pub mod notify;
mod out;
mod progress;
mod snapshot;
mod stdout;

pub use out::{Out, print};
pub use progress::{Counters, Progress, Style, set_style};
pub use stdout::StandardOutput;
