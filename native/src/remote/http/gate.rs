//! How many requests are under way at the same time: more as long as that makes it faster, fewer when it is too much.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Lets in so many at a time as have proved useful.
#[derive(Debug)]
pub(in crate::remote) struct Gate {
    state: Mutex<State>,
    left: Notify,
}

#[derive(Debug)]
struct State {
    limit: usize,
    max: usize,
    inside: usize,
    /// What the answers since `since` amount to.
    bytes: u64,
    answers: usize,
    since: Instant,
    /// Whether somebody had to wait meanwhile: else the limit says nothing about the speed.
    full: bool,
    /// Bytes a second before the last change.
    before: f64,
    /// Periods to go on without another change.
    rest: u32,
}

/// Somebody who is inside. Dropped, it leaves.
#[derive(Debug)]
pub(in crate::remote) struct Pass<'a> {
    gate: &'a Gate,
}

impl Gate {
    /// Requests to begin with.
    const FIRST: usize = 32;
    /// Faster by this factor is worth more requests.
    const WORTH: f64 = 1.15;
    /// Periods after which more requests are tried again though they did not help.
    const REST: u32 = 12;

    /// Lets in no more than `max`.
    pub(in crate::remote) fn new(max: usize) -> Self {
        let max = max.max(1);
        let state = State {
            limit: Self::FIRST.min(max),
            max,
            inside: 0,
            bytes: 0,
            answers: 0,
            since: Instant::now(),
            full: false,
            before: 0.0,
            rest: 0,
        };
        Self { state: Mutex::new(state), left: Notify::new() }
    }

    /// Waits for a place.
    pub(in crate::remote) async fn enter(&self) -> Pass<'_> {
        loop {
            let left = self.left.notified();
            if self.try_enter() {
                return Pass { gate: self };
            }
            left.await;
        }
    }

    fn try_enter(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.inside >= state.limit {
            state.full = true;
            return false;
        }
        if state.inside == 0 {
            state.begin(Instant::now());
        }
        state.inside += 1;
        true
    }
}

impl Pass<'_> {
    /// An answer has come.
    pub(in crate::remote) fn answered(&self, bytes: usize) {
        let mut state = self.gate.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.answered(bytes, Instant::now());
        let grown = state.limit > state.inside;
        drop(state);
        if grown {
            self.gate.left.notify_waiters();
        }
    }

    /// The other side has too much to do.
    pub(in crate::remote) fn overloaded(&self) {
        let mut state = self.gate.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.overloaded(Instant::now());
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.gate.state.lock().unwrap_or_else(PoisonError::into_inner).inside -= 1;
        self.gate.left.notify_one();
    }
}

impl State {
    fn begin(&mut self, now: Instant) {
        (self.bytes, self.answers, self.since, self.full) = (0, 0, now, false);
    }

    fn answered(&mut self, bytes: usize, now: Instant) {
        /// Shorter periods would measure chance.
        const PERIOD: Duration = Duration::from_millis(20);
        self.bytes += bytes as u64;
        self.answers += 1;
        let elapsed = now.saturating_duration_since(self.since);
        if self.answers < self.limit || elapsed < PERIOD {
            return;
        }
        if self.full {
            self.judge(self.bytes as f64 / elapsed.as_secs_f64());
        }
        self.begin(now);
    }

    /// Decides after a period with all places taken.
    fn judge(&mut self, rate: f64) {
        if self.rest > 0 {
            self.rest -= 1;
            self.before = self.before.max(rate);
        } else if rate > self.before * Gate::WORTH {
            self.before = rate;
            self.limit = (self.limit * 2).min(self.max);
        } else {
            self.rest = Gate::REST;
            self.before = rate / Gate::WORTH;
        }
    }

    fn overloaded(&mut self, now: Instant) {
        // Those who were let in together fail together: that is one lesson.
        if self.answers > 0 || self.rest == 0 {
            self.limit = (self.limit / 2).max(1);
        }
        self.rest = Gate::REST;
        self.before = 0.0;
        self.begin(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The limit after some periods on a link that takes `useful` requests to fill.
    fn settled(useful: usize, max: usize) -> usize {
        let gate = Gate::new(max);
        let mut state = gate.state.into_inner().unwrap();
        let mut now = Instant::now();
        state.begin(now);
        for _ in 0..100_000 {
            // A round trip of 50 ms, shared by all who are inside, unless the link is full.
            let inside = state.limit.min(useful);
            now += Duration::from_secs_f64(0.05 / inside as f64);
            state.full = true;
            state.answered(50_000, now);
        }
        state.limit
    }

    #[test]
    fn grows_until_the_link_is_full() {
        assert_eq!(settled(1000, 128), 128);
        let limit = settled(40, 1024);
        assert!((40..=160).contains(&limit), "{limit}");
    }

    #[test]
    fn backs_off() {
        let gate = Gate::new(64);
        let mut state = gate.state.into_inner().unwrap();
        let first = state.limit;
        for _ in 0..3 {
            state.overloaded(Instant::now());
        }
        assert_eq!(state.limit, first / 2, "one burst of failures is one lesson");
        for _ in 0..10 {
            state.answered(1, Instant::now());
            state.overloaded(Instant::now());
        }
        assert_eq!(state.limit, 1);
    }
}
