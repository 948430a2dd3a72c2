//! `--rate-limit-bps=`: one allowance for all connections of a run.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::runtime;
use crate::error::Result;

/// Bytes that may be moved, refilled with time.
#[derive(Debug)]
pub struct Rate {
    bytes_per_second: f64,
    /// When all that was taken so far will have been paid for.
    paid: Mutex<Instant>,
}

impl Rate {
    /// What may be moved at once after a time of silence, in seconds of the rate.
    const BURST: Duration = Duration::from_millis(50);

    /// So many bytes a second.
    pub fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second: bytes_per_second.max(1) as f64, paid: Mutex::new(Instant::now()) }
    }

    /// What it is.
    pub fn bytes_per_second(&self) -> u64 {
        self.bytes_per_second as u64
    }

    /// The one of this run, whoever asks first.
    pub fn of_run(bytes_per_second: u64) -> Arc<Self> {
        static RUN: OnceLock<Arc<Rate>> = OnceLock::new();
        Arc::clone(RUN.get_or_init(|| Arc::new(Self::new(bytes_per_second))))
    }

    /// Takes note of bytes that were moved, or are about to be; returns how long to wait before more may be.
    pub(super) fn take(&self, bytes: usize) -> Duration {
        let cost = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second);
        let now = Instant::now();
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        *paid = (*paid).max(now) + cost;
        paid.saturating_duration_since(now).saturating_sub(Self::BURST)
    }

    /// Waits until the bytes that were moved, or are about to be, are within the limit.
    pub async fn wait(&self, bytes: usize) {
        let pause = self.take(bytes);
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }

    /// The same for those who block.
    ///
    /// # Errors
    ///
    /// Once somebody wants to stop.
    pub fn block(&self, bytes: usize) -> Result<()> {
        let pause = self.take(bytes);
        if pause.is_zero() {
            return Ok(());
        }
        runtime::wait(async {
            tokio::time::sleep(pause).await;
            Ok(())
        })
    }
}

/// How long bytes may take to be sent, where nothing tells how far they have come.
pub(super) fn time_for(bytes: u64, rate: Option<&Rate>) -> Duration {
    const SLOWEST: u64 = 16 << 10;
    let limit = rate.map_or(u64::MAX, Rate::bytes_per_second);
    Duration::from_secs(bytes / SLOWEST.min(limit / 2).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_takers_share_the_limit() {
        let rate = Rate::new(1000);
        assert!(rate.take(10).is_zero(), "within a burst");
        let (first, second) = (rate.take(1000), rate.take(1000));
        assert!(first > Duration::from_millis(900) && first < Duration::from_millis(1100), "{first:?}");
        assert!(second - first > Duration::from_millis(950), "{second:?}");
    }
}
