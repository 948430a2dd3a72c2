//! casync for file systems, devices and stores: the shell around [`casync_core`], as a library and as the program.
//!
//! # Map
//!
//! | module | what it does |
//! |---|---|
//! | [`cli`], [`commands`], [`locator`], [`ui`] | arguments, one file for each verb, what operands name, messages and progress |
//! | [`config`] | the configuration file |
//! | [`flow`] | the pipelines: the only place where stages are joined |
//! | [`cache`] | what an earlier run learnt about a tree |
//! | [`disk`], [`nbd`] | images as disks, with a file for what is written; served as network block devices |
//! | [`device`] | disks as block devices of this host |
//! | [`fs`] | walking and making trees, blobs, one file for each family of metadata |
//! | [`mount`] | archives and images as file systems, read where somebody looks |
//! | [`remote`] | files and stores on other hosts |
//! | [`server`] | stores and indexes for others, over HTTP |
//! | [`seed`] | local files and trees that chunks are taken from instead of a store |
//! | [`store`] | the `Store` trait and its implementations, compression |
//! | [`tar`] | tar files as trees, read and written |
//! | [`error`] | errors with context and hint |

pub mod cache;
pub mod cli;
pub mod commands;
pub mod config;
pub mod device;
pub mod disk;
pub mod error;
pub mod flow;
pub mod fs;
pub mod locator;
pub mod mount;
pub mod nbd;
pub mod remote;
pub mod seed;
pub mod server;
pub mod store;
mod sys;
pub mod tar;
pub mod ui;

pub use sys::Reserve;
