//! How far a job has come: shown as a bar, as lines for people or programs, and to the service manager.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::snapshot::Snapshot;
use super::{bar, notify};

/// How often lines for people are written: they go to logs.
const PLAIN_INTERVAL: Duration = Duration::from_secs(3);
/// How often lines for programs are: they go to displays.
const JSON_INTERVAL: Duration = Duration::from_millis(500);

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
    /// Those of them that came from stores on other hosts.
    pub far_chunks: AtomicU64,
    /// Their plain bytes.
    pub far_bytes: AtomicU64,
    /// Chunks that were taken from seeds.
    pub seed_chunks: AtomicU64,
    /// Their plain bytes.
    pub seed_bytes: AtomicU64,
    /// Bytes of seeds that became part of the output by reference.
    pub cloned_bytes: AtomicU64,
    /// Bytes in files that became links to those of seeds.
    pub linked_bytes: AtomicU64,
}

impl Counters {
    /// Adds to a counter.
    pub fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }
}

/// How progress is shown on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Style {
    /// A bar on a terminal, nothing elsewhere.
    #[default]
    Auto,
    /// A bar on a terminal, lines elsewhere.
    Bar,
    /// A line every few seconds, and one at the end.
    Plain,
    /// An object a line, at the start, twice a second, and at the end.
    Json,
    /// Not at all.
    None,
}

impl Style {
    /// The names of all styles.
    pub const NAMES: [(&str, Self); 5] =
        [("auto", Self::Auto), ("bar", Self::Bar), ("plain", Self::Plain), ("json", Self::Json), ("none", Self::None)];
}

/// An index into [`Style::NAMES`].
static STYLE: AtomicU8 = AtomicU8::new(0);

/// Chooses how progress is shown from now on.
pub fn set_style(style: Style) {
    STYLE.store(style as u8, Ordering::Relaxed);
}

/// The style that is in effect, with what `Auto` and `Bar` come to here.
fn style() -> Style {
    let chosen = Style::NAMES.get(usize::from(STYLE.load(Ordering::Relaxed))).map_or(Style::Auto, |(_, style)| *style);
    match (chosen, std::io::stderr().is_terminal()) {
        (Style::Auto | Style::Bar, true) => Style::Bar,
        (Style::Auto, false) => Style::None,
        (Style::Bar, false) => Style::Plain,
        (other, _) => other,
    }
}

/// Shows progress until it is dropped.
#[derive(Debug, Default)]
pub struct Progress {
    stop: Vec<mpsc::Sender<()>>,
    showing: Vec<JoinHandle<()>>,
}

impl Progress {
    /// Starts to show what `counters` say, in the chosen style and to the service manager.
    pub fn start(label: &'static str, counters: Arc<Counters>) -> Self {
        let mut progress = Self::default();
        match style() {
            Style::Bar => {
                let counters = Arc::clone(&counters);
                progress.spawn(move |stopped| bar::draw(label, &counters, stopped));
            }
            Style::Plain => progress.lines(label, &counters, PLAIN_INTERVAL, plain),
            Style::Json => progress.lines(label, &counters, JSON_INTERVAL, json),
            Style::Auto | Style::None => {}
        }
        if notify::is_wanted() {
            progress.lines(label, &counters, PLAIN_INTERVAL, status);
        }
        progress
    }

    fn lines(&mut self, label: &'static str, counters: &Arc<Counters>, every: Duration, show: fn(&Snapshot)) {
        let (counters, started) = (Arc::clone(counters), Instant::now());
        self.spawn(move |stopped| {
            let mut snapshot = Snapshot::first(label, &counters);
            show(&snapshot);
            while !snapshot.ended {
                let ended = !matches!(stopped.recv_timeout(every), Err(mpsc::RecvTimeoutError::Timeout));
                snapshot = Snapshot::next(label, &counters, started.elapsed(), ended);
                show(&snapshot);
            }
        });
    }

    fn spawn(&mut self, show: impl FnOnce(&mpsc::Receiver<()>) + Send + 'static) {
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::Builder::new().name("progress".to_owned());
        // A job goes on if nobody can show how far it is.
        self.showing.extend(thread.spawn(move || show(&stopped)));
        self.stop.push(stop);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.stop.clear();
        for thread in self.showing.drain(..) {
            let _ = thread.join();
        }
    }
}

fn plain(snapshot: &Snapshot) {
    // Most jobs are short: what has only begun is not worth a line.
    if !snapshot.is_first {
        write(&snapshot.to_string());
    }
}

fn json(snapshot: &Snapshot) {
    if let Ok(line) = serde_json::to_string(snapshot) {
        write(&line);
    }
}

fn status(snapshot: &Snapshot) {
    notify::status(&snapshot.to_string());
}

/// One write a line, whatever the log level is; if standard error is gone, so be it.
fn write(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_are_found_by_their_numbers() {
        for (number, (name, style)) in Style::NAMES.into_iter().enumerate() {
            assert_eq!(style as usize, number, "{name}");
        }
    }
}
