//! A progress bar on a terminal; nothing anywhere else.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Not before this does a bar appear: short runs stay silent.
const FIRST_DRAW: Duration = Duration::from_millis(250);
/// At most about ten times a second.
const INTERVAL: Duration = Duration::from_millis(100);

/// What the pipelines count; any thread adds, the bar reads.
#[derive(Debug, Default)]
pub struct Counters {
    /// Bytes that the job will take in all; 0 if that is unknown.
    pub total: AtomicU64,
    /// Bytes done.
    pub bytes: AtomicU64,
    /// Chunks that were stored.
    pub chunks_new: AtomicU64,
    /// Chunks that the store had already.
    pub chunks_reused: AtomicU64,
    /// Chunks that were loaded from stores.
    pub store_chunks: AtomicU64,
    /// Their plain bytes.
    pub store_bytes: AtomicU64,
    /// Chunks that were taken from seeds.
    pub seed_chunks: AtomicU64,
    /// Their plain bytes.
    pub seed_bytes: AtomicU64,
    /// Bytes of seeds that became part of the output by reference.
    pub cloned_bytes: AtomicU64,
}

impl Counters {
    /// Adds to a counter.
    pub fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }
}

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

/// Draws a bar until it is dropped.
#[derive(Debug)]
pub struct Progress {
    stop: Option<mpsc::Sender<()>>,
    drawing: Option<JoinHandle<()>>,
}

impl Progress {
    /// Starts to draw what `counters` say, if standard error is a terminal.
    pub fn start(label: &'static str, counters: Arc<Counters>) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { stop: None, drawing: None };
        }
        let (stop, stopped) = mpsc::channel();
        let drawing = std::thread::Builder::new().name("progress".to_owned());
        let drawing = drawing.spawn(move || draw(label, &counters, &stopped)).ok();
        Self { stop: Some(stop), drawing }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(drawing) = self.drawing.take() {
            let _ = drawing.join();
        }
    }
}

fn draw(label: &'static str, counters: &Counters, stopped: &mpsc::Receiver<()>) {
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
