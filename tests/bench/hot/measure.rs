//! How a function is measured: calls are repeated until they last long enough for the clock, and the fastest of several
//! such batches counts, because whatever else the machine does can only make one slower.

use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// How long a batch lasts at least.
const BATCH: Duration = Duration::from_millis(200);

/// How many of them.
const BATCHES: usize = 5;

/// A function with its input.
pub(crate) struct Case {
    /// For `--only` and reports.
    pub(crate) name: &'static str,
    /// In a few words.
    pub(crate) what: &'static str,
    /// What else is counted, besides bytes.
    pub(crate) items: &'static str,
    /// Bytes that a call works through.
    bytes: usize,
    /// Items that a call has to find there.
    expected: usize,
    call: Box<dyn FnMut() -> usize>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a second is good for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) bytes: f64,
    pub(crate) items: f64,
    /// How much longer the slowest batch took than the fastest, as a part of that.
    pub(crate) spread: f64,
}

impl Case {
    /// A function that goes through so many bytes and returns how many items it found.
    pub(crate) fn new(
        (name, what): (&'static str, &'static str),
        bytes: usize,
        (expected, items): (usize, &'static str),
        call: impl FnMut() -> usize + 'static,
    ) -> Self {
        Self { name, what, items, bytes, expected, call: Box::new(call) }
    }

    /// Measures it; if `once`, only to see whether it works.
    pub(crate) fn measure(&mut self, once: bool) -> Rate {
        // The first call touches memory that the later ones reuse.
        let found = (self.call)();
        assert_eq!(found, self.expected, "{}: {}", self.name, self.items);
        let (least, batches) = if once { (Duration::ZERO, 1) } else { (BATCH, BATCHES) };
        let mut seconds: Vec<f64> = (0..batches).map(|_| self.batch(least)).collect();
        seconds.sort_by(f64::total_cmp);
        let (fastest, slowest) = (seconds[0], seconds[seconds.len() - 1]);
        Rate {
            bytes: self.bytes as f64 / fastest,
            items: self.expected as f64 / fastest,
            spread: slowest / fastest - 1.0,
        }
    }

    /// Seconds for each call.
    fn batch(&mut self, least: Duration) -> f64 {
        let started = Instant::now();
        let mut calls = 0;
        loop {
            black_box((self.call)());
            calls += 1;
            let elapsed = started.elapsed();
            if elapsed >= least {
                // A clock may stand still for one short call.
                return elapsed.as_secs_f64().max(1e-9) / f64::from(calls);
            }
        }
    }
}
