//! The progress bar of a terminal.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Counters;

/// Not before this does a bar appear: short runs stay silent.
const FIRST_DRAW: Duration = Duration::from_millis(250);
/// At most about ten times a second.
const INTERVAL: Duration = Duration::from_millis(100);

/// The bar that is on the screen, so that messages can be written above it.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Runs `write` with no bar in its way.
pub(super) fn without_bar<T>(write: impl FnOnce() -> T) -> T {
    let bar = BAR.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// Draws what `counters` say until it is told to stop.
pub(super) fn draw(label: &'static str, counters: &Counters, stopped: &mpsc::Receiver<()>) {
    let goes_on = |wait| matches!(stopped.recv_timeout(wait), Err(mpsc::RecvTimeoutError::Timeout));
    if !goes_on(FIRST_DRAW) {
        return;
    }
    let started = Instant::now().checked_sub(FIRST_DRAW).unwrap_or_else(Instant::now);
    let total = counters.total.load(Ordering::Relaxed);
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_elapsed(FIRST_DRAW);
    let template = if total > 0 {
        bar.set_length(total);
        "{prefix} {wide_bar} {bytes}/{total_bytes} {msg} {eta}"
    } else {
        "{prefix} {spinner} {bytes} {msg} {elapsed}"
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_prefix(label);
    *BAR.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
    while goes_on(INTERVAL) {
        let bytes = counters.bytes.load(Ordering::Relaxed);
        let rate = bytes as f64 / started.elapsed().as_secs_f64().max(0.001);
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let new = count(&counters.chunks_new) + count(&counters.store_chunks);
        let reused = count(&counters.chunks_reused) + count(&counters.seed_chunks);
        bar.set_message(format!("{}/s, {new} chunks new, {reused} reused", HumanBytes(rate as u64)));
        bar.set_position(bytes);
    }
    *BAR.lock().unwrap_or_else(PoisonError::into_inner) = None;
    bar.finish_and_clear();
}
