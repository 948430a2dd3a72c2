//! What comes out of a session.

use alloc::borrow::Cow;
use alloc::string::String;

use super::Services;
use crate::chunk::{ChunkId, StoredChunk};

/// What the other side has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// It is there, and fits.
    Hello(Services),
    /// A piece of the index, of any length.
    Index(Cow<'a, [u8]>),
    /// The index is complete.
    IndexEof,
    /// A piece of the archive, of any length.
    Archive(Cow<'a, [u8]>),
    /// The archive is complete.
    ArchiveEof,
    /// It wants a chunk: see [`Session::next_request`](super::Session::next_request).
    Request,
    /// A chunk that was asked for. Nothing about it is known but its id.
    Chunk {
        /// The id it is sent under.
        id: ChunkId,
        /// What was sent.
        chunk: StoredChunk,
    },
    /// A chunk that was asked for and is not there.
    Missing(ChunkId),
    /// It is done.
    Goodbye,
    /// It has failed.
    Abort {
        /// A Linux error number, or 0.
        errno: u32,
        /// Why; may be empty.
        reason: String,
    },
}

impl Event<'_> {
    /// The event apart from the bytes it was read from.
    pub fn into_owned(self) -> Event<'static> {
        match self {
            Event::Index(bytes) => Event::Index(Cow::Owned(bytes.into_owned())),
            Event::Archive(bytes) => Event::Archive(Cow::Owned(bytes.into_owned())),
            Event::Hello(services) => Event::Hello(services),
            Event::IndexEof => Event::IndexEof,
            Event::ArchiveEof => Event::ArchiveEof,
            Event::Request => Event::Request,
            Event::Chunk { id, chunk } => Event::Chunk { id, chunk },
            Event::Missing(id) => Event::Missing(id),
            Event::Goodbye => Event::Goodbye,
            Event::Abort { errno, reason } => Event::Abort { errno, reason },
        }
    }
}

/// What came of a piece of input.
#[derive(Debug, PartialEq, Eq)]
pub enum SessionStep<'a> {
    /// All of the input was used, nothing came of it yet.
    More,
    /// The other side has said something.
    Did {
        /// Bytes used.
        used: usize,
        /// What it is.
        event: Event<'a>,
    },
}
