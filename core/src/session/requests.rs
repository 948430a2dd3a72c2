//! Who wants which chunk: each side's own wishes, and those of the other one (spec: remote.md 5).

use alloc::collections::{BTreeMap, VecDeque};

use crate::chunk::ChunkId;
use crate::error::{Error, Limited, Result};
use crate::record::Priority;

/// Ids in the order in which they were asked for, the urgent ones first.
#[derive(Clone, Debug, Default)]
struct Queues {
    high: VecDeque<ChunkId>,
    low: VecDeque<ChunkId>,
}

impl Queues {
    fn push(&mut self, id: ChunkId, priority: Priority) {
        match priority {
            Priority::High => self.high.push_back(id),
            Priority::Low => self.low.push_back(id),
        }
    }

    /// The next id for which `is_current` holds: an id that became urgent stays in the other queue, too.
    fn pop(&mut self, is_current: &mut impl FnMut(&ChunkId, Priority) -> bool) -> Option<(ChunkId, Priority)> {
        [Priority::High, Priority::Low]
            .into_iter()
            .find_map(|priority| Some((self.pop_from(priority, is_current)?, priority)))
    }

    fn pop_from(
        &mut self,
        priority: Priority,
        is_current: &mut impl FnMut(&ChunkId, Priority) -> bool,
    ) -> Option<ChunkId> {
        let queue = if priority == Priority::High { &mut self.high } else { &mut self.low };
        while let Some(id) = queue.pop_front() {
            if is_current(&id, priority) {
                return Some(id);
            }
        }
        None
    }
}

/// The state of one id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wish {
    priority: Priority,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waiting,
    /// Sent to the other side, or handed to this side's host.
    Asked,
    Answered,
}

/// What this side wants.
#[derive(Clone, Debug, Default)]
pub(super) struct Own {
    wishes: BTreeMap<ChunkId, Wish>,
    queues: Queues,
    /// Ids that were sent and have no answer yet.
    unanswered: usize,
    /// Ids that were not sent, or are to be sent again.
    waiting: usize,
}

impl Own {
    /// Wants a chunk. `false` if it has had its answer: there will be no second one.
    pub(super) fn add(&mut self, id: &ChunkId, priority: Priority) -> bool {
        let wish = Wish { priority, stage: Stage::Waiting };
        match self.wishes.get_mut(id) {
            None => {
                self.wishes.insert(*id, wish);
                self.queues.push(*id, priority);
                self.waiting += 1;
            }
            Some(old) if old.stage == Stage::Answered => return false,
            // Asked for once more, as urgent: the other side may not have come to it.
            Some(old) if priority > old.priority => {
                if old.stage == Stage::Asked {
                    self.unanswered -= 1;
                    self.waiting += 1;
                }
                *old = wish;
                self.queues.push(*id, priority);
            }
            Some(_) => {}
        }
        true
    }

    /// The next id to ask for.
    pub(super) fn next(&mut self) -> Option<(ChunkId, Priority)> {
        let next = self.queues.pop(&mut ask(&mut self.wishes))?;
        self.waiting -= 1;
        self.unanswered += 1;
        Some(next)
    }

    /// The next id to ask for with the priority that [`Self::next`] has just returned.
    pub(super) fn next_as(&mut self, priority: Priority) -> Option<ChunkId> {
        let next = self.queues.pop_from(priority, &mut ask(&mut self.wishes))?;
        self.waiting -= 1;
        self.unanswered += 1;
        Some(next)
    }

    /// Notes an answer; `false` if nobody waits for it.
    pub(super) fn answered(&mut self, id: &ChunkId) -> bool {
        let Some(wish) = self.wishes.get_mut(id).filter(|wish| wish.stage != Stage::Answered) else { return false };
        match wish.stage {
            Stage::Asked => self.unanswered -= 1,
            // One that was to be asked for once more needs that no longer.
            _ => self.waiting -= 1,
        }
        wish.stage = Stage::Answered;
        true
    }

    /// Whether something was asked for, or will be, and has no answer yet.
    pub(super) const fn is_open(&self) -> bool {
        self.unanswered > 0 || self.waiting > 0
    }

    /// Ids that were sent and have no answer yet.
    pub(super) const fn unanswered(&self) -> usize {
        self.unanswered
    }
}

/// What the other side wants.
#[derive(Clone, Debug, Default)]
pub(super) struct Other {
    wishes: BTreeMap<ChunkId, Wish>,
    queues: Queues,
    waiting: usize,
}

impl Other {
    /// The other side asks for a chunk.
    ///
    /// One that was answered is answered again if it is asked for with the same priority: such a client has lost it.
    /// One that is only more urgent now has crossed with its answer.
    pub(super) fn add(&mut self, id: ChunkId, priority: Priority, max: usize) -> Result<()> {
        let wish = Wish { priority, stage: Stage::Waiting };
        let known = self.wishes.len();
        match self.wishes.get_mut(&id) {
            None if known >= max => {
                let value = known as u64 + 1;
                return Err(Error::Limit { what: Limited::Requests, value, max: max as u64 });
            }
            None => {
                self.wishes.insert(id, wish);
                self.waiting += 1;
            }
            Some(old) if old.stage == Stage::Answered => {
                let repeated = old.priority == priority;
                old.priority = priority;
                if !repeated {
                    return Ok(());
                }
                old.stage = Stage::Waiting;
                self.waiting += 1;
            }
            Some(old) if old.stage == Stage::Waiting && priority > old.priority => *old = wish,
            Some(_) => return Ok(()),
        }
        self.queues.push(id, priority);
        Ok(())
    }

    /// The next chunk to answer; the host is to answer each of them.
    pub(super) fn next(&mut self) -> Option<(ChunkId, Priority)> {
        let next = self.queues.pop(&mut ask(&mut self.wishes))?;
        self.waiting -= 1;
        Some(next)
    }

    /// Notes that an answer was sent; `false` if the host was not asked for it.
    pub(super) fn answer(&mut self, id: &ChunkId) -> bool {
        let wish = self.wishes.get_mut(id).filter(|wish| wish.stage == Stage::Asked);
        wish.map(|wish| wish.stage = Stage::Answered).is_some()
    }

    /// Requests that the host has not been given.
    pub(super) const fn waiting(&self) -> usize {
        self.waiting
    }
}

/// Moves an id on from waiting, if that is where it stands with this priority.
fn ask(wishes: &mut BTreeMap<ChunkId, Wish>) -> impl FnMut(&ChunkId, Priority) -> bool {
    |id, priority| {
        let wish = wishes.get_mut(id).filter(|wish| **wish == Wish { priority, stage: Stage::Waiting });
        wish.map(|wish| wish.stage = Stage::Asked).is_some()
    }
}
