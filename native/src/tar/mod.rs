//! Tar files as trees, read and written.
//!
//! Archives want directories sorted and tar files come in any order, so that a tar is read twice: once its headers alone,
//! into a [`TarTree`] that remembers where each member begins, then member by member in the order of the archive. That
//! needs a file; a pipe cannot go back. Numbers, checksums and fields of headers are the `tar` crate's; how members follow
//! each other is not, since its own reader neither bounds what extended headers may take nor goes to a member by offset,
//! and takes a newline in the value of a pax record for the end of it.
//!
//! What a tar cannot tell (chattr flags, project ids, subvolumes) is absent, as from a file system without them.

mod acl;
mod header;
mod member;
mod metadata;
mod pack;
mod pax;
mod sparse;
mod tree;
mod writer;

pub use pack::pack;
pub use tree::TarTree;
pub use writer::{TarOptions, TarWriter};

/// What tar files can hold of what archives can.
pub const SUPPORTED: casync_core::record::FeatureFlags = {
    use casync_core::record::FeatureFlags as Flags;
    Flags::union(&[
        Flags::UIDS,
        Flags::USER_NAMES,
        Flags::TIMES,
        Flags::READ_ONLY,
        Flags::PERMISSIONS,
        Flags::SYMLINKS,
        Flags::DEVICE_NODES,
        Flags::FIFOS,
        Flags::XATTRS,
        Flags::ACL,
        Flags::SELINUX,
        Flags::FCAPS,
    ])
};
