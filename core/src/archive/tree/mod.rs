//! Random access: finds nodes by path from the end of an archive, by its goodbye tables (spec: catar.md 7).
//!
//! Each question is an asker: call `step` until it is `Ready`; each `Need` names a range of the archive to hand over with
//! `provide`. More than the range may be handed over, and should be where reading more costs nothing: what follows is
//! then often there already. All numbers in the tables are taken as hostile; every question ends.

mod find;
mod listing;
mod node;
mod places;
mod table;
mod window;

use core::ops::Range;

pub use find::Find;
pub use listing::Listing;
pub use node::Lookup;
pub use places::Places;

use super::Node;
use crate::limits::Limits;
use crate::name::Name;
use crate::record::FeatureFlags;

/// The answer to a question, or what it takes to answer it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask<T> {
    /// The answer.
    Ready(T),
    /// Bytes of the archive to provide.
    Need(Range<u64>),
}

/// Where a node lies: from its ENTRY record to the end of its last record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located {
    /// Offset of the ENTRY record.
    pub entry: u64,
    /// Offset of the first byte behind the node.
    pub end: u64,
}

/// A node that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// Its name; `None` for the root.
    pub name: Option<Name>,
    /// Where it lies.
    pub located: Located,
    /// Metadata and content.
    pub node: Node,
    /// Where its metadata ends: the offset of a regular file's first byte of payload.
    pub content: u64,
    /// The archive's feature flags.
    pub features: FeatureFlags,
}

/// An archive of known size, of which parts can be read.
///
/// ```
/// use casync_core::archive::{Ask, Tree};
/// # use casync_core::{Limits, Name, archive::*, record::FeatureFlags};
/// # let mut archive = Vec::new();
/// # let metadata = |permissions| Metadata { permissions, ..Metadata::default() };
/// # let mut encoder = Encoder::new(FeatureFlags::EMPTY);
/// # encoder.root(&Node { metadata: metadata(0o777), content: Content::Directory }, &mut archive)?;
/// # let file = Node { metadata: metadata(0o666), content: Content::Regular { size: 5 } };
/// # encoder.child(&Name::new(b"greeting")?, &file, &mut archive)?;
/// # archive.extend_from_slice(b"hello");
/// # encoder.payload(5)?;
/// # encoder.leave(&mut archive)?;
/// let tree = Tree::new(archive.len() as u64, &Limits::default());
/// let mut question = tree.find(b"/greeting");
/// let found = loop {
///     match question.step()? {
///         Ask::Ready(found) => break found.expect("it is there"),
///         Ask::Need(range) => {
///             let bytes = &archive[range.start as usize..range.end as usize];
///             question.provide(range.start, bytes)?;
///         }
///     }
/// };
/// assert_eq!(&archive[found.content as usize..][..5], b"hello");
/// # Ok::<(), casync_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Tree {
    size: u64,
    features: Option<FeatureFlags>,
    limits: Limits,
}

impl Tree {
    /// An archive of `size` bytes.
    pub const fn new(size: u64, limits: &Limits) -> Self {
        Self { size, features: None, limits: *limits }
    }

    /// Demands these feature flags of every node: those of the index that the archive came from.
    #[must_use]
    pub const fn expecting(mut self, features: FeatureFlags) -> Self {
        self.features = Some(features);
        self
    }

    /// Where the root lies.
    pub const fn root(&self) -> Located {
        Located { entry: 0, end: self.size }
    }

    /// Asks for the node at a path. Empty components are ignored; the empty path is the root. `.` and `..` are names that
    /// no node has.
    pub fn find(&self, path: &[u8]) -> Find {
        Find::new(*self, path)
    }

    /// Asks for the node at a path below a directory whose place is known.
    pub fn find_below(&self, directory: Located, path: &[u8]) -> Find {
        Find::below(*self, directory, path)
    }

    /// Asks for the node at a known place.
    pub fn node(&self, located: Located) -> Lookup {
        Lookup::new(*self, located, None)
    }

    /// Asks for the entries of a directory, one by one, without what is below them.
    ///
    /// ```
    /// use casync_core::archive::{Ask, Tree};
    /// # use casync_core::{Limits, Name, archive::*, record::FeatureFlags};
    /// # let mut archive = Vec::new();
    /// # let metadata = |permissions| Metadata { permissions, ..Metadata::default() };
    /// # let mut encoder = Encoder::new(FeatureFlags::EMPTY);
    /// # encoder.root(&Node { metadata: metadata(0o777), content: Content::Directory }, &mut archive)?;
    /// # let file = Node { metadata: metadata(0o666), content: Content::Regular { size: 0 } };
    /// # encoder.child(&Name::new(b"bin")?, &file, &mut archive)?;
    /// # encoder.child(&Name::new(b"etc")?, &file, &mut archive)?;
    /// # encoder.leave(&mut archive)?;
    /// let tree = Tree::new(archive.len() as u64, &Limits::default());
    /// let mut listing = tree.list(tree.root());
    /// let mut names = Vec::new();
    /// loop {
    ///     match listing.step()? {
    ///         Ask::Ready(Some(entry)) => names.extend(entry.name),
    ///         Ask::Ready(None) => break,
    ///         Ask::Need(range) => {
    ///             listing.provide(range.start, &archive[range.start as usize..range.end as usize])?;
    ///         }
    ///     }
    /// }
    /// assert_eq!(names, [Name::new(b"bin")?, Name::new(b"etc")?]);
    /// # Ok::<(), casync_core::Error>(())
    /// ```
    pub fn list(&self, directory: Located) -> Listing {
        Listing::new(*self, directory)
    }

    /// Asks where the entries of a directory lie, without reading them.
    ///
    /// ```
    /// use casync_core::archive::{Ask, Tree};
    /// # use casync_core::{Limits, Name, archive::*, record::FeatureFlags};
    /// # let mut archive = Vec::new();
    /// # let metadata = |permissions| Metadata { permissions, ..Metadata::default() };
    /// # let mut encoder = Encoder::new(FeatureFlags::EMPTY);
    /// # encoder.root(&Node { metadata: metadata(0o777), content: Content::Directory }, &mut archive)?;
    /// # let file = Node { metadata: metadata(0o666), content: Content::Regular { size: 0 } };
    /// # encoder.child(&Name::new(b"bin")?, &file, &mut archive)?;
    /// # encoder.child(&Name::new(b"etc")?, &file, &mut archive)?;
    /// # encoder.leave(&mut archive)?;
    /// let tree = Tree::new(archive.len() as u64, &Limits::default());
    /// let mut question = tree.places(tree.root());
    /// let places = loop {
    ///     match question.step()? {
    ///         Ask::Ready(places) => break places,
    ///         Ask::Need(range) => {
    ///             question.provide(range.start, &archive[range.start as usize..range.end as usize])?;
    ///         }
    ///     }
    /// };
    /// // 64 bytes are the root's ENTRY; FILENAME, ENTRY and PAYLOAD of each file take 100.
    /// assert_eq!(places, [64..164, 164..264]);
    /// # Ok::<(), casync_core::Error>(())
    /// ```
    pub fn places(&self, directory: Located) -> Places {
        Places::new(*self, directory)
    }
}
