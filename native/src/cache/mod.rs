//! The encoder cache on disk: `make --cache=` (format and rules: [`casync_core::cache`]).
//!
//! One file for each tree and each set of settings that decide about chunks, in a directory that the user names.
//! What is in it only ever saves time: a file that is missing, damaged, somebody else's or from the future is as good as
//! none.

mod clock;
mod directory;
mod identity;
mod recorder;

pub use clock::Clock;
pub use directory::EncoderCache;
pub use identity::Identifier;
pub use recorder::Recorder;
