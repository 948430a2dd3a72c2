//! Chunks in memory, shared by all readers of an image.
//!
//! A chunk is fetched once however many threads wait for it; what is held is bounded by bytes, and what was used longest
//! ago goes first. Loader threads fetch: first what somebody waits for, then what somebody will probably want. What lies on this
//! host is loaded by who wants it, too, as long as it is no more than one batch. A failure
//! is remembered for a moment only, so that a store that comes back is found soon, and one that is gone does not make
//! every page of a file wait for it.
//!
//! Memory: `limit` bytes of chunks that nobody reads at the moment, and those that are being read.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use casync_core::chunk::ChunkId;
use casync_core::index::Piece;

use super::fetch::{Block, Fetch};
use crate::error::{Context as _, Error, Result};

/// How long a failure stands before the chunk is tried again.
const FORGIVEN_AFTER: Duration = Duration::from_secs(1);

/// What came of a fetch. All that waited for it get the same.
type Outcome = Result<Arc<Block>>;

/// A chunk under way.
#[derive(Debug, Default)]
struct Flight {
    outcome: Mutex<Option<Outcome>>,
    landed: Condvar,
}

impl Flight {
    fn wait(&self) -> Outcome {
        let mut outcome = lock(&self.outcome);
        loop {
            if let Some(outcome) = &*outcome {
                return outcome.clone();
            }
            outcome = self.landed.wait(outcome).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn land(&self, outcome: Outcome) {
        *lock(&self.outcome) = Some(outcome);
        self.landed.notify_all();
    }
}

/// What is known of a chunk.
#[derive(Debug)]
enum Slot {
    /// It is here. `used`: the key in [`State::recent`].
    Held { block: Arc<Block>, used: u64 },
    /// It is asked for, and not yet with a loader.
    Asked(Arc<Flight>),
    /// A loader has it.
    Loading(Arc<Flight>),
    /// It could not be had at that time.
    Failed(Error, Instant),
}

#[derive(Debug, Default)]
struct State {
    slots: HashMap<ChunkId, Slot>,
    /// Held chunks by when they were used last.
    recent: BTreeMap<u64, ChunkId>,
    clock: u64,
    /// Bytes of the held chunks.
    bytes: u64,
    /// Chunks that somebody waits for.
    demanded: VecDeque<Piece>,
    /// Chunks that somebody may want soon, and their bytes.
    ahead: VecDeque<Piece>,
    ahead_bytes: u64,
    /// Memory of chunks that were dropped, for the next ones.
    spare: Vec<Vec<u8>>,
    closed: bool,
}

/// What readers and loaders share.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Something was asked for, or the cache is closed.
    asked: Condvar,
    limit: u64,
    /// Chunks that one loader takes at once.
    batch: usize,
    threads: usize,
}

/// The chunks of one image or several.
#[derive(Debug)]
pub struct ChunkCache {
    shared: Arc<Shared>,
    fetch: Arc<dyn Fetch>,
    threads: usize,
    /// Chunks that readers load themselves.
    own: usize,
}

impl ChunkCache {
    /// Several chunks are verified at once much faster than one by one.
    pub(super) const BATCH: usize = 4;

    /// Starts the loaders: `jobs`, or as many as the source waits for. The chunks take up to `limit` bytes.
    ///
    /// # Errors
    ///
    /// If no thread can be started.
    pub fn new(fetch: Arc<dyn Fetch>, limit: u64, jobs: usize) -> Result<Self> {
        let width = fetch.width();
        let threads = jobs.max(width).max(1);
        // What waits for a network is better asked for one by one, by more threads.
        let batch = if width > jobs { 1 } else { Self::BATCH };
        let shared = Arc::new(Shared { state: Mutex::default(), asked: Condvar::new(), limit, batch, threads });
        let own = if width == 0 { Self::BATCH } else { 0 };
        let cache = Self { shared: Arc::clone(&shared), fetch: Arc::clone(&fetch), threads, own };
        for number in 0..threads {
            let (shared, fetch) = (Arc::clone(&shared), Arc::clone(&fetch));
            let work = move || {
                let jobs = Jobs { shared: &shared };
                if let Err(error) = fetch.work(&jobs) {
                    jobs.refuse_all(&error);
                }
            };
            let started = Builder::new().name(format!("loader-{number}")).spawn(work);
            match started.context(|| "start a thread") {
                Err(error) if number == 0 => return Err(error),
                // Fewer do as well.
                Err(_) => break,
                Ok(_) => {}
            }
        }
        Ok(cache)
    }

    /// Chunks that are fetched at the same time.
    pub const fn threads(&self) -> usize {
        self.threads
    }

    /// Bytes of chunks that are kept.
    pub fn limit(&self) -> u64 {
        self.shared.limit
    }

    /// The blocks of some pieces, in order, fetched as needed; waits for them.
    ///
    /// # Errors
    ///
    /// That of the first of them that cannot be had.
    pub fn get(&self, pieces: &[Piece]) -> Result<Vec<Arc<Block>>> {
        let mut waits = Vec::with_capacity(pieces.len());
        let mut own = Vec::new();
        {
            let mut state = self.shared.lock();
            for piece in pieces {
                waits.push(state.demand(piece, &mut own, self.own));
            }
            let asked = state.demanded.len();
            drop(state);
            for _ in 0..asked.min(self.threads) {
                self.shared.asked.notify_one();
            }
        }
        if !own.is_empty() {
            self.fetch.load_here(&Jobs { shared: &self.shared }, &own);
        }
        let blocks = waits.into_iter().map(|wait| match wait {
            Wait::Here(block) => Ok(block),
            Wait::Flight(flight) => flight.wait(),
            Wait::Failed(error) => Err(error),
        });
        blocks.collect()
    }

    /// The same if all of them are here.
    pub fn at_hand(&self, pieces: &[Piece]) -> Option<Vec<Arc<Block>>> {
        let mut state = self.shared.lock();
        pieces.iter().map(|piece| state.held(&piece.id)).collect()
    }

    /// Lets pieces be fetched that will probably be wanted soon, as far as half of the memory allows.
    pub fn ahead(&self, pieces: impl IntoIterator<Item = Piece>) {
        let mut state = self.shared.lock();
        let before = state.ahead.len();
        for piece in pieces {
            if state.ahead_bytes + piece.size > self.shared.limit / 2 {
                break;
            }
            let State { slots, .. } = &mut *state;
            if let Entry::Vacant(slot) = slots.entry(piece.id) {
                slot.insert(Slot::Asked(Arc::default()));
                state.ahead_bytes += piece.size;
                state.ahead.push_back(piece);
            }
        }
        let more = (state.ahead.len() - before).div_ceil(self.shared.batch);
        drop(state);
        for _ in 0..more.min(self.threads) {
            self.shared.asked.notify_one();
        }
    }
}

impl Drop for ChunkCache {
    /// Loaders end after what they are at; nobody waits any more, since whoever waits has a reference.
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.asked.notify_all();
    }
}

/// How a reader comes by a chunk.
enum Wait {
    Here(Arc<Block>),
    Flight(Arc<Flight>),
    Failed(Error),
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// The block, if it is here.
    fn held(&mut self, id: &ChunkId) -> Option<Arc<Block>> {
        let Some(Slot::Held { block, used }) = self.slots.get_mut(id) else { return None };
        self.recent.remove(used);
        self.clock += 1;
        *used = self.clock;
        self.recent.insert(self.clock, *id);
        Some(Arc::clone(block))
    }

    /// The block, or how to wait for it. What no loader has is put into `own`, for the reader to load, up to `own_max`; or
    /// it is asked for, and if it waits among what is less urgent comes to the front.
    fn demand(&mut self, piece: &Piece, own: &mut Vec<Piece>, own_max: usize) -> Wait {
        if let Some(block) = self.held(&piece.id) {
            return Wait::Here(block);
        }
        let flight = match self.slots.get(&piece.id) {
            Some(Slot::Loading(flight)) => return Wait::Flight(Arc::clone(flight)),
            Some(Slot::Failed(error, at)) if at.elapsed() < FORGIVEN_AFTER => {
                return Wait::Failed(error.clone());
            }
            Some(Slot::Asked(flight)) => Arc::clone(flight),
            _ => Arc::default(),
        };
        if own.len() < own_max {
            self.slots.insert(piece.id, Slot::Loading(Arc::clone(&flight)));
            own.push(*piece);
        } else {
            self.slots.insert(piece.id, Slot::Asked(Arc::clone(&flight)));
            self.demanded.push_back(*piece);
        }
        Wait::Flight(flight)
    }

    /// Marks a piece as a loader's; false if one has it already, or had.
    fn take(&mut self, piece: &Piece) -> bool {
        let Some(slot) = self.slots.get_mut(&piece.id) else { return false };
        let Slot::Asked(flight) = slot else { return false };
        *slot = Slot::Loading(Arc::clone(flight));
        true
    }

    /// Takes in what came of a piece; returns whom to tell.
    fn settle(&mut self, piece: &Piece, outcome: &Outcome, limit: u64) -> Option<Arc<Flight>> {
        let now = match outcome {
            Ok(block) => {
                self.clock += 1;
                self.recent.insert(self.clock, piece.id);
                self.bytes += block.bytes().len() as u64;
                Slot::Held { block: Arc::clone(block), used: self.clock }
            }
            Err(error) => Slot::Failed(error.clone(), Instant::now()),
        };
        let before = self.slots.insert(piece.id, now);
        self.shrink(limit);
        match before {
            Some(Slot::Loading(flight) | Slot::Asked(flight)) => Some(flight),
            _ => None,
        }
    }

    /// Drops what was used longest ago, down to the limit; the newest stays whatever its size.
    fn shrink(&mut self, limit: u64) {
        /// Buffers that wait for their next use.
        const SPARE_MAX: usize = 8;
        while self.bytes > limit && self.recent.len() > 1 {
            let Some((_, id)) = self.recent.pop_first() else { break };
            let Some(Slot::Held { block, .. }) = self.slots.remove(&id) else { continue };
            self.bytes -= block.bytes().len() as u64;
            if let Some(block) = Arc::into_inner(block).filter(|_| self.spare.len() < SPARE_MAX) {
                self.spare.push(block.into_bytes());
            }
        }
    }
}

/// What a loader thread sees of a cache.
#[derive(Debug)]
pub struct Jobs<'a> {
    shared: &'a Shared,
}

impl Jobs<'_> {
    /// Waits for pieces to load together; `None` once the cache is gone.
    pub fn next(&self) -> Option<Vec<Piece>> {
        let mut state = self.shared.lock();
        loop {
            if state.closed {
                return None;
            }
            let mut pieces = Vec::new();
            // Something for every loader.
            let share = state.demanded.len().div_ceil(self.shared.threads).min(self.shared.batch);
            while pieces.len() < share
                && let Some(piece) = state.demanded.pop_front()
            {
                if state.take(&piece) {
                    pieces.push(piece);
                }
            }
            if !pieces.is_empty() {
                return Some(pieces);
            }
            while pieces.len() < self.shared.batch
                && let Some(piece) = state.ahead.pop_front()
            {
                state.ahead_bytes -= piece.size;
                if state.take(&piece) {
                    pieces.push(piece);
                }
            }
            if !pieces.is_empty() {
                return Some(pieces);
            }
            state = self.shared.asked.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Memory of chunks that are not needed any more.
    pub fn spare(&self) -> impl Iterator<Item = Vec<u8>> + use<> {
        std::mem::take(&mut self.shared.lock().spare).into_iter()
    }

    /// Hands over what came of pieces, in their order.
    pub fn done(&self, pieces: &[Piece], results: impl Iterator<Item = Result<Block>>) {
        for (piece, result) in pieces.iter().zip(results) {
            let outcome = result.map(Arc::new);
            let flight = self.shared.lock().settle(piece, &outcome, self.shared.limit);
            if let Some(flight) = flight {
                flight.land(outcome);
            }
        }
    }

    /// Answers everything with an error, for a loader that cannot work.
    fn refuse_all(&self, error: &Error) {
        while let Some(pieces) = self.next() {
            self.done(&pieces, pieces.iter().map(|_| Err(error.clone())));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use rustix::io::Errno;

    use super::*;

    const SIZE: u64 = 1000;

    fn piece(number: usize) -> Piece {
        let id = ChunkId::of(&number.to_le_bytes(), casync_core::hash::DigestAlgorithm::Sha256);
        Piece { number, id, start: number as u64 * SIZE, size: SIZE }
    }

    fn is_right(block: &Block, number: usize) -> bool {
        block.bytes() == [number as u8; SIZE as usize]
    }

    /// Counts what is fetched; may wait for permission, and fail.
    #[derive(Debug, Default)]
    struct Counting {
        fetched: AtomicUsize,
        broken: AtomicBool,
        gate: Option<Mutex<Receiver<()>>>,
        /// With 0 readers load what they want themselves.
        width: usize,
    }

    impl Counting {
        fn gated() -> (Arc<Self>, SyncSender<()>) {
            let (open, gate) = sync_channel(1000);
            (Arc::new(Self { gate: Some(Mutex::new(gate)), width: 1, ..Self::default() }), open)
        }

        fn fetched(&self) -> usize {
            self.fetched.load(Ordering::Relaxed)
        }
    }

    impl Fetch for Counting {
        fn work(&self, jobs: &Jobs<'_>) -> Result<()> {
            while let Some(pieces) = jobs.next() {
                self.load_here(jobs, &pieces);
            }
            Ok(())
        }

        fn load_here(&self, jobs: &Jobs<'_>, pieces: &[Piece]) {
            let load = |piece: &Piece| {
                self.gate.as_ref().map(|gate| lock(gate).recv());
                self.fetched.fetch_add(1, Ordering::Relaxed);
                if self.broken.load(Ordering::Relaxed) {
                    return Err(Error::from(Errno::IO));
                }
                Ok(Block::Range(vec![piece.number as u8; piece.size as usize]))
            };
            jobs.done(pieces, pieces.iter().map(load));
        }

        fn width(&self) -> usize {
            self.width
        }
    }

    #[test]
    fn readers_of_one_chunk_cause_one_fetch() {
        let (fetch, open) = Counting::gated();
        let cache = ChunkCache::new(fetch.clone(), 1 << 20, 4).unwrap();
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..32).map(|_| scope.spawn(|| cache.get(&[piece(1), piece(2)]).unwrap())).collect();
            open.send(()).unwrap();
            open.send(()).unwrap();
            for reader in readers {
                let blocks = reader.join().unwrap();
                assert!(is_right(&blocks[0], 1) && is_right(&blocks[1], 2));
            }
        });
        assert_eq!(fetch.fetched(), 2);
        assert!(cache.at_hand(&[piece(2), piece(1)]).is_some());
        assert!(cache.at_hand(&[piece(2), piece(3)]).is_none());
    }

    #[test]
    fn readers_load_what_is_here() {
        for width in [0, 1] {
            let fetch = Arc::new(Counting { width, ..Counting::default() });
            let cache = ChunkCache::new(fetch.clone(), 1 << 20, 4).unwrap();
            std::thread::scope(|scope| {
                for first in 0..16 {
                    let cache = &cache;
                    scope.spawn(move || {
                        let wanted: Vec<Piece> = (first..first + 40).map(piece).collect();
                        let blocks = cache.get(&wanted).unwrap();
                        assert!((first..).zip(&blocks).all(|(number, block)| is_right(block, number)));
                    });
                }
            });
            assert_eq!(fetch.fetched(), 55);
        }
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let fetch = Arc::new(Counting::default());
        let cache = ChunkCache::new(fetch.clone(), 10 * SIZE, 1).unwrap();
        for number in 0..100 {
            assert!(is_right(&cache.get(&[piece(number)]).unwrap()[0], number));
            // Used over and over, so never the oldest.
            assert!(is_right(&cache.get(&[piece(0)]).unwrap()[0], 0));
            assert!(cache.shared.lock().bytes <= 10 * SIZE);
        }
        assert_eq!(fetch.fetched(), 100);
        assert!(cache.at_hand(&[piece(91), piece(99), piece(0)]).is_some());
        assert!(cache.at_hand(&[piece(90)]).is_none());
    }

    #[test]
    fn failures_stand_for_a_moment_and_are_forgiven() {
        let fetch = Arc::new(Counting::default());
        let cache = ChunkCache::new(fetch.clone(), 1 << 20, 2).unwrap();
        fetch.broken.store(true, Ordering::Relaxed);
        assert!(cache.get(&[piece(1)]).is_err());
        assert!(cache.get(&[piece(1)]).is_err());
        assert_eq!(fetch.fetched(), 1);
        fetch.broken.store(false, Ordering::Relaxed);
        let started = Instant::now();
        while cache.get(&[piece(1)]).is_err() {
            assert!(started.elapsed() < 20 * FORGIVEN_AFTER);
            std::thread::yield_now();
        }
        assert_eq!(fetch.fetched(), 2);
    }

    #[test]
    fn what_is_waited_for_overtakes_what_is_not() {
        let (fetch, open) = Counting::gated();
        let cache = ChunkCache::new(fetch.clone(), 1 << 20, 1).unwrap();
        cache.ahead((0..100).map(piece));
        while cache.shared.lock().ahead.len() == 100 {
            std::thread::yield_now();
        }
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| cache.get(&[piece(50)]));
            while cache.shared.lock().demanded.is_empty() && !reader.is_finished() {
                std::thread::yield_now();
            }
            // At most the batch that was under way comes before it.
            for _ in 0..=ChunkCache::BATCH {
                open.send(()).unwrap();
            }
            assert!(is_right(&reader.join().unwrap().unwrap()[0], 50));
        });
        for _ in 0..100 {
            open.send(()).unwrap();
        }
        assert!(cache.get(&(0..100).map(piece).collect::<Vec<_>>()).is_ok());
        assert_eq!(fetch.fetched(), 100);
    }

    #[test]
    fn looking_ahead_takes_half_of_the_memory_at_most() {
        let (fetch, _open) = Counting::gated();
        let cache = ChunkCache::new(fetch, 20 * SIZE, 1).unwrap();
        cache.ahead((0..100).map(piece));
        let state = cache.shared.lock();
        assert!(state.slots.len() <= 10 + ChunkCache::BATCH, "{}", state.slots.len());
        drop(state);
        // Loaders end when the gate is gone with the test.
        cache.shared.lock().ahead.clear();
    }
}
