//! How many threads and how much memory a pipeline may use.

use std::num::NonZero;

/// Limits of one run: `--jobs` and `--memory`.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Worker threads; the threads that read, digest and write the stream come on top, the kernel shares the cores.
    pub jobs: usize,
    /// Bytes that all buffers together may take, beyond what the process needs anyway.
    pub memory: u64,
}

impl Budget {
    /// Memory unless `--memory` says otherwise.
    pub const MEMORY: u64 = 64 << 20;

    /// Share of the memory for buffers of stream; the rest is for compression and decompression.
    const STREAM_SHARE: (u64, u64) = (1, 2);

    /// The same for work that mostly waits for others, which take `width` requests at once; 0: for work that does not.
    #[must_use]
    pub(crate) fn for_waiting(self, width: usize) -> Self {
        /// Threads that wait cost little, but something.
        const THREADS_MAX: usize = 64;
        Self { jobs: self.jobs.max(width.min(THREADS_MAX)), ..self }
    }

    /// How many buffers of `size` bytes a stream may have: at least two, so that reading and working overlap, and no
    /// more than keep every worker and both writers busy.
    pub fn buffers(&self, size: usize) -> usize {
        let (part, whole) = Self::STREAM_SHARE;
        let affordable = self.memory / whole * part / (size as u64).max(1);
        usize::try_from(affordable).unwrap_or(usize::MAX).clamp(2, 2 * self.jobs + 2)
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self { jobs: std::thread::available_parallelism().map_or(1, NonZero::get), memory: Self::MEMORY }
    }
}
