//! Seeds: what is on the machine already is not loaded again, and can do no harm.

mod blobs;
mod guided;
mod links;
mod options;
mod output;
mod reflinks;
mod scene;
mod stale;
mod tables;
mod trees;
