//! Chunks out of stores, verified: several on their way at once, whoever asks gets the one that is next.

use core::ops::Range;
use std::rc::Rc;

use casync_core::chunk::VerifiedChunk;
use casync_core::index::Piece;
use wasip2::clocks::monotonic_clock;
use wasip2::io::poll::{Pollable, poll};

use super::Served;
use super::fetch::{Fetch, Progress};
use super::index::pause;
use super::problem::Problem;
use super::settings::Settings;

/// Chunks for one request.
pub(super) struct Chunks {
    served: Rc<Served>,
    jobs: Vec<Job>,
    /// Chunks asked of stores, and how many may be.
    asked: usize,
    most: usize,
}

impl Chunks {
    pub(super) const fn new(served: Rc<Served>, most: usize) -> Self {
        Self { served, jobs: Vec::new(), asked: 0, most }
    }

    /// At least these bytes of the stream and where they start; meanwhile the chunks are fetched that hold `next(offset)`,
    /// the first byte at `offset` or behind it that will be asked for.
    pub(super) fn read(
        &mut self,
        range: Range<u64>,
        next: impl Fn(u64) -> Option<u64>,
    ) -> Result<(u64, Rc<[u8]>), Problem> {
        let table = self.served.site.table().clone();
        let first = table.at(range.start).ok_or_else(|| Problem::new("internal", "past the end".into()))?;
        if range.end <= first.range().end {
            return Ok((first.start, self.get(first, &next)?));
        }
        let mut bytes = Vec::new();
        for piece in table.covering(range.clone()) {
            let chunk = self.get(piece, &|offset| (offset < range.end).then_some(offset))?;
            bytes.extend_from_slice(&chunk);
        }
        Ok((first.start, bytes.into()))
    }

    /// The chunk with the byte at `start` in it, on the way to `end`.
    pub(super) fn covering(&mut self, start: u64, end: u64) -> Result<(u64, Rc<[u8]>), Problem> {
        self.read(start..start + 1, |offset| (offset < end).then_some(offset))
    }

    fn get(&mut self, piece: Piece, next: &dyn Fn(u64) -> Option<u64>) -> Result<Rc<[u8]>, Problem> {
        // What was passed by is not wanted any more.
        self.jobs.retain(|job| job.piece.number >= piece.number);
        self.want(piece)?;
        self.fill(piece, next)?;
        loop {
            let place = self.jobs.iter().position(|job| job.piece.number == piece.number);
            let place = place.ok_or_else(|| Problem::new("internal", "a chunk was forgotten".into()))?;
            match &self.jobs[place].state {
                State::Ready(bytes) => {
                    let bytes = bytes.clone();
                    // Asked for again it comes from the cache, or has to be fetched again.
                    self.jobs.remove(place);
                    return Ok(bytes);
                }
                State::Failed(problem) => return Err(problem.clone().about(&format!("chunk {}", piece.id))),
                State::Fetching(..) | State::Resting(_) => self.wait(),
            }
        }
    }

    /// Sees to it that a chunk is on its way.
    fn want(&mut self, piece: Piece) -> Result<(), Problem> {
        if self.jobs.iter().any(|job| job.piece.number == piece.number) {
            return Ok(());
        }
        if let Some(bytes) = self.served.cache.borrow_mut().get(&piece.id) {
            self.jobs.push(Job { piece, store: 0, tried: 0, state: State::Ready(bytes) });
            return Ok(());
        }
        self.asked += 1;
        if self.asked > self.most {
            return Err(Problem::new("limit", format!("more than {} chunks would have to be fetched", self.most)));
        }
        let mut job = Job { piece, store: 0, tried: 0, state: State::Fetching(None, Vec::new()) };
        job.send(&self.served.settings);
        self.jobs.push(job);
        Ok(())
    }

    fn fill(&mut self, piece: Piece, next: &dyn Fn(u64) -> Option<u64>) -> Result<(), Problem> {
        let table = self.served.site.table().clone();
        let mut held: u64 = self.jobs.iter().map(|job| job.piece.size).sum();
        let mut end = piece.range().end;
        while self.jobs.len() < Settings::PARALLEL {
            let Some(coming) = next(end).and_then(|offset| table.at(offset)) else { return Ok(()) };
            end = coming.range().end;
            if self.jobs.iter().any(|job| job.piece.number == coming.number) {
                continue;
            }
            held += coming.size;
            if held > Settings::BUDGET {
                return Ok(());
            }
            self.want(coming)?;
        }
        Ok(())
    }

    /// Waits until something came, and takes it.
    fn wait(&mut self) {
        let waiting: Vec<&Pollable> = self.jobs.iter().filter_map(Job::ready).collect();
        if !waiting.is_empty() {
            poll(&waiting);
        }
        let Self { jobs, served, .. } = self;
        for job in jobs {
            job.advance(served);
        }
    }
}

/// A chunk on its way.
struct Job {
    piece: Piece,
    /// The store that is asked.
    store: usize,
    /// How often that store was asked before.
    tried: u32,
    state: State,
}

enum State {
    /// A store was asked (or could not be); what came of its frame.
    Fetching(Option<Fetch>, Vec<u8>),
    /// A store will be asked again.
    Resting(Pollable),
    /// Verified.
    Ready(Rc<[u8]>),
    /// No store has it.
    Failed(Problem),
}

/// Damaged chunks are asked for again, past caches on the way, before their store is given up.
const DAMAGED_MAX: u32 = 1;

impl Job {
    fn ready(&self) -> Option<&Pollable> {
        match &self.state {
            State::Fetching(fetch, _) => fetch.as_ref()?.ready(),
            State::Resting(over) => Some(over),
            State::Ready(_) | State::Failed(_) => None,
        }
    }

    /// Asks the store.
    fn send(&mut self, settings: &Settings) {
        let Some(store) = settings.stores.get(self.store) else {
            self.state = State::Failed(Problem::new("missing", "no store has it".into()));
            return;
        };
        // What cannot be packed costs a little more than its size.
        let most = self.piece.size + (self.piece.size >> 6) + 4096;
        match Fetch::start(&store.chunk(&self.piece.id), most, self.tried > 0, settings.timeout) {
            Ok(fetch) => self.state = State::Fetching(Some(fetch), Vec::new()),
            Err(problem) => self.failed(problem, settings),
        }
    }

    fn advance(&mut self, served: &Served) {
        let settings = &served.settings;
        match &mut self.state {
            State::Ready(_) | State::Failed(_) => {}
            State::Resting(over) => {
                if over.ready() {
                    self.send(settings);
                }
            }
            State::Fetching(fetch, frame) => loop {
                let Some(running) = fetch else { return };
                match running.step() {
                    Ok(Progress::Pending) => return,
                    Ok(Progress::Piece(bytes)) => frame.extend_from_slice(&bytes),
                    Ok(Progress::Missing) => {
                        self.store += 1;
                        self.tried = 0;
                        return self.send(settings);
                    }
                    Ok(Progress::End) => {
                        let frame = core::mem::take(frame);
                        let (Piece { id, size, .. }, algorithm) = (self.piece, served.site.table().algorithm());
                        let decoder = &mut served.decoder.borrow_mut();
                        match VerifiedChunk::recognize_with(decoder, frame, &id, size, algorithm) {
                            Ok(chunk) => {
                                let bytes: Rc<[u8]> = chunk.into_bytes().into();
                                served.cache.borrow_mut().put(id, bytes.clone());
                                self.state = State::Ready(bytes);
                                return;
                            }
                            Err(error) => return self.failed(error.into(), settings),
                        }
                    }
                    Err(problem) => return self.failed(problem, settings),
                }
            },
        }
    }

    /// Tries again, or the next store.
    fn failed(&mut self, problem: Problem, settings: &Settings) {
        let most = if problem.is_damage() { DAMAGED_MAX.min(settings.retries.max(1)) } else { settings.retries };
        if (problem.is_passing || problem.is_damage()) && self.tried < most {
            self.state = State::Resting(monotonic_clock::subscribe_duration(pause(self.tried)));
            self.tried += 1;
        } else if self.store + 1 < settings.stores.len() {
            self.store += 1;
            self.tried = 0;
            self.send(settings);
        } else {
            self.state = State::Failed(problem);
        }
    }
}
