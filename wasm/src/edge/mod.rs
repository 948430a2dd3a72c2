//! What a server at the edge answers: files and directories of an archive, ranges of an image, out of an index and chunks
//! that lie elsewhere.
//!
//! Knows requests and answers, never the network. A host makes a [`Site`] once for its index and a [`Visit`] for every
//! request, and asks it until there is an [`Answer`]; what it needs meanwhile, and what the answer's body is made of, are
//! ranges of the index's stream, which the host takes out of chunks that it has verified:
//!
//! ```text
//! Request > Visit: step > Need(range) > chunks > provide > step .. > Ready(Answer { status, headers, body })
//! ```

mod answer;
mod content_type;
mod follow;
mod page;
mod path;
mod range;
mod site;
mod visit;

pub use answer::{Answer, Body};
pub use content_type::content_type;
pub use site::{Kind, Settings, Site};
pub use visit::{Request, Visit};

/// Chunks that finding a path and listing a directory may take beside an answer's contents.
pub const SEARCH_CHUNKS: usize = 60;
