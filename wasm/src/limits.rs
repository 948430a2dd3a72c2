//! What hostile input may cost here.

use casync_core::Limits;

/// Limits that fit an address space of 32 bits and a page that shares its memory with others.
///
/// The core's own would let an index take 2.5 GiB. These let it take 80 MiB, which is 128 GiB of stream in chunks of the
/// default size, and a directory 24 MiB.
pub(crate) fn default() -> Limits {
    Limits::default()
        .with_index_chunks(1 << 21)
        .with_directory_entries(1 << 20)
        .with_node_bytes(4 << 20)
        .with_tree_bytes(1 << 20)
}
