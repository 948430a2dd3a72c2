//! The command line: what the program answers to what people and scripts type, beside the C casync.

mod json;
mod memory;
mod notify;
mod parity;
mod progress;
mod progress_styles;
mod rauc;
mod script;
mod snapshots;
mod transcripts;
