//! Digests of many files at once, for `mtree`: small files together in SIMD lanes, large ones beside the reading.
//!
//! ```text
//! reader -+-> workers [digest] -+-> printer, in order
//!         +---------------------+
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::thread;

use casync_core::hash::{Digest, DigestAlgorithm, Hasher};
use crossbeam_channel::{Receiver, Sender};

use super::{Budget, Failure};
use crate::error::Result;
use crate::ui::Out;

/// Files up to this size are collected and digested together.
const SMALL: u64 = 512 << 10;
/// Bytes and files that are digested together.
const BATCH_BYTES: usize = 4 << 20;
const BATCH_FILES: usize = 256;
/// Pieces of a large file that may wait.
const PIECES: usize = 8;

/// Work for the digesters.
enum Job {
    Small(DigestAlgorithm, Vec<(u64, Vec<u8>)>),
    Large(DigestAlgorithm, u64, Receiver<Vec<u8>>),
}

/// News for the printer.
enum News<T> {
    /// The next line; whether a digest will follow.
    Line(u64, T, bool),
    Digests(Vec<(u64, Digest)>),
}

/// Takes in lines and the payloads whose digests they show.
pub struct Digests<'a, T> {
    jobs: Sender<Job>,
    news: Sender<News<T>>,
    failure: &'a Failure,
    algorithm: DigestAlgorithm,
    sequence: u64,
    collected: Vec<(u64, Vec<u8>)>,
    collected_bytes: usize,
    open: Open,
}

impl<T> std::fmt::Debug for Digests<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Digests").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}

/// The file under way.
enum Open {
    None,
    Small(Vec<u8>),
    Large(Sender<Vec<u8>>),
}

/// Runs `produce`, and `show` for every line in the order in which they were begun.
///
/// Memory: two batches of 4 MiB and the pieces of one large file for each worker, well within any budget.
///
/// # Errors
///
/// The first error of any of them.
pub fn with_digests<T: Send>(
    budget: Budget,
    out: Out,
    show: impl Fn(T, Option<Digest>, &mut Out) -> Result<()> + Send,
    produce: impl FnOnce(&mut Digests<'_, T>) -> Result<()>,
) -> Result<()> {
    let failure = Failure::default();
    let (jobs, work) = crossbeam_channel::bounded(budget.jobs);
    let (news, lines) = crossbeam_channel::unbounded();
    thread::scope(|scope| {
        for _ in 0..budget.jobs {
            let (work, news) = (work.clone(), news.clone());
            failure.spawn(scope, move || digest(&work, &news));
        }
        drop(work);
        let printing = &failure;
        failure.spawn(scope, move || printing.note(print(out, &lines, show)));
        let mut digests = Digests {
            jobs,
            news,
            failure: &failure,
            algorithm: DigestAlgorithm::default(),
            sequence: 0,
            collected: Vec::new(),
            collected_bytes: 0,
            open: Open::None,
        };
        let produced = produce(&mut digests).and_then(|()| digests.flush());
        failure.note(produced);
    });
    failure.into_result()
}

impl<T> Digests<'_, T> {
    /// Sets the algorithm for what begins from here on.
    pub const fn set_algorithm(&mut self, algorithm: DigestAlgorithm) {
        self.algorithm = algorithm;
    }

    /// Begins a line; `payload` is the size of what is to be digested for it, if anything is.
    ///
    /// # Errors
    ///
    /// If another stage has failed.
    pub fn begin(&mut self, line: T, payload: Option<u64>) -> Result<()> {
        self.failure.check()?;
        let line = News::Line(self.sequence, line, payload.is_some());
        self.news.send(line).map_err(|_| self.failure.error())?;
        self.open = match payload {
            None => {
                self.sequence += 1;
                Open::None
            }
            Some(size) if size <= SMALL => Open::Small(Vec::with_capacity(usize::try_from(size).unwrap_or(0))),
            Some(_) => {
                let (pieces, receiver) = crossbeam_channel::bounded(PIECES);
                let job = Job::Large(self.algorithm, self.sequence, receiver);
                self.jobs.send(job).map_err(|_| self.failure.error())?;
                Open::Large(pieces)
            }
        };
        Ok(())
    }

    /// Adds payload to the line begun last.
    ///
    /// # Errors
    ///
    /// If another stage has failed.
    pub fn update(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.open {
            Open::None => Ok(()),
            Open::Small(collected) => {
                collected.extend_from_slice(bytes);
                Ok(())
            }
            Open::Large(pieces) => pieces.send(bytes.to_vec()).map_err(|_| self.failure.error()),
        }
    }

    /// Ends the payload of the line begun last, if it has any.
    ///
    /// # Errors
    ///
    /// If another stage has failed.
    pub fn end(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.open, Open::None) {
            Open::None => return Ok(()),
            Open::Small(payload) => {
                self.collected_bytes += payload.len();
                self.collected.push((self.sequence, payload));
                if self.collected_bytes >= BATCH_BYTES || self.collected.len() >= BATCH_FILES {
                    self.flush()?;
                }
            }
            Open::Large(_) => {}
        }
        self.sequence += 1;
        Ok(())
    }

    /// Hands on what was collected.
    fn flush(&mut self) -> Result<()> {
        if self.collected.is_empty() {
            return Ok(());
        }
        self.collected_bytes = 0;
        let job = Job::Small(self.algorithm, std::mem::take(&mut self.collected));
        self.jobs.send(job).map_err(|_| self.failure.error())
    }
}

/// A worker.
fn digest<T>(work: &Receiver<Job>, news: &Sender<News<T>>) {
    for job in work {
        let digests = match job {
            Job::Small(algorithm, files) => {
                let payloads: Vec<&[u8]> = files.iter().map(|(_, payload)| payload.as_slice()).collect();
                let digests = algorithm.digest_all(&payloads);
                files.iter().map(|(sequence, _)| *sequence).zip(digests).collect()
            }
            Job::Large(algorithm, sequence, pieces) => {
                let mut hasher = Hasher::new(algorithm);
                pieces.iter().for_each(|piece| hasher.update(&piece));
                vec![(sequence, hasher.finish())]
            }
        };
        let _ = news.send(News::Digests(digests));
    }
}

/// Shows lines in order, each as soon as its digest has come.
fn print<T>(
    mut out: Out,
    lines: &Receiver<News<T>>,
    show: impl Fn(T, Option<Digest>, &mut Out) -> Result<()>,
) -> Result<()> {
    let mut waiting: VecDeque<(u64, T, bool)> = VecDeque::new();
    let mut digests: BTreeMap<u64, Digest> = BTreeMap::new();
    for news in lines {
        match news {
            News::Line(sequence, line, digested) => waiting.push_back((sequence, line, digested)),
            News::Digests(new) => digests.extend(new),
        }
        while let Some((sequence, _, digested)) = waiting.front() {
            let digest = digests.remove(sequence);
            if *digested && digest.is_none() {
                break;
            }
            if let Some((_, line, _)) = waiting.pop_front() {
                show(line, digest, &mut out)?;
            }
        }
    }
    out.finish()
}
