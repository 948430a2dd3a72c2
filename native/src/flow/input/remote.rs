//! Archives elsewhere: streamed from one end to the other, or by ranges where much is passed over.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::thread;

use casync_core::archive::Located;
use crossbeam_channel::{Receiver, Sender, bounded};
use rustix::io::Errno;

use super::ByteSource;
use crate::error::{Cause, Context as _, Error, Result};
use crate::remote::RemoteFile;
use crate::remote::runtime::{Cancel, cancellable};

/// Ranges of a file elsewhere that have been fetched, in pages.
#[derive(Debug, Default)]
pub struct Pages {
    pages: BTreeMap<u64, Vec<u8>>,
    /// Numbers of the pages, the one that came first at the front.
    order: std::collections::VecDeque<u64>,
}

impl Pages {
    /// Tables and nodes lie close together, and what takes long is the way, not the bytes.
    const PAGE: u64 = 64 << 10;
    /// 16 MiB.
    const MAX: usize = 256;

    /// The bytes of a range and what comes with them; returns where they start.
    ///
    /// # Errors
    ///
    /// If they cannot be had.
    pub(super) fn read(
        &mut self,
        file: &dyn RemoteFile,
        size: u64,
        range: Range<u64>,
        bytes: &mut Vec<u8>,
    ) -> Result<u64> {
        let (first, end) = (range.start / Self::PAGE, range.end.min(size).div_ceil(Self::PAGE));
        let mut number = first;
        while number < end {
            let next = (number..end).find(|number| !self.pages.contains_key(number)).unwrap_or(end);
            for held in number..next {
                bytes.extend_from_slice(self.pages.get(&held).map_or(&[], Vec::as_slice));
            }
            let run = (next..end).take_while(|number| !self.pages.contains_key(number)).count() as u64;
            let run = run.min(Self::MAX as u64);
            if run > 0 {
                let start = next * Self::PAGE;
                let length = (run * Self::PAGE).min(size - start);
                let mut fetched = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
                let filled = file.read_at(start, &mut fetched)?;
                if filled < fetched.len() {
                    return Err(Error::new(Errno::IO, format!("{}: it is shorter than it was", file.name())));
                }
                for (page, number) in fetched.chunks(Self::PAGE as usize).zip(next..) {
                    self.insert(number, page.to_vec());
                }
                bytes.extend_from_slice(&fetched);
            }
            number = next + run;
        }
        Ok(first * Self::PAGE)
    }

    fn insert(&mut self, number: u64, page: Vec<u8>) {
        self.pages.insert(number, page);
        self.order.push_back(number);
        if self.order.len() > Self::MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.pages.remove(&oldest);
        }
    }
}

/// Runs `consume` with an archive that is elsewhere, or with a part of it. `everything`: nothing will be passed over.
///
/// Memory: 4 MiB, or four times the largest range.
///
/// # Errors
///
/// Those of `consume`, and of the file where it is read.
pub fn with_remote<T>(
    file: &Arc<dyn RemoteFile>,
    part: Option<Located>,
    everything: bool,
    consume: impl FnOnce(&mut dyn ByteSource) -> Result<T>,
) -> Result<T> {
    let by_ranges = if part.is_some() || !everything { file.size()? } else { None };
    let cancel = Arc::new(Cancel::default());
    thread::scope(|scope| {
        let mut source = match (by_ranges, part) {
            (Some(size), part) => {
                let part = part.unwrap_or(Located { entry: 0, end: size });
                Source::by_ranges(file, Arc::clone(&cancel), part.entry..part.end.min(size))
            }
            (None, _) => {
                let (sender, pieces) = bounded(4);
                let (file, cancel) = (Arc::clone(file), Arc::clone(&cancel));
                thread::Builder::new()
                    .spawn_scoped(scope, move || cancellable(&cancel, || stream(&*file, &sender)))
                    .context(|| "start a thread")?;
                Source::streamed(pieces)
            }
        };
        let found = match (by_ranges, part) {
            (None, Some(part)) => source.skip(part.entry).map(|()| source.end = part.end),
            _ => Ok(()),
        };
        let consumed = found.and_then(|()| consume(&mut source));
        // Nobody waits for the rest.
        cancel.cancel();
        drop(source);
        consumed
    })
}

type Pieces = Receiver<Result<Vec<u8>>>;

/// Sends a whole file in pieces; an empty one is its end.
fn stream(file: &dyn RemoteFile, pieces: &Sender<Result<Vec<u8>>>) {
    const PIECE: usize = 1 << 20;
    let gone = || Error::from(Cause::Interrupted);
    let mut piece = Vec::new();
    let read = file.read(&mut |bytes| {
        piece.extend_from_slice(bytes);
        if piece.len() >= PIECE {
            return pieces.send(Ok(std::mem::take(&mut piece))).map_err(|_| gone());
        }
        Ok(())
    });
    let last = match read {
        Ok(()) if piece.is_empty() => Ok(piece),
        Ok(()) => pieces.send(Ok(piece)).map_or_else(|_| Err(gone()), |()| Ok(Vec::new())),
        Err(error) => Err(error),
    };
    let _ = pieces.send(last);
}

/// The bytes of a file elsewhere in order.
struct Source<'a> {
    way: Way<'a>,
    piece: Vec<u8>,
    used: usize,
    /// Offset of the start of the piece.
    start: u64,
    end: u64,
}

enum Way<'a> {
    Stream(Pieces),
    Ranges {
        file: &'a Arc<dyn RemoteFile>,
        cancel: Arc<Cancel>,
        /// What is being fetched, in order.
        ahead: std::collections::VecDeque<(Range<u64>, Pieces)>,
        /// Where to fetch next.
        next: u64,
        /// How much to fetch at once: more, the longer nothing is passed over.
        step: u64,
    },
}

impl<'a> Source<'a> {
    const STEP_MIN: u64 = 128 << 10;
    const STEP_MAX: u64 = 4 << 20;
    /// Ranges that are fetched at the same time, once it is plain that much is read.
    const AHEAD: usize = 3;

    const fn streamed(pieces: Pieces) -> Self {
        Self { way: Way::Stream(pieces), piece: Vec::new(), used: 0, start: 0, end: u64::MAX }
    }

    fn by_ranges(file: &'a Arc<dyn RemoteFile>, cancel: Arc<Cancel>, range: Range<u64>) -> Self {
        let ahead = std::collections::VecDeque::new();
        let way = Way::Ranges { file, cancel, ahead, next: range.start, step: Self::STEP_MIN };
        Self { way, piece: Vec::new(), used: 0, start: range.start, end: range.end }
    }

    /// The next piece; empty at the end.
    fn more(&mut self) -> Result<Vec<u8>> {
        let lost = || Error::new(Errno::IO, "the thread that fetches has died");
        match &mut self.way {
            Way::Stream(pieces) => pieces.recv().unwrap_or_else(|_| Err(lost())),
            Way::Ranges { file, cancel, ahead, next, step } => {
                // A reader that goes on and on gets more at once.
                let wanted = if *step > 4 * Self::STEP_MIN { Self::AHEAD } else { 1 };
                while ahead.len() < wanted && *next < self.end {
                    let range = *next..self.end.min(*next + *step);
                    *next = range.end;
                    *step = (*step * 2).min(Self::STEP_MAX);
                    ahead.push_back((range.clone(), fetch(file, cancel, range)?));
                }
                match ahead.pop_front() {
                    Some((_, piece)) => piece.recv().unwrap_or_else(|_| Err(lost())),
                    None => Ok(Vec::new()),
                }
            }
        }
    }
}

/// Fetches a range in a thread of its own.
fn fetch(file: &Arc<dyn RemoteFile>, cancel: &Arc<Cancel>, range: Range<u64>) -> Result<Pieces> {
    let (sender, piece) = bounded(1);
    let (file, cancel) = (Arc::clone(file), Arc::clone(cancel));
    let work = move || {
        let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or(usize::MAX)];
        let read = cancellable(&cancel, || file.read_at(range.start, &mut bytes)).and_then(|filled| {
            if filled < bytes.len() {
                return Err(Error::new(Errno::IO, format!("{}: it is shorter than it was", file.name())));
            }
            Ok(bytes)
        });
        let _ = sender.send(read);
    };
    thread::Builder::new().spawn(work).context(|| "start a thread")?;
    Ok(piece)
}

impl ByteSource for Source<'_> {
    fn fill(&mut self) -> Result<&[u8]> {
        if self.used == self.piece.len() && self.position() < self.end {
            self.start += self.piece.len() as u64;
            self.used = 0;
            self.piece = self.more()?;
            if self.piece.is_empty() {
                self.end = self.start;
            }
        }
        let left = usize::try_from(self.end.saturating_sub(self.position())).unwrap_or(usize::MAX);
        let rest = &self.piece[self.used..];
        Ok(&rest[..rest.len().min(left)])
    }

    fn consume(&mut self, count: usize) {
        self.used += count;
    }

    fn skip(&mut self, count: u64) -> Result<()> {
        let target = self.position().saturating_add(count).min(self.end);
        loop {
            let here = (self.piece.len() - self.used) as u64;
            let left = target - self.position();
            if left <= here {
                self.used += usize::try_from(left).unwrap_or(usize::MAX);
                return Ok(());
            }
            if let Way::Ranges { ahead, next, step, .. } = &mut self.way {
                // What is being fetched and lies before the target is of no use.
                while ahead.front().is_some_and(|(range, _)| range.end <= target) {
                    ahead.pop_front();
                }
                (self.piece, self.used) = (Vec::new(), 0);
                self.start = match ahead.front() {
                    Some((range, _)) => range.start,
                    None => {
                        (*next, *step) = (target, Self::STEP_MIN);
                        target
                    }
                };
                if ahead.is_empty() {
                    return Ok(());
                }
            } else {
                self.consume(usize::try_from(here).unwrap_or(usize::MAX));
            }
            if self.fill()?.is_empty() {
                return Ok(());
            }
        }
    }

    fn position(&self) -> u64 {
        self.start + self.used as u64
    }
}
