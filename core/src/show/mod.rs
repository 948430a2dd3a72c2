//! Texts about nodes, made from the nodes alone, for command line and page alike (spec: commands.md 8 and 9).

mod diff;
mod escape;
mod lines;
mod mode;
mod mtree;
mod stat;
mod time;

pub use diff::DiffLine;
pub use escape::{Escaped, ShownPath};
pub use lines::Lines;
pub use mode::ModeString;
pub use mtree::MtreeLine;
pub use stat::StatText;
pub use time::{CivilTime, HttpTime};

use core::fmt;

use crate::archive::Node;

/// A line of `list`: mode and path, without newline.
///
/// ```
/// use casync_core::archive::{Content, Metadata, Node};
/// use casync_core::show::ListLine;
///
/// let metadata = Metadata { permissions: 0o755, ..Metadata::default() };
/// let node = Node { metadata, content: Content::Directory };
/// assert_eq!(ListLine { path: b"a dir", node: &node }.to_string(), r"drwxr-xr-x a\040dir");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ListLine<'a> {
    /// Path from the root of the archive; empty for the root.
    pub path: &'a [u8],
    /// The node.
    pub node: &'a Node,
}

impl fmt::Display for ListLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", ModeString::of(self.node), ShownPath(self.path))
    }
}
