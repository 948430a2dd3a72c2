//! `fetch`: from stores into a cache, without putting anything together.
//!
//! ```text
//! index -> workers [in the cache already? | get > decode > verify > keep]
//! ```

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use casync_core::hash::DigestAlgorithm;
use casync_core::index::Piece;

use super::claims::Claims;
use super::input::Index;
use super::{Budget, Failure};
use crate::error::{Context as _, Error, Result};
use crate::store::{ChunkCache, Form, Store};
use crate::ui::Counters;

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Chunks that were fetched.
    pub chunks: u64,
    /// Their bytes as they were stored.
    pub stored_bytes: u64,
    /// Chunks that were in the cache already.
    pub there: u64,
}

/// Fetches the chunks of an index that the cache does not have.
///
/// Workers mostly wait: there are as many as the stores can serve at once.
///
/// # Errors
///
/// If a chunk cannot be had or kept.
pub fn fetch(
    index: &mut Index,
    stores: &[Arc<dyn Store>],
    cache: &ChunkCache,
    budget: Budget,
    counters: &Counters,
) -> Result<Fetched> {
    /// More would only wait for each other.
    const WORKERS_MAX: usize = 128;
    let algorithm = index.algorithm();
    let width = stores.iter().map(|store| store.width()).max().unwrap_or(0);
    let work = Mutex::new(Work { index, next: 0 });
    let job = Job {
        stores,
        cache,
        algorithm,
        counters,
        claims: Claims::default(),
        chunks: AtomicU64::new(0),
        stored_bytes: AtomicU64::new(0),
        there: AtomicU64::new(0),
    };
    let failure = Failure::default();
    thread::scope(|scope| {
        for _ in 0..budget.jobs.max(width).min(WORKERS_MAX) {
            failure.spawn(scope, || {
                let mut stored = Vec::new();
                let done = loop {
                    let next =
                        failure.check().and_then(|()| work.lock().unwrap_or_else(PoisonError::into_inner).take());
                    match next {
                        Ok(Some(piece)) => {
                            if let Err(error) = job.fetch(&piece, &mut stored) {
                                break Err(error);
                            }
                        }
                        Ok(None) => break Ok(()),
                        Err(error) => break Err(error),
                    }
                };
                failure.note(done);
            });
        }
    });
    failure.into_result()?;
    let count = AtomicU64::into_inner;
    Ok(Fetched { chunks: count(job.chunks), stored_bytes: count(job.stored_bytes), there: count(job.there) })
}

struct Work<'a> {
    index: &'a mut Index,
    next: u64,
}

impl Work<'_> {
    fn take(&mut self) -> Result<Option<Piece>> {
        let piece = self.index.get(self.next)?;
        self.next += 1;
        Ok(piece)
    }
}

struct Job<'a> {
    stores: &'a [Arc<dyn Store>],
    cache: &'a ChunkCache,
    algorithm: DigestAlgorithm,
    counters: &'a Counters,
    claims: Claims,
    chunks: AtomicU64,
    stored_bytes: AtomicU64,
    there: AtomicU64,
}

impl Job<'_> {
    fn fetch(&self, piece: &Piece, stored: &mut Vec<u8>) -> Result<()> {
        // An index names equal chunks many times.
        if self.claims.claim(&piece.id) {
            if self.cache.has(&piece.id)? {
                self.there.fetch_add(1, Ordering::Relaxed);
            } else {
                let bytes = self.load(piece, stored)?;
                self.chunks.fetch_add(1, Ordering::Relaxed);
                self.stored_bytes.fetch_add(bytes, Ordering::Relaxed);
                Counters::add(&self.counters.store_chunks, 1);
                Counters::add(&self.counters.store_bytes, piece.size);
            }
            self.claims.settle(&piece.id);
        }
        Counters::add(&self.counters.bytes, piece.size);
        Ok(())
    }

    /// Takes the chunk from the first store that has it right.
    fn load(&self, piece: &Piece, stored: &mut Vec<u8>) -> Result<u64> {
        let mut first_error = None;
        for store in self.stores {
            for form in Form::ALL {
                let tried = store.get(&piece.id, form, stored).and_then(|found| {
                    if found {
                        self.cache.fill(&piece.id, form, stored, self.algorithm)?;
                    }
                    Ok(found)
                });
                match tried.context(|| format!("chunk {} from store {:?}", piece.id, store.name())) {
                    Ok(true) => return Ok(stored.len() as u64),
                    Ok(false) => {}
                    Err(error) => {
                        store.reject(&piece.id);
                        first_error = first_error.or(Some(error));
                    }
                }
            }
        }
        Err(first_error.unwrap_or_else(|| {
            let names: Vec<&str> = self.stores.iter().map(|store| store.name()).collect();
            let text = format!("chunk {} is in none of the stores ({})", piece.id, names.join(", "));
            Error::new(rustix::io::Errno::NOENT, text)
                .hint("name the store that holds it with --store= or --extra-store=")
        }))
    }
}
