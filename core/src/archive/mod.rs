//! Archives (`.catar`): a directory tree as one stream (spec: catar.md).
//!
//! ```text
//! archive = node
//! node    = ENTRY [USER] [GROUP] XATTR* ACL* [SELINUX] [FCAPS] [QUOTA_PROJID] content
//! content = PAYLOAD | SYMLINK | DEVICE | nothing | (FILENAME node)* GOODBYE
//! ```
//!
//! [`Selection`] turns what a file system says of a node into what an archive with certain feature flags stores of it;
//! [`Encoder`] writes nodes; [`Decoder`] reads them in order; [`Tree`] finds them by path without reading the rest.

mod decoder;
mod digests;
mod encoder;
mod exclude;
mod frames;
mod node;
mod node_reader;
mod owner;
mod selection;
mod trail;
mod tree;

pub use decoder::{Decoder, Event, NodeEvent, Step};
pub use digests::NodeDigests;
pub use encoder::{Encoded, Encoder};
pub use exclude::{ExcludeFile, ExcludeRules};
pub use node::{Acl, Content, DefaultAcl, DeviceNumber, FileType, Metadata, Node, Timestamp, Xattr};
pub use owner::{IdShift, Owner};
pub use selection::Selection;
pub use trail::Trail;
pub use tree::{Ask, Find, Found, Listing, Located, Lookup, Places, Tree};

/// Nodes on a path, root and leaf included, that upstream can read; writers go no deeper.
pub const DEPTH_MAX: usize = 64;
