//! The core's examples, run as programs on what the C casync has made.

mod blobs;
mod indexes;
mod programs;
mod remote;
mod server;
