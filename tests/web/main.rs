//! The JavaScript package in the runtimes that it is made for: what it reads, makes and serves equals what the programs do.
//!
//! Every test builds the package (once), lets the C program make stores, puts nginx in front of them, and runs a script in
//! Node, which checks everything itself. Deno and workerd come from npm, by the lock file beside this.

mod chromium;
mod edge;
mod fixture;
mod package;
mod reading;
mod runtime;
mod server;
mod writing;
