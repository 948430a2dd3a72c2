//! Streams at random, as file systems: archives and images that are read where somebody looks at them.
//!
//! ```text
//! kernel > session threads > file system -+- attributes, names: nodes in memory
//!                                         +- bytes: Image.slices > ChunkCache > loader threads > seeds, stores
//! ```
//!
//! | module | what it does |
//! |---|---|
//! | [`chunks`] | [`ChunkCache`]: verified chunks in memory, one fetch for each however many wait |
//! | [`fetch`] | [`Fetch`]: where the chunks come from: stores, or ranges of a remote file |
//! | [`image`] | [`Image`]: a stream of which any range can be read, and where it is nothing but zeros |
//! | [`ahead`] | recognizes readers that go through an image in order |
//! | [`disk_file`] | a disk as a file that can be written to |
//! | [`volume`], `node` | what is mounted: an archive, directory by directory, or an image as a file |
//! | [`file_system`], `pages` | the kernel's requests, and what it is given without asking |
//! | [`session`], [`options`], [`guard`], [`daemon`] | mount points, `-o`, the life of a mount, in the background too |
//!
//! All of it takes `&self` and is shared by threads. Locks cover look-ups and inserts only, never reading.

pub mod ahead;
pub mod chunks;
pub mod daemon;
pub mod disk_file;
pub mod fetch;
pub mod file_system;
pub mod guard;
pub mod image;
mod node;
pub mod options;
mod pages;
pub mod session;
pub mod volume;

pub use chunks::ChunkCache;
pub use disk_file::DiskFile;
pub use fetch::{Block, ChunkFetch, Fetch, RangeFetch};
pub use image::{Extent, Image, Slices};
pub use node::Owners;
pub use options::MountOptions;
pub use session::{MountPoint, serve, serve_disk};
pub use volume::Volume;
