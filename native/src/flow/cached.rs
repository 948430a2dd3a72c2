//! A stream that is only read where an encoder cache does not know what follows.

use std::sync::Arc;

use casync_core::cache::{CacheCounts, CacheEntry, FileIdentity, Mark, Piece, RecordsOf, Tracker};
use rustix::fs::{self as os, SeekFrom};
use rustix::io::Errno;

use super::source::{PIECE, Sink};
use super::stream::{Filler, StreamWriter, Tracked};
use crate::cache::{Clock, Identifier};
use crate::error::{Context as _, Error, Result};
use crate::fs::blob;
use crate::fs::walk::{OpenFile, Walk};
use crate::store::Store;

/// Takes in an archive and puts into the stream what has to be encoded.
pub struct Cached<'a, 's> {
    stream: &'a mut StreamWriter<'s>,
    tracker: Tracker<Announced>,
    store: Arc<dyn Store>,
    clock: Clock,
    identifier: Identifier,
    files: u64,
    /// The file that was read last, or will be next.
    open: Option<(u64, OpenFile)>,
}

/// A file whose payload was announced.
#[derive(Debug)]
struct Announced {
    number: u64,
    path: Box<[u8]>,
}

impl std::fmt::Debug for Cached<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cached").field("tracker", &self.tracker).finish_non_exhaustive()
    }
}

/// Known chunks that are collected before they are handed on.
const KNOWN: usize = 4096;

impl<'a, 's> Cached<'a, 's> {
    /// Follows a stream from its start.
    pub fn new(
        stream: &'a mut StreamWriter<'s>,
        table: Option<casync_core::cache::CacheTable>,
        store: Arc<dyn Store>,
        clock: Clock,
    ) -> Self {
        let (tracker, identifier) = (Tracker::new(table), Identifier::default());
        Self { stream, tracker, store, clock, identifier, files: 0, open: None }
    }

    /// Puts the end into the stream.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn finish(mut self, walk: &Walk) -> Result<CacheCounts> {
        self.tracker.end();
        self.follow(walk)?;
        if self.tracker.pending() > 0 {
            let mark = self.tracker.cut(self.tracker.pending());
            self.stream.mark(mark);
        }
        Ok(self.tracker.counts())
    }

    /// Does what is to be done about what was announced.
    fn follow(&mut self, walk: &Walk) -> Result<()> {
        loop {
            while let Some(id) = self.tracker.decide() {
                if self.store.hold(&id)? {
                    if let Some(entry) = self.tracker.reuse() {
                        self.stream.reuse(entry)?;
                    }
                } else {
                    self.tracker.refuse();
                }
            }
            if let Some(length) = self.stream.next_cut() {
                let mark = self.tracker.cut(length);
                self.stream.mark(mark);
                continue;
            }
            if self.stream.space().is_empty() {
                self.stream.pass_on()?;
            }
            let count = match self.tracker.next() {
                None => return Ok(()),
                Some(Piece::Records(bytes)) => self.stream.put(bytes),
                Some(Piece::Payload { file, identity, offset }) => {
                    let read = read(walk, file, identity, &mut self.open, offset, self.stream);
                    read.context(|| format!("read {:?}", String::from_utf8_lossy(&file.path)))?
                }
            };
            self.stream.put_in(count)?;
            self.tracker.wrote(count as u64);
        }
    }
}

impl Sink for Cached<'_, '_> {
    fn check(&self) -> Result<()> {
        self.stream.check()
    }

    fn records(&mut self, walk: &Walk, of: RecordsOf, bytes: &[u8]) -> Result<()> {
        self.tracker.records(walk.path(), of, bytes);
        self.follow(walk)
    }

    fn payload(&mut self, walk: &Walk, file: OpenFile, _: u64) -> Result<()> {
        let identity = self.identifier.identify(&file);
        let settled = self.clock.settles(&file.stat, file.magic);
        self.files += 1;
        let announced = Announced { number: self.files, path: walk.path().into() };
        self.tracker.payload(walk.path(), identity, settled, announced);
        // Only one is kept open: a chunk may have any number of files. It is rare that another is read after all.
        self.open = Some((self.files, file));
        self.follow(walk)
    }
}

/// Reads a piece of a file into the stream's space.
fn read(
    walk: &Walk,
    announced: &Announced,
    identity: &FileIdentity,
    open: &mut Option<(u64, OpenFile)>,
    offset: u64,
    stream: &mut StreamWriter<'_>,
) -> Result<usize> {
    stream.check()?;
    let file = match open {
        Some((number, file)) if *number == announced.number => file,
        _ => {
            let file = walk.reopen(&announced.path)?;
            // All but the generation; that the other numbers stay while it moves is for stronger proofs than this.
            let now = Identifier::default().identify(&file);
            if now != (FileIdentity { generation: now.generation, ..*identity }) {
                return Err(OpenFile::changed());
            }
            &mut open.insert((announced.number, file)).1
        }
    };
    let count = read_piece(file, offset, identity.size, stream.space())?;
    if offset + count as u64 == identity.size {
        file.check_unchanged()?;
    }
    Ok(count)
}

/// Reads some of what lies at this offset of a file; holes are not read.
fn read_piece(file: &OpenFile, offset: u64, size: u64, space: &mut [u8]) -> Result<usize> {
    let limit = |end: u64| usize::try_from(end - offset).unwrap_or(usize::MAX);
    if file.is_sparse() {
        let data = match os::seek(&file.fd, SeekFrom::Data(offset)) {
            Ok(data) => data.min(size),
            Err(Errno::NXIO) => size,
            Err(Errno::INVAL) => offset,
            Err(errno) => return Err(errno.into()),
        };
        if data > offset {
            let count = space.len().min(limit(data));
            space[..count].fill(0);
            return Ok(count);
        }
    }
    let wanted = space.len().min(PIECE).min(limit(size));
    loop {
        match rustix::io::pread(&file.fd, &mut space[..wanted], offset) {
            Ok(0) => return Err(blob::shrunk(size, offset)),
            Ok(count) => return Ok(count),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(Error::from(errno)),
        }
    }
}

/// What only a tracked stream does.
impl StreamWriter<'_> {
    /// Copies bytes to the head of the space; returns how many. They still have to be put in.
    fn put(&mut self, bytes: &[u8]) -> usize {
        let space = self.space();
        let count = space.len().min(bytes.len());
        space[..count].copy_from_slice(&bytes[..count]);
        count
    }

    /// Takes bytes from the head of the space into the stream, but hands on nothing.
    fn put_in(&mut self, count: usize) -> Result<()> {
        if let Filler::Cut(cutter) = &mut self.filler {
            cutter.filled(count)?;
            self.written += count as u64;
        }
        Ok(())
    }

    /// Length of the next chunk in the buffer that was not marked yet.
    fn next_cut(&self) -> Option<u64> {
        let Filler::Cut(cutter) = &self.filler else { return None };
        let end = *cutter.cuts().get(self.tracked_cuts)?;
        let start = self.tracked_cuts.checked_sub(1).map_or(0, |before| cutter.cuts()[before]);
        Some((end - start) as u64)
    }

    /// Says what to record of the next chunk in the buffer.
    fn mark(&mut self, mark: Option<Mark>) {
        self.tracked.push(Tracked::Cut(mark));
        self.tracked_cuts += 1;
    }

    /// Puts a known chunk in the place of what follows the chunk that was marked last.
    fn reuse(&mut self, entry: CacheEntry) -> Result<()> {
        if let Filler::Cut(cutter) = &mut self.filler {
            self.written -= cutter.rewind(self.tracked_cuts) as u64;
        }
        self.written += entry.length;
        self.tracked.push(Tracked::Known(entry));
        if self.tracked.len() >= KNOWN { self.pass_on() } else { Ok(()) }
    }
}
