//! Bounds on what hostile input can make a parser hold.

/// Largest chunk that any reader of the formats has to accept, in bytes (spec: chunking-and-index.md 1).
pub const CHUNK_MAX: u64 = 1 << 27;

/// What a parser may grow to. Checked before memory is taken; lengths read from input are never used as capacities.
///
/// ```
/// use casync_core::Limits;
///
/// let limits = Limits::default().with_depth(64).with_directory_entries(10_000);
/// assert_eq!(limits.chunk, 1 << 27);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes in one chunk, plain or compressed. Default 2^27, the format's own limit.
    pub chunk: u64,
    /// Chunks in an index that is held as a table: 40 bytes of memory each. Default 2^26.
    pub index_chunks: u64,
    /// Nodes on a path, root and leaf included. Default 1024; upstream stops at 64.
    pub depth: usize,
    /// Entries in one directory: 24 bytes of memory each. Default 2^24.
    pub directory_entries: u64,
    /// Bytes of metadata records of one node, nearly all of it extended attributes. Default 16 MiB.
    pub node_bytes: usize,
    /// Requests of the other side of a session that wait or were answered: about 80 bytes of memory each. Default 2^20.
    pub requests: usize,
    /// Bytes that [`crate::archive::Tree`] keeps of what it was given. Default 4 MiB.
    pub tree_bytes: usize,
}

impl Limits {
    /// Sets [`Self::chunk`].
    #[must_use]
    pub const fn with_chunk(mut self, bytes: u64) -> Self {
        self.chunk = bytes;
        self
    }

    /// Sets [`Self::index_chunks`].
    #[must_use]
    pub const fn with_index_chunks(mut self, chunks: u64) -> Self {
        self.index_chunks = chunks;
        self
    }

    /// Sets [`Self::depth`].
    #[must_use]
    pub const fn with_depth(mut self, nodes: usize) -> Self {
        self.depth = nodes;
        self
    }

    /// Sets [`Self::directory_entries`].
    #[must_use]
    pub const fn with_directory_entries(mut self, entries: u64) -> Self {
        self.directory_entries = entries;
        self
    }

    /// Sets [`Self::node_bytes`].
    #[must_use]
    pub const fn with_node_bytes(mut self, bytes: usize) -> Self {
        self.node_bytes = bytes;
        self
    }

    /// Sets [`Self::requests`].
    #[must_use]
    pub const fn with_requests(mut self, requests: usize) -> Self {
        self.requests = requests;
        self
    }

    /// Sets [`Self::tree_bytes`].
    #[must_use]
    pub const fn with_tree_bytes(mut self, bytes: usize) -> Self {
        self.tree_bytes = bytes;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            chunk: CHUNK_MAX,
            index_chunks: 1 << 26,
            depth: 1024,
            directory_entries: 1 << 24,
            node_bytes: 16 << 20,
            requests: 1 << 20,
            tree_bytes: 4 << 20,
        }
    }
}
