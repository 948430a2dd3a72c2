//! How far a job is at one moment.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use casync_core::quantity::{Bytes, Span};
use serde::Serialize;

use super::Counters;

/// What a line of progress says. With `--progress=json` it is
///
/// ```text
/// {"type":"progress","stage":"make","bytes":1,"total":2?,"chunks_new":3,"chunks_reused":4,"seconds":5.678,"ended":false}
/// ```
///
/// where `total` is absent if it is unknown, and `ended` is true in the last one of a stage, whether it failed or not.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "type", rename = "progress")]
pub(super) struct Snapshot {
    stage: &'static str,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    /// Chunks that had to be stored, or to be loaded.
    chunks_new: u64,
    /// Chunks that were there already.
    chunks_reused: u64,
    #[serde(rename = "seconds", serialize_with = "seconds")]
    elapsed: Duration,
    pub(super) ended: bool,
    #[serde(skip)]
    pub(super) is_first: bool,
}

impl Snapshot {
    /// At the start of a job.
    pub(super) fn first(stage: &'static str, counters: &Counters) -> Self {
        Self { is_first: true, ..Self::next(stage, counters, Duration::ZERO, false) }
    }

    /// Later.
    pub(super) fn next(stage: &'static str, counters: &Counters, elapsed: Duration, ended: bool) -> Self {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Self {
            stage,
            bytes: count(&counters.bytes),
            total: Some(count(&counters.total)).filter(|total| *total > 0),
            chunks_new: count(&counters.chunks_new) + count(&counters.store_chunks),
            chunks_reused: count(&counters.chunks_reused) + count(&counters.seed_chunks),
            elapsed,
            ended,
            is_first: false,
        }
    }

    /// Bytes in a second.
    fn rate(&self) -> f64 {
        self.bytes as f64 / self.elapsed.as_secs_f64().max(0.001)
    }

    /// How long the rest will take if all goes on as it did.
    fn left(&self) -> Option<Duration> {
        let rest = self.total?.checked_sub(self.bytes).filter(|rest| *rest > 0 && self.bytes > 0 && !self.ended)?;
        Some(Duration::from_secs((rest as f64 / self.rate()) as u64))
    }
}

fn seconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_millis() as f64 / 1000.0)
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage, Bytes(self.bytes))?;
        if let Some(total) = self.total {
            let percent = u128::from(self.bytes) * 100 / u128::from(total);
            write!(f, " of {} ({percent}%)", Bytes(total))?;
        }
        write!(f, ", {} chunks new, {} reused", self.chunks_new, self.chunks_reused)?;
        if !self.is_first {
            write!(f, ", {}/s", Bytes(self.rate() as u64))?;
        }
        match self.left() {
            Some(left) => write!(f, ", {} left", Span(left)),
            None if self.ended => {
                write!(f, ", ended after {}", Span(Duration::from_millis(self.elapsed.as_millis() as u64)))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_tell_what_is_known() {
        let counters = Counters::default();
        assert_eq!(Snapshot::first("make", &counters).to_string(), "make: 0B, 0 chunks new, 0 reused");
        Counters::add(&counters.total, 4096);
        Counters::add(&counters.bytes, 1024);
        Counters::add(&counters.store_chunks, 2);
        Counters::add(&counters.seed_chunks, 3);
        let later = Snapshot::next("make", &counters, Duration::from_secs(2), false);
        assert_eq!(later.to_string(), "make: 1.0K of 4.0K (25%), 2 chunks new, 3 reused, 512B/s, 6s left");
        assert_eq!(
            serde_json::to_string(&later).unwrap(),
            r#"{"type":"progress","stage":"make","bytes":1024,"total":4096,"chunks_new":2,"chunks_reused":3,"seconds":2.0,"ended":false}"#
        );
        let last = Snapshot::next("make", &counters, Duration::from_millis(1500), true);
        assert_eq!(last.to_string(), "make: 1.0K of 4.0K (25%), 2 chunks new, 3 reused, 682B/s, ended after 1.500s");
    }
}
