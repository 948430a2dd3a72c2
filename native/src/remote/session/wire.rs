//! A [`Session`] between two pipes: one thread reads, another writes, and neither waits for the other.
//!
//! Whoever wants something locks the state, says it to the session, and waits for what the [`Inbox`] makes of the answers.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use casync_core::session::{Event, Services, Session, SessionStep};
use rustix::io::Errno;

use crate::error::{Context as _, Error, Result};
use crate::flow::stop;
use crate::remote::rate::Rate;

/// Bytes that are read or written at once.
const PIECE: usize = 64 << 10;

/// What takes in the messages of the other side.
pub(in crate::remote) trait Inbox: Send + 'static {
    /// Takes one, all but HELLO and ABORT.
    ///
    /// # Errors
    ///
    /// If it may not come now: that ends the session.
    fn take(&mut self, session: &mut Session, event: Event<'_>) -> Result<()>;

    /// Whether nothing more is to be read for now.
    fn is_full(&self) -> bool {
        false
    }
}

/// How long the other side may let itself be waited for.
#[derive(Clone, Copy, Debug)]
pub(in crate::remote) struct Patience {
    /// Silence while it owes an answer.
    pub(in crate::remote) answer: Duration,
    /// Silence while it may have other things to do.
    pub(in crate::remote) idle: Duration,
}

impl Patience {
    /// Two minutes, or as many seconds as `CASYNC_REMOTE_TIMEOUT` says; thirty times that for who owes nothing.
    pub(in crate::remote) fn from_environment() -> Self {
        let set = std::env::var("CASYNC_REMOTE_TIMEOUT").ok().and_then(|text| text.parse().ok());
        let answer = Duration::from_secs(set.filter(|seconds| (1..=1_000_000).contains(seconds)).unwrap_or(120));
        Self { answer, idle: answer * 30 }
    }
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::remote) enum For {
    /// Something that the other side owes: it may not close its end before.
    Answer,
    /// Something that it may send when it likes; it may not close its end before.
    More,
    /// Room for what is to be said; it need not say anything any more.
    Room,
}

/// A session with its threads.
pub(in crate::remote) struct Wire<I> {
    state: Mutex<State<I>>,
    changed: Condvar,
    peer: String,
    patience: Patience,
    rate: Option<Arc<Rate>>,
}

/// What the threads share.
pub(in crate::remote) struct State<I> {
    pub(in crate::remote) session: Session,
    pub(in crate::remote) inbox: I,
    failed: Option<Error>,
    /// The other side has closed its end.
    ended: bool,
    /// It reads no more.
    deaf: bool,
    /// When all is written, this side closes its end; what still comes is not looked at.
    closing: bool,
    closed: bool,
    /// When something was read or written last.
    progress: Instant,
}

impl<I> State<I> {
    /// Whether the other side has closed its end, and all it said was taken in.
    pub(in crate::remote) const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether nothing more need be done for the other side.
    pub(in crate::remote) const fn is_over(&self) -> bool {
        self.deaf || self.closing || self.failed.is_some()
    }
}

impl<I: Inbox> Wire<I> {
    /// Starts to talk. `peer` is what errors call the other side.
    pub(in crate::remote) fn start(
        session: Session,
        inbox: I,
        (input, output): (OwnedFd, OwnedFd),
        peer: String,
        rate: Option<Arc<Rate>>,
    ) -> Result<Arc<Self>> {
        let state = State {
            session,
            inbox,
            failed: None,
            ended: false,
            deaf: false,
            closing: false,
            closed: false,
            progress: Instant::now(),
        };
        let patience = Patience::from_environment();
        let wire = Arc::new(Self { state: Mutex::new(state), changed: Condvar::new(), peer, patience, rate });
        let (reader, writer) = (Arc::clone(&wire), Arc::clone(&wire));
        // They end with the other side, or when this one closes; nobody waits for them, since a pipe may not let go.
        Builder::new().spawn(move || reader.read_all(&input)).context(|| "start a thread")?;
        Builder::new().spawn(move || writer.write_all(output)).context(|| "start a thread")?;
        Ok(wire)
    }

    fn lock(&self) -> MutexGuard<'_, State<I>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with session and inbox, and lets everybody look again.
    pub(in crate::remote) fn act<T>(&self, act: impl FnOnce(&mut State<I>) -> T) -> T {
        let result = act(&mut self.lock());
        self.changed.notify_all();
        result
    }

    /// Waits until `ready` has something, or fails.
    ///
    /// # Errors
    ///
    /// Those of `ready`, whatever ended the session, and silence that lasts too long.
    pub(in crate::remote) fn wait<T>(
        &self,
        what: For,
        mut ready: impl FnMut(&mut State<I>) -> Result<Option<T>>,
    ) -> Result<T> {
        let started = Instant::now();
        let patience = if what == For::Answer { self.patience.answer } else { self.patience.idle };
        let mut state = self.lock();
        loop {
            if let Some(value) = ready(&mut state)? {
                drop(state);
                self.changed.notify_all();
                return Ok(value);
            }
            if let Some(error) = &state.failed {
                return Err(error.clone());
            }
            // What reads no more may still say why.
            if state.ended && (state.deaf || what != For::Room) {
                return Err(self.gone());
            }
            let silent = state.progress.max(started).elapsed();
            let Some(rest) = patience.checked_sub(silent).filter(|rest| !rest.is_zero()) else {
                let seconds = patience.as_secs();
                return Err(Error::new(Errno::TIMEDOUT, format!("{} has been silent for {seconds} s", self.peer))
                    .hint("CASYNC_REMOTE_TIMEOUT= can be set to more seconds"));
            };
            state = self.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for what the other side offers and asks for.
    ///
    /// # Errors
    ///
    /// As [`Self::wait`].
    pub(in crate::remote) fn hello(&self) -> Result<Services> {
        self.wait(For::Answer, |state| Ok(state.session.remote()))
    }

    /// Ends the session with an error, if it has none yet.
    pub(in crate::remote) fn fail(&self, error: Error) {
        self.act(|state| state.failed.get_or_insert(error).clone());
    }

    /// From now on nothing is added, and nothing that comes is looked at.
    pub(in crate::remote) fn close(&self) {
        self.act(|state| state.closing = true);
    }

    /// Waits until everything was written and this side's end is closed, but not for ever.
    pub(in crate::remote) fn flush(&self, most: Duration) {
        let deadline = Instant::now() + most;
        let mut state = self.lock();
        while !state.closed
            && let Some(rest) = deadline.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero())
        {
            state = self.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn gone(&self) -> Error {
        Error::new(Errno::PIPE, format!("{} has closed the connection", self.peer))
    }

    /// The reading thread.
    fn read_all(&self, input: &OwnedFd) {
        if let Err(error) = self.try_read_all(input) {
            self.fail(error);
        }
        self.act(|state| state.ended = true);
    }

    fn try_read_all(&self, input: &OwnedFd) -> Result<()> {
        let mut buffer = vec![0; PIECE];
        loop {
            self.wait_for_space()?;
            stop::wait_readable(input)?;
            let count = match rustix::io::read(input, &mut *buffer) {
                Ok(count) => count,
                Err(Errno::INTR | Errno::AGAIN) => continue,
                Err(errno) => return Err(Error::from(errno).context(format!("read from {}", self.peer))),
            };
            if let Some(rate) = &self.rate {
                rate.block(count)?;
            }
            let mut state = self.lock();
            state.progress = Instant::now();
            if count == 0 {
                let finished = if state.is_over() { Ok(()) } else { state.session.finish() };
                return finished.map_err(|_| self.gone());
            }
            let taken = self.take(&mut state, &buffer[..count]);
            drop(state);
            self.changed.notify_all();
            taken?;
        }
    }

    /// Waits while the inbox is full.
    fn wait_for_space(&self) -> Result<()> {
        let mut state = self.lock();
        while state.inbox.is_full() && !state.is_over() {
            // Now and then, since a signal does not wake this.
            let look = Duration::from_millis(500);
            state = self.changed.wait_timeout(state, look).unwrap_or_else(PoisonError::into_inner).0;
            stop::check()?;
        }
        Ok(())
    }

    fn take(&self, state: &mut State<I>, mut bytes: &[u8]) -> Result<()> {
        // After a failure and at the end the pipe is only emptied.
        while !state.is_over() {
            let step = state.session.step(bytes).map_err(|error| self.misbehaved(error.into()))?;
            let SessionStep::Did { used, event } = step else { return Ok(()) };
            bytes = &bytes[used..];
            match event {
                Event::Hello(_) => {}
                Event::Abort { errno, reason } => return Err(self.aborted(errno, &reason)),
                event => state.inbox.take(&mut state.session, event).map_err(|error| self.misbehaved(error))?,
            }
        }
        Ok(())
    }

    fn misbehaved(&self, error: Error) -> Error {
        error.context(format!("talk with {}", self.peer))
    }

    fn aborted(&self, errno: u32, reason: &str) -> Error {
        let errno = i32::try_from(errno).ok().filter(|errno| (1..4096).contains(errno));
        let errno = errno.map_or(Errno::CONNABORTED, Errno::from_raw_os_error);
        let reason = if reason.is_empty() { crate::error::strerror(errno) } else { reason.to_owned() };
        let error = Error::new(errno, format!("{} gave up: {reason}", self.peer));
        // compat: upstream's words for what a helper did not find.
        if errno == Errno::NOMEDIUM { error.headed("File, URL or resource not found.") } else { error }
    }

    /// The writing thread.
    fn write_all(&self, output: OwnedFd) {
        let written = self.try_write_all(&output);
        drop(output);
        if let Err(error) = written {
            // It may have said why it goes: that is for the reading thread to tell.
            let is_gone = matches!(error.cause(), crate::error::Cause::Os(Errno::PIPE | Errno::CONNRESET));
            self.act(|state| state.deaf = true);
            if !is_gone {
                self.fail(error.context(format!("write to {}", self.peer)));
            }
        }
        self.act(|state| state.closed = true);
    }

    fn try_write_all(&self, output: &OwnedFd) -> Result<()> {
        let mut piece = Vec::with_capacity(PIECE);
        loop {
            let mut state = self.lock();
            while state.session.outgoing().is_empty() {
                if state.closing {
                    return Ok(());
                }
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let bytes = state.session.outgoing();
            piece.clear();
            piece.extend_from_slice(&bytes[..bytes.len().min(PIECE)]);
            drop(state);
            stop::wait_writable(output)?;
            let count = match rustix::io::write(output, &piece) {
                Ok(count) => count,
                Err(Errno::INTR | Errno::AGAIN) => continue,
                Err(errno) => return Err(errno.into()),
            };
            if let Some(rate) = &self.rate {
                rate.block(count)?;
            }
            self.act(|state| {
                state.session.sent(count);
                state.progress = Instant::now();
            });
        }
    }
}

impl<I> std::fmt::Debug for Wire<I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").field("peer", &self.peer).finish_non_exhaustive()
    }
}
