//! Stores with the same chunks, of which one is used: the first that can be reached.
//!
//! A member that fails is not asked for a while, which grows with every failure; then one request tries it again, and if
//! that succeeds it is used again. So a group returns to its first member when that is back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use casync_core::chunk::ChunkId;
use rustix::io::Errno;

use super::{Form, Inventory, Put, Store};
use crate::error::{Cause, Error, Result};
use crate::ui::log;

/// How long a member that failed is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pauses {
    /// The first time.
    pub first: Duration,
    /// Every time twice as long, up to this.
    pub longest: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), longest: Duration::from_secs(5 * 60) }
    }
}

/// A group of stores.
pub struct GroupStore {
    name: String,
    members: Vec<Member>,
    pauses: Pauses,
    /// How many times a chunk that came from the group was bad: so many members are passed over for it.
    rejected: Mutex<HashMap<ChunkId, usize>>,
}

struct Member {
    store: Arc<dyn Store>,
    state: Mutex<State>,
}

/// What is known of a member.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    failures: u32,
    /// Until when it is left alone.
    until: Option<Instant>,
}

impl GroupStore {
    /// Bad chunks that are remembered.
    const REJECTED_MAX: usize = 4096;

    /// A group of this name, of stores in the order of preference.
    pub fn new(name: impl Into<String>, stores: Vec<Arc<dyn Store>>, pauses: Pauses) -> Self {
        let member = |store| Member { store, state: Mutex::default() };
        let members = stores.into_iter().map(member).collect();
        Self { name: name.into(), members, pauses, rejected: Mutex::default() }
    }

    /// Asks the members in order until `accept` takes an answer. Without one the last answer counts, or else the first error.
    fn ask<T>(
        &self,
        skipped: usize,
        mut question: impl FnMut(&dyn Store) -> Result<T>,
        accept: impl Fn(&T) -> bool,
    ) -> Result<T> {
        let mut answer = None;
        let mut first_error = None;
        let (available, resting): (Vec<&Member>, Vec<&Member>) =
            self.members.iter().cycle().skip(skipped).take(self.members.len()).partition(|member| self.may_ask(member));
        // If all have failed lately, one of them may be back.
        let resting = resting.into_iter().map(|member| (member, true));
        for (member, last_resort) in available.into_iter().map(|member| (member, false)).chain(resting) {
            if last_resort && answer.is_some() {
                break;
            }
            match question(&*member.store) {
                Ok(found) => {
                    self.note_success(member);
                    if accept(&found) {
                        return Ok(found);
                    }
                    answer = Some(found);
                }
                Err(error) if matches!(error.cause(), Cause::Interrupted) => return Err(error),
                Err(error) => {
                    self.note_failure(member, &error);
                    first_error = first_error.or(Some(error));
                }
            }
        }
        match (answer, first_error) {
            (Some(answer), _) => Ok(answer),
            (None, Some(error)) => Err(error.context(format!("group {:?}", self.name))),
            (None, None) => Err(Error::new(Errno::NODEV, format!("group {:?} has no stores", self.name))),
        }
    }

    /// Whether a member may be asked. One that had to be left alone until now is so again, so that one request tries it and
    /// the others do not wait for that.
    fn may_ask(&self, member: &Member) -> bool {
        let now = Instant::now();
        let mut state = member.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.until = Some(now + self.pause(state.failures));
                true
            }
        }
    }

    fn pause(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        self.pauses.first.saturating_mul(1 << doublings).min(self.pauses.longest)
    }

    fn note_success(&self, member: &Member) {
        let mut state = member.state.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut *state).failures > 0 {
            log::info(format_args!("Store {:?} of group {:?} can be used again.", member.store.name(), self.name));
        }
    }

    fn note_failure(&self, member: &Member, error: &Error) {
        let mut state = member.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures = state.failures.saturating_add(1);
        let pause = self.pause(state.failures);
        state.until = Some(Instant::now() + pause);
        let first = state.failures == 1;
        drop(state);
        let name = member.store.name();
        let text = format!("Store {name:?} of group {:?} is left alone for {pause:?}: {error}", self.name);
        if first { log::info(text) } else { log::debug(text) }
    }

    fn skipped(&self, id: &ChunkId) -> usize {
        let rejected = self.rejected.lock().unwrap_or_else(PoisonError::into_inner);
        rejected.get(id).copied().unwrap_or(0) % self.members.len().max(1)
    }
}

#[deny(clippy::missing_trait_methods)]
impl Store for GroupStore {
    fn get(&self, id: &ChunkId, form: Form, buffer: &mut Vec<u8>) -> Result<bool> {
        self.ask(self.skipped(id), |store| store.get(id, form, buffer), |found| *found)
    }

    fn has(&self, id: &ChunkId) -> Result<bool> {
        self.ask(0, |store| store.has(id), |found| *found)
    }

    fn stored_size(&self, id: &ChunkId) -> Result<Option<u64>> {
        self.ask(0, |store| store.stored_size(id), Option::is_some)
    }

    fn hold(&self, id: &ChunkId) -> Result<bool> {
        self.ask(0, |store| store.hold(id), |found| *found)
    }

    fn reject(&self, id: &ChunkId) {
        let mut rejected = self.rejected.lock().unwrap_or_else(PoisonError::into_inner);
        if rejected.len() >= Self::REJECTED_MAX {
            rejected.clear();
        }
        *rejected.entry(*id).or_insert(0) += 1;
        drop(rejected);
        self.members.iter().for_each(|member| member.store.reject(id));
    }

    /// To the first member that takes it.
    fn put(&self, id: &ChunkId, form: Form, bytes: &[u8]) -> Result<Put> {
        self.ask(0, |store| store.put(id, form, bytes), |_| true)
    }

    fn finish(&self) -> Result<()> {
        self.members.iter().try_for_each(|member| member.store.finish())
    }

    fn width(&self) -> usize {
        self.members.iter().map(|member| member.store.width()).max().unwrap_or(0)
    }

    fn path(&self, id: &ChunkId, form: Form) -> String {
        self.members.first().map_or_else(String::new, |member| member.store.path(id, form))
    }

    /// Its members can differ: who looks through one has to say which.
    fn inventory(&self) -> Option<&dyn Inventory> {
        None
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl std::fmt::Debug for GroupStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let members = self.members.iter().map(|member| member.store.name());
        f.debug_struct("GroupStore").field("name", &self.name).field("members", &members.collect::<Vec<_>>()).finish()
    }
}
