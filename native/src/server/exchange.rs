//! One request and its answer, from the first byte to the last: what is counted and logged of them, and whether they get on.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use hyper::{Method, StatusCode, Version};

use super::log::{Line, Log};
use super::metrics::{Kind, Metrics};

/// Whether a connection gets on: for who ends those that do not.
#[derive(Debug)]
pub(super) struct Pulse {
    begin: Instant,
    /// Milliseconds since `begin` when something was last received or taken.
    last: AtomicU64,
    /// Requests under way.
    open: AtomicUsize,
    /// Those of them that wait for this side: for a disk, another store, memory.
    busy: AtomicUsize,
}

impl Pulse {
    /// That of a new connection.
    pub(super) fn new() -> Self {
        Self { begin: Instant::now(), last: AtomicU64::new(0), open: AtomicUsize::new(0), busy: AtomicUsize::new(0) }
    }

    /// Something was received or taken.
    pub(super) fn beat(&self) {
        let now = u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }

    /// How long the other side has done nothing although it is its turn.
    pub(super) fn silence(&self) -> Duration {
        if self.busy.load(Ordering::Acquire) > 0 {
            self.beat();
        }
        self.begin.elapsed().saturating_sub(Duration::from_millis(self.last.load(Ordering::Relaxed)))
    }

    /// Whether requests are under way.
    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire) > 0
    }
}

/// What was asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) peer: IpAddr,
    pub(super) method: Method,
    /// Without the query, which may hold secrets.
    pub(super) path: String,
    pub(super) version: Version,
}

/// A request under way.
#[derive(Debug)]
pub(super) struct Exchange {
    asked: Asked,
    kind: Kind,
    status: StatusCode,
    began: Instant,
    time: SystemTime,
    sent: u64,
    busy: bool,
    metrics: Arc<Metrics>,
    log: Arc<Log>,
    pulse: Arc<Pulse>,
    ended: bool,
}

impl Exchange {
    /// One that begins, with this side at work.
    pub(super) fn begin(asked: Asked, metrics: &Arc<Metrics>, log: &Arc<Log>, pulse: &Arc<Pulse>) -> Self {
        pulse.beat();
        pulse.open.fetch_add(1, Ordering::AcqRel);
        pulse.busy.fetch_add(1, Ordering::AcqRel);
        metrics.begin();
        Self {
            asked,
            kind: Kind::Other,
            status: StatusCode::INTERNAL_SERVER_ERROR,
            began: Instant::now(),
            time: SystemTime::now(),
            sent: 0,
            busy: true,
            metrics: Arc::clone(metrics),
            log: Arc::clone(log),
            pulse: Arc::clone(pulse),
            ended: false,
        }
    }

    /// The answer is known: from now on it is the other side's turn.
    pub(super) fn answered(&mut self, kind: Kind, status: StatusCode) {
        (self.kind, self.status) = (kind, status);
        self.set_busy(false);
    }

    /// This side has to wait for something of its own.
    pub(super) fn wait(&mut self) {
        self.set_busy(true);
    }

    /// A piece was taken, or could not be had.
    pub(super) fn sent(&mut self, piece: &io::Result<Bytes>) {
        self.set_busy(false);
        self.sent += piece.as_ref().map_or(0, |piece| piece.len() as u64);
    }

    /// While a body is received it is the other side's turn.
    pub(super) fn receiving(&self) -> Receiving<'_> {
        self.pulse.beat();
        self.pulse.busy.fetch_sub(1, Ordering::AcqRel);
        Receiving(&self.pulse)
    }

    /// It is over. `whole`: all that was announced was taken.
    pub(super) fn end(&mut self, whole: bool) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.set_busy(false);
        self.pulse.open.fetch_sub(1, Ordering::AcqRel);
        let took = self.began.elapsed();
        self.metrics.end(self.kind, &self.asked.method, self.status, self.sent, took);
        self.log.write(&Line {
            asked: &self.asked,
            status: self.status,
            bytes: self.sent,
            time: self.time,
            took,
            whole,
        });
    }

    fn set_busy(&mut self, busy: bool) {
        self.pulse.beat();
        match (self.busy, busy) {
            (false, true) => drop(self.pulse.busy.fetch_add(1, Ordering::AcqRel)),
            (true, false) => drop(self.pulse.busy.fetch_sub(1, Ordering::AcqRel)),
            _ => {}
        }
        self.busy = busy;
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.end(false);
    }
}

/// A body that is received.
#[derive(Debug)]
pub(super) struct Receiving<'a>(&'a Pulse);

impl Drop for Receiving<'_> {
    fn drop(&mut self) {
        self.0.beat();
        self.0.busy.fetch_add(1, Ordering::AcqRel);
    }
}
