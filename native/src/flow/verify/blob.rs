//! Whether a file or device holds what a blob index says; the store is only asked where exactly it does not.

use std::ffi::OsStr;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::{Mutex, PoisonError};
use std::thread;

use casync_core::chunk::ChunkId;
use casync_core::index::Piece;
use rustix::io::Errno;

use super::Findings;
use crate::error::{Error, Result};
use crate::flow::input::{Batches, Index};
use crate::flow::{Budget, Failure};
use crate::fs::blob::{self, Kind};
use crate::store::{Chain, Loader};
use crate::ui::Counters;
use crate::ui::json::Field;

/// Compares the bytes of every chunk with its id.
///
/// # Errors
///
/// If index or blob cannot be read. Differences are found, not failed with.
pub fn verify(
    index: &mut Index,
    (fd, name): (&OwnedFd, &OsStr),
    chain: &Chain,
    budget: Budget,
    counters: &Counters,
    findings: &Findings,
) -> Result<()> {
    let kind = Kind::of(fd)?;
    let size = match kind {
        Kind::File => rustix::fs::fstat(fd)?.st_size as u64,
        Kind::BlockDevice => blob::device_size(fd)?,
        _ => return Err(Error::new(Errno::NOTBLK, "only a file or block device can be compared with a blob index")),
    };
    let (expected, algorithm) = (index.stream_size(), index.algorithm());
    let failure = Failure::default();
    let wrong: Mutex<Vec<Piece>> = Mutex::default();
    let work = Mutex::new(Batches::new(&mut *index, budget));
    thread::scope(|scope| {
        for _ in 0..budget.jobs {
            failure.spawn(scope, || {
                let compared = (|| {
                    let mut buffer = Vec::new();
                    loop {
                        failure.check()?;
                        let pieces = work.lock().unwrap_or_else(PoisonError::into_inner).take()?;
                        let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { return Ok(()) };
                        let range = first.start..last.range().end;
                        buffer.resize((range.end - range.start) as usize, 0);
                        let filled = blob::read_at(fd, &mut buffer, range.start)?;
                        // What is not there is told at the end, with the size.
                        let whole: Vec<Piece> = pieces
                            .iter()
                            .copied()
                            .take_while(|piece| piece.range().end - range.start <= filled as u64)
                            .collect();
                        let place = |piece: &Piece| {
                            let start = (piece.start - range.start) as usize;
                            start..start + piece.size as usize
                        };
                        let bytes: Vec<&[u8]> = whole.iter().map(|piece| &buffer[place(piece)]).collect();
                        let digests = algorithm.digest_all(&bytes).into_iter();
                        let differing =
                            whole.iter().zip(digests).filter(|(piece, digest)| piece.id != ChunkId::from(*digest));
                        wrong.lock().unwrap_or_else(PoisonError::into_inner).extend(differing.map(|(piece, _)| *piece));
                        findings.looked_at(pieces.len() as u64, filled as u64);
                        Counters::add(&counters.bytes, filled as u64);
                    }
                })();
                failure.note(compared);
            });
        }
    });
    failure.into_result()?;
    let mut wrong = wrong.into_inner().unwrap_or_else(PoisonError::into_inner);
    wrong.sort_by_key(|piece| piece.start);
    let file = Field::bytes("file", name.as_bytes());
    for run in wrong.chunk_by(|before, after| before.range().end == after.start) {
        let range = run[0].start..run[run.len() - 1].range().end;
        let exactly = first_difference(fd, &run[0], chain, algorithm).map(|at| format!("; the first byte is {at}"));
        let (bytes, exactly) = (range.end - range.start, exactly.unwrap_or_default());
        let Range { start, end } = range;
        findings.problem_of(
            file.clone(),
            format_args!(
                "{name:?} differs from the index in bytes {start} to {end} ({bytes} in {} chunks){exactly}",
                run.len()
            ),
        );
    }
    if size < expected {
        findings.problem_of(
            file.clone(),
            format_args!("{name:?} is shorter than the index says: {size} bytes instead of {expected}"),
        );
    }
    // A device may be larger than the file system on it.
    if size > expected && kind == Kind::File {
        findings.problem_of(
            file.clone(),
            format_args!("{name:?} is longer than the index says: {size} bytes instead of {expected}"),
        );
    }
    Ok(())
}

/// Offset of the first byte of a chunk that differs, if some store has the chunk.
fn first_difference(
    fd: &OwnedFd,
    piece: &Piece,
    chain: &Chain,
    algorithm: casync_core::hash::DigestAlgorithm,
) -> Option<u64> {
    let chunk = Loader::new(chain, algorithm).ok()?.load_one(piece).ok()?.chunk;
    let mut found = vec![0; chunk.bytes().len()];
    let filled = blob::read_at(fd, &mut found, piece.start).ok()?;
    let at = found[..filled].iter().zip(chunk.bytes()).position(|(found, expected)| found != expected)?;
    Some(piece.start + at as u64)
}
