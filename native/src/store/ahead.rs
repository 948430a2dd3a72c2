//! Chunks that are fetched before anybody takes them, many at the same time: for stores where each takes a while.
//!
//! Whoever plans says in order what will be wanted; threads that mostly wait ask the stores, and workers take what has come.
//! Nothing here looks into chunks. What is wrong with one shows when somebody takes it, not before.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use casync_core::chunk::ChunkId;
use casync_core::index::Piece;

use super::{Form, Store};
use crate::error::{Error, Result};
use crate::flow::stop;
use crate::remote::runtime::{Cancel, cancellable};

/// What has come of a chunk.
#[derive(Clone, Debug)]
pub(super) enum Fetched {
    /// The first store that has it has it so.
    Found {
        form: Form,
        stored: Vec<u8>,
        /// Whether that store is on another host.
        is_far: bool,
    },
    /// No store has it.
    Missing,
    /// No store has it, and not all could be asked.
    Failed(Error),
}

/// Fetches ahead. Dropped, it lets go of all that is under way.
#[derive(Debug)]
pub(super) struct Ahead(Arc<Shared>);

/// Chunks that somebody will take. Dropped, it gives up those that nobody has taken.
#[derive(Debug, Default)]
pub(crate) struct Lease {
    shared: Option<Arc<Shared>>,
    ids: Vec<ChunkId>,
}

#[derive(Debug)]
struct Shared {
    places: Vec<Place>,
    /// Fetches at the same time.
    width: usize,
    /// Bytes that may be here or on their way.
    limit: u64,
    state: Mutex<State>,
    /// Something has come.
    came: Condvar,
    /// There is something to do, or room to do it.
    work: Condvar,
    cancel: Cancel,
}

/// A store, and in which form it had the last chunk.
struct Place {
    store: Arc<dyn Store>,
    plain: AtomicBool,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.store.name())
    }
}

#[derive(Debug, Default)]
struct State {
    slots: HashMap<ChunkId, Slot>,
    /// What is to be fetched, in order. Some of it may not be wanted any more.
    queue: VecDeque<ChunkId>,
    /// Bytes that are here or on their way.
    bytes: u64,
    threads: usize,
    idle: usize,
    closed: bool,
}

#[derive(Debug)]
struct Slot {
    /// Leases that have it.
    wanted: usize,
    /// Bytes that count for it.
    bytes: u64,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Queued,
    UnderWay,
    Here(Fetched),
    Taken,
}

/// Whether a store is on another host: to wait for it is what takes the time.
pub(super) fn is_far(store: &dyn Store) -> bool {
    store.width() > 0
}

impl Ahead {
    /// For these stores; `None` if none of them takes long. At most `limit` bytes are kept.
    pub(super) fn new(stores: &[Arc<dyn Store>], limit: u64) -> Option<Self> {
        /// Threads cost little memory, but not none.
        const WIDTH_MAX: usize = 256;
        let width = stores.iter().map(|store| store.width()).max().unwrap_or(0).min(WIDTH_MAX);
        let place = |store: &Arc<dyn Store>| Place { store: Arc::clone(store), plain: AtomicBool::new(false) };
        (width > 0).then(|| {
            Self(Arc::new(Shared {
                places: stores.iter().map(place).collect(),
                width,
                limit,
                state: Mutex::default(),
                came: Condvar::new(),
                work: Condvar::new(),
                cancel: Cancel::default(),
            }))
        })
    }

    /// Says that these will be wanted, after all that were said before.
    pub(super) fn announce<'a>(&self, pieces: impl Iterator<Item = &'a Piece>) -> Lease {
        let mut lease = Lease { shared: Some(Arc::clone(&self.0)), ids: Vec::new() };
        let mut state = self.0.lock();
        for piece in pieces {
            match state.slots.entry(piece.id) {
                Entry::Occupied(mut slot) => slot.get_mut().wanted += 1,
                Entry::Vacant(slot) => {
                    slot.insert(Slot { wanted: 1, bytes: piece.size, stage: Stage::Queued });
                    state.queue.push_back(piece.id);
                }
            }
            lease.ids.push(piece.id);
        }
        while state.threads < self.0.width && state.idle < state.queue.len() {
            /// Nothing but calls of stores.
            const STACK: usize = 512 << 10;
            let shared = Arc::clone(&self.0);
            let thread = thread::Builder::new().name("fetch".to_owned()).stack_size(STACK);
            if thread.spawn(move || shared.serve()).is_err() {
                break;
            }
            state.threads += 1;
            state.idle += 1;
        }
        self.0.work.notify_all();
        lease
    }

    /// What has come of a chunk; waits for it. `None`: nobody has said that it would be wanted.
    pub(super) fn take(&self, id: &ChunkId) -> Option<Fetched> {
        /// Signals are looked for so often by who waits for threads that do not look themselves.
        const PATIENCE: Duration = Duration::from_millis(200);
        let shared = &*self.0;
        let mut state = shared.lock();
        loop {
            let slot = state.slots.get_mut(id)?;
            match &mut slot.stage {
                Stage::Taken => return None,
                Stage::Here(fetched) if slot.wanted > 1 => return Some(fetched.clone()),
                Stage::Here(_) => {
                    let Stage::Here(fetched) = std::mem::replace(&mut slot.stage, Stage::Taken) else { return None };
                    let bytes = std::mem::take(&mut slot.bytes);
                    state.bytes -= bytes;
                    shared.work.notify_one();
                    return Some(fetched);
                }
                // Nobody else may ever come to it if there is no room.
                Stage::Queued => {
                    state = shared.begin(state, id);
                    drop(state);
                    let fetched = shared.fetch(id);
                    state = shared.end(id, fetched);
                }
                Stage::UnderWay => {
                    if let Err(error) = stop::check() {
                        return Some(Fetched::Failed(error));
                    }
                    state = shared.came.wait_timeout(state, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.cancel.cancel();
        self.0.work.notify_all();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(shared) = &self.shared else { return };
        let mut state = shared.lock();
        for id in &self.ids {
            let Entry::Occupied(mut slot) = state.slots.entry(*id) else { continue };
            slot.get_mut().wanted -= 1;
            if slot.get().wanted > 0 || matches!(slot.get().stage, Stage::UnderWay) {
                continue;
            }
            let slot = slot.remove();
            if matches!(slot.stage, Stage::Here(_)) {
                state.bytes -= slot.bytes;
                shared.work.notify_one();
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread: fetches what is to be fetched.
    fn serve(&self) {
        let mut state = self.lock();
        while !state.closed {
            let id = match state.queue.front() {
                None => None,
                Some(id) => match state.slots.get(id).filter(|slot| matches!(slot.stage, Stage::Queued)) {
                    None => {
                        state.queue.pop_front();
                        continue;
                    }
                    Some(slot) if state.bytes > 0 && state.bytes + slot.bytes > self.limit => None,
                    Some(_) => state.queue.pop_front(),
                },
            };
            let Some(id) = id else {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            state.idle -= 1;
            drop(self.begin(state, &id));
            let fetched = cancellable(&self.cancel, || self.fetch(&id));
            state = self.end(&id, fetched);
            state.idle += 1;
        }
        state.threads -= 1;
        state.idle -= 1;
    }

    fn begin<'a>(&self, mut state: MutexGuard<'a, State>, id: &ChunkId) -> MutexGuard<'a, State> {
        if let Some(slot) = state.slots.get_mut(id) {
            slot.stage = Stage::UnderWay;
            let bytes = slot.bytes;
            state.bytes += bytes;
        }
        state
    }

    fn end(&self, id: &ChunkId, fetched: Fetched) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        let state_ref = &mut *state;
        if let Entry::Occupied(mut slot) = state_ref.slots.entry(*id) {
            state_ref.bytes -= slot.get().bytes;
            if slot.get().wanted == 0 {
                slot.remove();
            } else {
                let slot = slot.get_mut();
                slot.bytes = if let Fetched::Found { stored, .. } = &fetched { stored.len() as u64 } else { 0 };
                slot.stage = Stage::Here(fetched);
                state_ref.bytes += slot.bytes;
            }
        }
        self.came.notify_all();
        self.work.notify_one();
        state
    }

    /// Asks the stores in order, and in each first for the form that it had the last time.
    fn fetch(&self, id: &ChunkId) -> Fetched {
        let mut trouble: Option<Error> = None;
        let mut bytes = Vec::new();
        for place in &self.places {
            let plain = place.plain.load(Ordering::Relaxed);
            let forms = if plain { [Form::Plain, Form::Compressed] } else { Form::ALL };
            for form in forms {
                let got: Result<bool> = place.store.get(id, form, &mut bytes);
                match got {
                    Ok(true) => {
                        place.plain.store(form == Form::Plain, Ordering::Relaxed);
                        return Fetched::Found { form, stored: bytes, is_far: is_far(&*place.store) };
                    }
                    Ok(false) => {}
                    Err(error) => {
                        trouble.get_or_insert(error);
                        if is_far(&*place.store) {
                            // It will hardly answer the next question.
                            break;
                        }
                    }
                }
            }
        }
        trouble.map_or(Fetched::Missing, Fetched::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Put;
    use casync_core::hash::Digest;
    use std::sync::atomic::AtomicUsize;

    /// Has chunks of 100 bytes with odd first bytes of their ids, and counts.
    #[derive(Default)]
    struct Odd {
        asked: AtomicUsize,
    }

    impl Store for Odd {
        fn get(&self, id: &ChunkId, form: Form, buffer: &mut Vec<u8>) -> Result<bool> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let first = id.as_bytes()[0];
            if first == 0xee {
                return Err(rustix::io::Errno::IO.into());
            }
            *buffer = vec![first; 100];
            Ok(first % 2 == 1 && form == Form::Plain)
        }

        fn has(&self, _: &ChunkId) -> Result<bool> {
            Ok(false)
        }

        fn put(&self, _: &ChunkId, _: Form, _: &[u8]) -> Result<Put> {
            Ok(Put::Existed)
        }

        fn width(&self) -> usize {
            8
        }

        fn name(&self) -> &str {
            "odd"
        }
    }

    fn piece(number: u8) -> Piece {
        Piece { number: 0, id: Digest::from([number; 32]).into(), start: 0, size: 100 }
    }

    fn ahead(limit: u64) -> (Arc<Odd>, Ahead) {
        let store = Arc::new(Odd::default());
        let stores: Vec<Arc<dyn Store>> = vec![Arc::clone(&store) as Arc<dyn Store>];
        (store, Ahead::new(&stores, limit).unwrap())
    }

    #[test]
    fn what_is_announced_comes_in_any_order_within_little_memory() {
        let (_, ahead) = ahead(250);
        let pieces: Vec<Piece> = (0..200).map(piece).collect();
        let lease = ahead.announce(pieces.iter());
        for number in (0..200).rev() {
            match ahead.take(&piece(number).id) {
                Some(Fetched::Found { form: Form::Plain, stored, is_far: true }) => {
                    assert_eq!(stored, vec![number; 100]);
                }
                Some(Fetched::Missing) => assert_eq!(number % 2, 0),
                other => panic!("{number}: {other:?}"),
            }
        }
        assert_eq!(ahead.0.lock().bytes, 0);
        drop(lease);
        assert!(ahead.0.lock().slots.is_empty());
    }

    #[test]
    fn what_nobody_takes_is_given_up() {
        let (_, ahead) = ahead(250);
        for _ in 0..100 {
            drop(ahead.announce([piece(1), piece(3), piece(5), piece(7)].iter()));
        }
        let _lease = ahead.announce([piece(9)].iter());
        assert!(matches!(ahead.take(&piece(9).id), Some(Fetched::Found { .. })));
        assert!(ahead.take(&piece(1).id).is_none());
    }

    #[test]
    fn a_chunk_that_is_wanted_twice_is_fetched_once() {
        let (store, ahead) = ahead(1000);
        let leases = [ahead.announce([piece(1)].iter()), ahead.announce([piece(1)].iter())];
        assert!(matches!(ahead.take(&piece(1).id), Some(Fetched::Found { .. })));
        assert!(matches!(ahead.take(&piece(1).id), Some(Fetched::Found { .. })));
        assert_eq!(store.asked.load(Ordering::Relaxed), 2, "one question for each form");
        drop(leases);
        assert_eq!(ahead.0.lock().bytes, 0);
        let _lease = ahead.announce([piece(0xee)].iter());
        assert!(matches!(ahead.take(&piece(0xee).id), Some(Fetched::Failed(_))));
    }
}
