//! Archives at random: finding a node without reading what is before it.

use std::collections::VecDeque;
use std::ops::Range;
use std::os::fd::AsFd as _;

use casync_core::archive::{Ask, Found, Located, Tree};
use casync_core::chunk::VerifiedChunk;

use super::{Index, Pages};
use crate::error::{Error, Result};
use crate::fs::blob;
use crate::mount::Image;
use crate::remote::RemoteFile;
use crate::store::{Lease, Loader};

/// An archive of which any range can be read.
#[derive(Debug)]
pub enum RandomSource<'a> {
    /// A regular file.
    File {
        /// Open for reading.
        file: &'a std::os::fd::OwnedFd,
        /// Its size.
        size: u64,
    },
    /// A file elsewhere.
    Remote {
        /// Ranges of it can be had.
        file: &'a dyn RemoteFile,
        /// Its size.
        size: u64,
        /// What has been fetched.
        pages: &'a mut Pages,
    },
    /// Chunks.
    Chunks {
        /// The index.
        index: &'a mut Index,
        /// Loads them.
        loader: Box<Loader<'a>>,
        /// Those used last, the newest at the end.
        cache: VecDeque<(u64, VerifiedChunk)>,
    },
    /// An image, which does its own caching.
    Image(&'a Image),
}

impl RandomSource<'_> {
    /// Bytes that are read at least: tables and nodes lie close together.
    const READ_AHEAD: u64 = 16 << 10;
    /// Chunks that are kept.
    const CACHE: usize = 8;

    /// Bytes in the archive.
    pub fn size(&self) -> u64 {
        match self {
            Self::File { size, .. } | Self::Remote { size, .. } => *size,
            Self::Chunks { index, .. } => index.stream_size(),
            Self::Image(image) => image.size(),
        }
    }

    /// The bytes of a range and what comes with them; returns where they start.
    pub(super) fn read(&mut self, range: Range<u64>, bytes: &mut Vec<u8>) -> Result<u64> {
        bytes.clear();
        match self {
            Self::File { file, size } => {
                let end = range.end.max(range.start + Self::READ_AHEAD).min(*size);
                bytes.resize(usize::try_from(end - range.start).unwrap_or(usize::MAX), 0);
                let filled = blob::read_at(file.as_fd(), bytes, range.start)?;
                bytes.truncate(filled);
                Ok(range.start)
            }
            Self::Remote { file, size, pages } => pages.read(*file, *size, range, bytes),
            Self::Image(image) => {
                let (start, slices) = image.around(&range)?;
                slices.iter().for_each(|slice| bytes.extend_from_slice(slice));
                Ok(start)
            }
            Self::Chunks { index, loader, cache } => {
                let first = index.position(range.start)?;
                let _lease = announce(index, loader, cache, first, range.end)?;
                let mut number = first;
                let mut start = range.start;
                while let Some(piece) = index.get(number)? {
                    if number > first && piece.start >= range.end {
                        break;
                    }
                    if number == first {
                        start = piece.start;
                    }
                    let cached = cache.iter().position(|(held, _)| *held == number);
                    let chunk = match cached.and_then(|at| cache.remove(at)) {
                        Some((_, chunk)) => chunk,
                        None => loader.load_one(&piece)?.chunk,
                    };
                    bytes.extend_from_slice(chunk.bytes());
                    cache.push_back((number, chunk));
                    if cache.len() > Self::CACHE {
                        cache.pop_front();
                    }
                    number += 1;
                }
                Ok(start)
            }
        }
    }
}

/// Says that the chunks up to an offset will be loaded, from this number on.
fn announce(
    index: &mut Index,
    loader: &Loader<'_>,
    cache: &VecDeque<(u64, VerifiedChunk)>,
    first: u64,
    end: u64,
) -> Result<Lease> {
    let mut pieces = Vec::new();
    let mut number = first;
    while loader.looks_ahead()
        && let Some(piece) = index.get(number)?.filter(|piece| piece.start < end)
    {
        if cache.iter().all(|(held, _)| *held != number) {
            pieces.push(piece);
        }
        number += 1;
    }
    Ok(loader.announce(&pieces))
}

/// Finds the node at a path; `None` if there is none.
///
/// # Errors
///
/// If the archive cannot be read or is damaged.
pub fn find(tree: &Tree, source: &mut RandomSource<'_>, path: &[u8]) -> Result<Option<Found>> {
    find_below(tree, source, tree.root(), path)
}

/// Finds the node at a path below a directory; `None` if there is none.
///
/// # Errors
///
/// As [`find`].
pub fn find_below(
    tree: &Tree,
    source: &mut RandomSource<'_>,
    directory: Located,
    path: &[u8],
) -> Result<Option<Found>> {
    let mut question = tree.find_below(directory, path);
    let mut bytes = Vec::new();
    loop {
        match question.step().map_err(Error::from)? {
            Ask::Ready(found) => return Ok(found),
            Ask::Need(range) => {
                let start = source.read(range, &mut bytes)?;
                question.provide(start, &bytes)?;
            }
        }
    }
}

/// Shows the entries of a directory, without what is below them.
///
/// # Errors
///
/// As [`find`], and those of `show`.
pub fn list_directory(
    tree: &Tree,
    source: &mut RandomSource<'_>,
    directory: Located,
    mut show: impl FnMut(Found) -> Result<()>,
) -> Result<()> {
    let mut question = tree.list(directory);
    let mut bytes = Vec::new();
    loop {
        match question.step().map_err(Error::from)? {
            Ask::Ready(Some(found)) => show(found)?,
            Ask::Ready(None) => return Ok(()),
            Ask::Need(range) => {
                let start = source.read(range, &mut bytes)?;
                question.provide(start, &bytes)?;
            }
        }
    }
}

/// Where the entries of a directory lie, each from its FILENAME record to its end, in order.
///
/// # Errors
///
/// As [`find`].
pub(crate) fn places(tree: &Tree, source: &mut RandomSource<'_>, directory: Located) -> Result<Vec<Range<u64>>> {
    let mut question = tree.places(directory);
    let mut bytes = Vec::new();
    loop {
        match question.step().map_err(Error::from)? {
            Ask::Ready(places) => return Ok(places),
            Ask::Need(range) => {
                let start = source.read(range, &mut bytes)?;
                question.provide(start, &bytes)?;
            }
        }
    }
}
