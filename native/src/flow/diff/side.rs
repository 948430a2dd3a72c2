//! One of the two trees that are compared.

use casync_core::Name;
use casync_core::archive::{Content, Located, Node};
use casync_core::diff;
use casync_core::index::Piece;
use casync_core::record::FeatureFlags;

use crate::error::Result;
use crate::flow::input::Seeker;

/// What comes next in a tree.
#[derive(Debug)]
pub enum Head {
    /// A node; a directory's entries follow.
    Node {
        /// `None` for the root.
        name: Option<Name>,
        /// The node.
        node: Node,
    },
    /// The innermost directory ends.
    Leave,
}

impl Head {
    /// The same for the core.
    pub(super) fn shown(&self) -> diff::Head<'_> {
        match self {
            Self::Node { name, node } => {
                diff::Head::Node { name: name.as_ref(), directory: node.content == Content::Directory }
            }
            Self::Leave => diff::Head::Leave,
        }
    }
}

/// A tree that is read in archive order.
pub trait Side {
    /// What it stores of each node.
    fn features(&self) -> FeatureFlags;

    /// The next node or end of a directory; `None` behind the end of the root. Payload that was not read is passed over.
    ///
    /// # Errors
    ///
    /// If the tree cannot be read.
    fn next(&mut self) -> Result<Option<Head>>;

    /// Bytes of payload of the file that came last, as many as are at hand; empty at its end.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    fn payload(&mut self) -> Result<&[u8]>;

    /// Moves on by `count` bytes of those that [`Self::payload`] returned.
    ///
    /// # Errors
    ///
    /// If the input has to be read for it, and cannot.
    fn consume(&mut self, count: usize) -> Result<()>;

    /// Where the payload of the file that came last starts, and the chunks that hold it, if its tree consists of chunks.
    fn chunks(&mut self) -> Option<(u64, &mut dyn Chunks)> {
        None
    }

    /// Where the directory that came last lies, if its tree consists of chunks.
    ///
    /// # Errors
    ///
    /// If the table of the directory above cannot be read.
    fn extent(&mut self) -> Result<Option<Located>> {
        Ok(None)
    }

    /// Passes over the directory that came last and whose [`Self::extent`] is known, its end included.
    ///
    /// # Errors
    ///
    /// If that place cannot be its end.
    fn skip_directory(&mut self) -> Result<()> {
        Ok(())
    }
}

/// A stream in chunks, of which any can be looked at.
pub trait Chunks {
    /// The chunk that holds the byte at an offset, without loading it; `None` past the end.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    fn piece_at(&mut self, offset: u64) -> Result<Option<Piece>>;

    /// The bytes from an offset to the end of the chunk that holds it; empty past the end.
    ///
    /// # Errors
    ///
    /// If the chunk cannot be had.
    fn bytes_at(&mut self, offset: u64) -> Result<&[u8]>;
}

impl Chunks for Seeker<'_> {
    fn piece_at(&mut self, offset: u64) -> Result<Option<Piece>> {
        Seeker::piece_at(self, offset)
    }

    fn bytes_at(&mut self, offset: u64) -> Result<&[u8]> {
        Seeker::bytes_at(self, offset)
    }
}
