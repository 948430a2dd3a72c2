//! Numbers for Prometheus, in its text format 0.0.4.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hyper::{Method, StatusCode};

/// What a request was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A chunk.
    Chunk,
    /// An index or archive.
    File,
    /// Anything else.
    Other,
}

const KINDS: [&str; 3] = ["chunk", "file", "other"];
const METHODS: [&str; 5] = ["GET", "HEAD", "PUT", "OPTIONS", "other"];
/// Hundreds of the status codes that a server gives.
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];
/// Upper bounds of the histogram, in microseconds.
const BUCKETS: [u64; 9] = [500, 1000, 2500, 5000, 10_000, 50_000, 250_000, 1_000_000, 10_000_000];

/// All counters of a server.
#[derive(Debug)]
pub(super) struct Metrics {
    begin: Instant,
    requests: [[[AtomicU64; CLASSES.len()]; METHODS.len()]; KINDS.len()],
    took: [AtomicU64; BUCKETS.len() + 1],
    took_sum: AtomicU64,
    under_way: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) received: AtomicU64,
    pub(super) chunks_found: AtomicU64,
    pub(super) chunks_missing: AtomicU64,
    pub(super) uploads_stored: AtomicU64,
    pub(super) uploads_existed: AtomicU64,
    pub(super) uploads_refused: AtomicU64,
    pub(super) store_errors: AtomicU64,
    pub(super) connections: AtomicU64,
    pub(super) connections_open: AtomicU64,
    pub(super) connections_stalled: AtomicU64,
    pub(super) handshakes_failed: AtomicU64,
    pub(super) reloads: AtomicU64,
    pub(super) log_lines_lost: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            begin: Instant::now(),
            requests: Default::default(),
            took: Default::default(),
            took_sum: AtomicU64::new(0),
            under_way: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            chunks_found: AtomicU64::new(0),
            chunks_missing: AtomicU64::new(0),
            uploads_stored: AtomicU64::new(0),
            uploads_existed: AtomicU64::new(0),
            uploads_refused: AtomicU64::new(0),
            store_errors: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            connections_open: AtomicU64::new(0),
            connections_stalled: AtomicU64::new(0),
            handshakes_failed: AtomicU64::new(0),
            reloads: AtomicU64::new(0),
            log_lines_lost: AtomicU64::new(0),
        }
    }
}

/// Adds one.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Metrics {
    /// A request has come.
    pub(super) fn begin(&self) {
        count(&self.under_way);
    }

    /// It has been answered.
    pub(super) fn end(&self, kind: Kind, method: &Method, status: StatusCode, sent: u64, took: Duration) {
        let method = METHODS.iter().position(|name| *name == method.as_str()).unwrap_or(METHODS.len() - 1);
        let class = usize::from(status.as_u16() / 100).clamp(2, 5) - 2;
        count(&self.requests[kind as usize][method][class]);
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        count(&self.took[BUCKETS.iter().position(|bound| took <= *bound).unwrap_or(BUCKETS.len())]);
        self.took_sum.fetch_add(took, Ordering::Relaxed);
        self.sent.fetch_add(sent, Ordering::Relaxed);
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }

    /// All of it as text.
    pub(super) fn text(&self) -> String {
        let mut text = String::with_capacity(4096);
        self.requests_text(&mut text);
        self.took_text(&mut text);
        for (name, kind, help, value) in [
            ("requests_under_way", "gauge", "Requests that are being answered.", &self.under_way),
            ("sent_bytes_total", "counter", "Bytes of bodies sent.", &self.sent),
            ("received_bytes_total", "counter", "Bytes of bodies received.", &self.received),
            ("chunks_found_total", "counter", "Chunks that were asked for and found.", &self.chunks_found),
            ("chunks_missing_total", "counter", "Chunks that were asked for in vain.", &self.chunks_missing),
            ("uploads_stored_total", "counter", "Uploads that were new.", &self.uploads_stored),
            ("uploads_existed_total", "counter", "Uploaded chunks that were there already.", &self.uploads_existed),
            ("uploads_refused_total", "counter", "Uploads that were not what they should be.", &self.uploads_refused),
            ("store_errors_total", "counter", "Failures of stores.", &self.store_errors),
            ("connections_total", "counter", "Connections accepted.", &self.connections),
            ("connections_open", "gauge", "Connections that are open.", &self.connections_open),
            ("connections_stalled_total", "counter", "Connections ended for doing nothing.", &self.connections_stalled),
            ("handshakes_failed_total", "counter", "TLS handshakes that failed.", &self.handshakes_failed),
            ("reloads_total", "counter", "Times that the configuration was read again.", &self.reloads),
            ("log_lines_lost_total", "counter", "Lines of the access log that were dropped.", &self.log_lines_lost),
        ] {
            head(&mut text, name, kind, help);
            let _ = writeln!(text, "casync_{name} {}", value.load(Ordering::Relaxed));
        }
        head(&mut text, "uptime_seconds", "gauge", "Time since the start.");
        let _ = writeln!(text, "casync_uptime_seconds {}", self.begin.elapsed().as_secs());
        text
    }

    fn requests_text(&self, text: &mut String) {
        head(text, "requests_total", "counter", "Requests by what they were about, method and status.");
        for (kind, methods) in KINDS.iter().zip(&self.requests) {
            for (method, classes) in METHODS.iter().zip(methods) {
                for (class, value) in CLASSES.iter().zip(classes) {
                    let value = value.load(Ordering::Relaxed);
                    if value > 0 {
                        let labels = format!("kind=\"{kind}\",method=\"{method}\",status=\"{class}\"");
                        let _ = writeln!(text, "casync_requests_total{{{labels}}} {value}");
                    }
                }
            }
        }
    }

    fn took_text(&self, text: &mut String) {
        const MICROSECONDS: f64 = 1e6;
        head(text, "request_seconds", "histogram", "Time from a request to the end of its answer.");
        let mut total = 0;
        for (bound, value) in BUCKETS.iter().zip(&self.took) {
            total += value.load(Ordering::Relaxed);
            let _ = writeln!(text, "casync_request_seconds_bucket{{le=\"{}\"}} {total}", *bound as f64 / MICROSECONDS);
        }
        total += self.took[BUCKETS.len()].load(Ordering::Relaxed);
        let sum = self.took_sum.load(Ordering::Relaxed) as f64 / MICROSECONDS;
        let _ = writeln!(text, "casync_request_seconds_bucket{{le=\"+Inf\"}} {total}");
        let _ = writeln!(text, "casync_request_seconds_sum {sum}\ncasync_request_seconds_count {total}");
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP casync_{name} {help}\n# TYPE casync_{name} {kind}");
}
