//! Workers that load chunks while the stream is read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use casync_core::chunk::VerifiedChunk;
use casync_core::hash::DigestAlgorithm;
use casync_core::index::Piece;
use crossbeam_channel::{Receiver, Sender};

use crate::error::Result;
use crate::flow::Failure;
use crate::store::{Chain, Lease, Loaded, Loader};

/// Chunks that one worker is to load together.
#[derive(Debug)]
struct Request {
    sequence: u64,
    /// Requests of an older generation are not wanted any more.
    generation: u64,
    pieces: Vec<Piece>,
    /// Keeps what is fetched for them.
    lease: Lease,
}

/// The chunks of a request.
type Answer = (u64, Vec<Result<Loaded>>);

/// Where to ask for chunks.
#[derive(Debug)]
pub(super) struct Loaders<'a> {
    chain: &'a Chain,
    requests: Sender<Request>,
    answers: Receiver<Answer>,
    buffers: Sender<Vec<u8>>,
    generation: &'a AtomicU64,
    failure: &'a Failure,
    sequence: u64,
}

/// Runs `consume` with workers at hand.
///
/// # Errors
///
/// Those of `consume`.
pub(super) fn with_loaders<T>(
    chain: &Chain,
    algorithm: DigestAlgorithm,
    jobs: usize,
    consume: impl FnOnce(Loaders<'_>) -> Result<T>,
) -> Result<T> {
    let failure = Failure::default();
    let generation = AtomicU64::new(0);
    let (requests, work) = crossbeam_channel::unbounded::<Request>();
    let (done, answers) = crossbeam_channel::unbounded();
    let (buffers, spare) = crossbeam_channel::unbounded();
    thread::scope(|scope| {
        for _ in 0..jobs {
            let (work, done, spare) = (work.clone(), done.clone(), spare.clone());
            let (generation, failure) = (&generation, &failure);
            failure.spawn(scope, move || match Loader::new(chain, algorithm) {
                Ok(loader) => answer(loader, &work, &done, &spare, generation),
                Err(error) => failure.set(error),
            });
        }
        drop((work, done, spare));
        let generation = &generation;
        let result = consume(Loaders { chain, requests, answers, buffers, generation, failure: &failure, sequence: 0 });
        // Whatever is still asked for is not wanted any more; without anybody who asks the workers end.
        generation.fetch_add(1, Ordering::AcqRel);
        result
    })
}

/// A worker: loads what is asked for until nobody asks any more.
fn answer(
    mut loader: Loader<'_>,
    work: &Receiver<Request>,
    done: &Sender<Answer>,
    spare: &Receiver<Vec<u8>>,
    generation: &AtomicU64,
) {
    for request in work {
        spare.try_iter().for_each(|buffer| loader.recycle(buffer));
        if request.generation == generation.load(Ordering::Acquire) {
            let answer = loader.load(&request.pieces);
            drop(request.lease);
            let _ = done.send((request.sequence, answer));
        }
    }
}

impl Loaders<'_> {
    /// Asks for chunks; returns the number of the request. Numbers ascend.
    pub(super) fn ask(&mut self, pieces: Vec<Piece>) -> Result<u64> {
        let generation = self.generation.load(Ordering::Acquire);
        let sequence = self.sequence;
        self.sequence += 1;
        let lease = self.chain.announce(&pieces);
        self.requests.send(Request { sequence, generation, pieces, lease }).map_err(|_| self.failure.error())?;
        Ok(sequence)
    }

    /// Waits for the answer to any request. Fails if somebody wants to stop.
    pub(super) fn receive(&self) -> Result<Answer> {
        self.failure.check()?;
        self.answers.recv().map_err(|_| self.failure.error())
    }

    /// An answer that has come, if there is one.
    pub(super) fn try_receive(&self) -> Option<Answer> {
        self.answers.try_recv().ok()
    }

    /// Forgets all requests: most of them will never be answered.
    pub(super) fn abandon(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// Takes back the memory of a chunk.
    pub(super) fn recycle(&self, chunk: VerifiedChunk) {
        let _ = self.buffers.send(chunk.into_bytes());
    }
}
