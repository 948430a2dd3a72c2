//! Seed tables, `.catab`: which chunks a tree or file on this machine had, and what tells whether it still has them.
//!
//! A seed is a stream: the bytes of a file, or the archive of a tree. The table says what the stream is made of, part by
//! part, and how it was cut. Payload stays in its file, records are in the table, so that a chunk that crosses several
//! files and the records between them can be put together without making the archive again:
//!
//! ```text
//! file     = header record* tail                      all numbers u64, little-endian
//! header   = MAGIC version features min avg max kind size root[size]
//! record   = RECORDS size bytes[size]                 the next part of the stream: these bytes
//!          | FILE identity size path[size]            the next part: all bytes of this file
//!          | GAP size                                 the next part: bytes that cannot be had
//!          | CHUNK size id[32]                        the next chunk of the stream
//! identity = device inode generation size mtime-s mtime-ns ctime-s ctime-ns
//! tail     = TAIL size SHA-256 of all before the digest[32]
//! ```
//!
//! *Features* select the digest of the ids; *min*, *avg* and *max* are the chunk sizes. The *root* is the absolute path, with
//! all links resolved, of the tree (kind 0), which *path*s start from, or of the file (kind 1), which is then the only part
//! and whose *path* is empty. The *generation* is `u64::MAX` where the file system has none. The *size* in the tail is that of
//! the stream: the parts have it, and the chunks.
//!
//! Parts and chunks are in the order of the stream, and a chunk comes right after the last part that it has bytes of. So one
//! pass writes a table and one pass reads it, neither keeps more than a record, and a tree that is the same has the same
//! table.
//!
//! What a table says is believed of a file that still has its [`FileIdentity`](crate::cache::FileIdentity). That is no
//! proof: who made the table left out, as a GAP, what had changed so recently that a later change might not show, and who
//! uses it verifies chunks by their ids. The file is no interchange format: it describes files of one machine.

mod reader;
mod record;
mod writer;

pub use reader::{CatabEvent, CatabReader, CatabStep};
pub use record::{CatabHeader, SeedRoot};
pub use writer::CatabWriter;
