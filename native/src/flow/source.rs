//! What streams are made of: trees and blobs.

use std::os::fd::{AsFd as _, OwnedFd};

use casync_core::archive::{Content, Encoder};
use casync_core::cache::RecordsOf;
use casync_core::record::FeatureFlags;
use rustix::fs::{self as os, SeekFrom};
use rustix::io::Errno;

use super::stop;
use super::stream::StreamWriter;
use crate::error::{Context as _, Error, Result};
use crate::fs::blob::{self, Kind};
use crate::fs::walk::{OpenFile, Step, Walk};
use crate::ui::{log, narrate};

/// Bytes that are read at once: what was read is looked through for cuts while it is still in the cache.
pub(super) const PIECE: usize = 256 << 10;

/// What `--verbose` calls the work on a node when it begins and when it has ended.
#[derive(Clone, Copy, Debug)]
pub struct Words(pub &'static str, pub &'static str);

/// Takes in the parts of an archive as a walk through a tree yields them.
pub trait Sink {
    /// Fails if nobody wants the rest.
    ///
    /// # Errors
    ///
    /// The reason.
    fn check(&self) -> Result<()>;

    /// Takes records about the node that the walk has shown last, or left.
    ///
    /// # Errors
    ///
    /// If they go nowhere.
    fn records(&mut self, walk: &Walk, of: RecordsOf, bytes: &[u8]) -> Result<()>;

    /// Takes the first `size` bytes, at least one, of the file that the walk has shown last.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    fn payload(&mut self, walk: &Walk, file: OpenFile, size: u64) -> Result<()>;
}

impl Sink for StreamWriter<'_> {
    fn check(&self) -> Result<()> {
        StreamWriter::check(self)
    }

    fn records(&mut self, _: &Walk, _: RecordsOf, bytes: &[u8]) -> Result<()> {
        self.write(bytes)
    }

    fn payload(&mut self, walk: &Walk, file: OpenFile, size: u64) -> Result<()> {
        let read = read_range(&file.fd, size, file.is_sparse(), self).and_then(|()| file.check_unchanged());
        read.context(|| format!("read {:?}", walk.shown_path()))
    }
}

/// Writes a tree as an archive.
///
/// # Errors
///
/// Anything that cannot be read or stored, by its path.
pub fn tree(walk: &mut Walk, features: FeatureFlags, words: Words, sink: &mut impl Sink) -> Result<()> {
    let Words(begins, ended) = words;
    let mut encoder = Encoder::new(features);
    let mut records = Vec::new();
    // Paths of the directories that are open, for messages only.
    let mut open: Vec<String> = Vec::new();
    while let Some(step) = walk.next()? {
        sink.check()?;
        records.clear();
        match step {
            Step::Node { name, node, file } => {
                if log::is_verbose() {
                    log::verbose(format_args!("{begins} {}", walk.shown_path()));
                }
                let encoded = match &name {
                    Some(name) => encoder.child(name, &node, &mut records),
                    None => encoder.root(&node, &mut records),
                };
                encoded.context(|| format!("store {:?}", walk.shown_path()))?;
                if name.is_none() {
                    narrate::features(features);
                }
                sink.records(walk, RecordsOf::Node, &records)?;
                if let (Content::Regular { size: size @ 1.. }, Some(file)) = (&node.content, file) {
                    sink.payload(walk, file, *size)?;
                    encoder.payload(*size)?;
                }
                match node.content {
                    Content::Directory if log::is_verbose() => open.push(walk.shown_path()),
                    Content::Directory => {}
                    _ if log::is_verbose() => log::verbose(format_args!("{ended} {}", walk.shown_path())),
                    _ => {}
                }
            }
            Step::Leave => {
                encoder.leave(&mut records)?;
                sink.records(walk, RecordsOf::End, &records)?;
                if let Some(path) = open.pop() {
                    log::verbose(format_args!("{ended} {path}"));
                }
            }
        }
    }
    Ok(())
}

/// Writes a blob: a file or device up to `size`, or a pipe to its end.
///
/// # Errors
///
/// If it cannot be read or gets shorter meanwhile.
pub fn blob(fd: &OwnedFd, kind: Kind, size: Option<u64>, stream: &mut StreamWriter<'_>) -> Result<()> {
    match size {
        Some(size) => {
            let stat = os::fstat(fd)?;
            let sparse = kind == Kind::File && (stat.st_blocks as u64).saturating_mul(512) < size;
            read_range(fd, size, sparse, stream)?;
            Ok(())
        }
        None => loop {
            stream.check()?;
            stop::wait_readable(fd)?;
            let space = stream.space();
            let wanted = space.len().min(PIECE);
            match rustix::io::read(fd, &mut space[..wanted]) {
                Ok(0) => return Ok(()),
                Ok(count) => stream.filled(count)?,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        },
    }
}

/// Reads the first `size` bytes; holes of a sparse file are not read but written as zeros.
fn read_range(fd: &OwnedFd, size: u64, sparse: bool, stream: &mut StreamWriter<'_>) -> Result<()> {
    if !sparse {
        return read_data(fd, 0, size, size, stream);
    }
    let mut offset = 0;
    while offset < size {
        let data = match os::seek(fd, SeekFrom::Data(offset)) {
            Ok(data) => data.min(size),
            Err(Errno::NXIO) => size,
            // File systems without holes.
            Err(Errno::INVAL) => offset,
            Err(errno) => return Err(errno.into()),
        };
        stream.write_zeros(data - offset)?;
        if data == size {
            // The hole may only look like one because the file was cut off.
            let length = os::fstat(fd)?.st_size as u64;
            return if length < size { Err(blob::shrunk(size, length)) } else { Ok(()) };
        }
        let hole = match os::seek(fd, SeekFrom::Hole(data)) {
            Ok(hole) => hole.min(size),
            Err(Errno::INVAL) => size,
            Err(Errno::NXIO) => return Err(blob::shrunk(size, os::fstat(fd)?.st_size as u64)),
            Err(errno) => return Err(errno.into()),
        };
        read_data(fd, data, hole, size, stream)?;
        offset = hole;
    }
    Ok(())
}

/// Reads the bytes from `start` to `end`.
pub(crate) fn read_data(fd: &OwnedFd, start: u64, end: u64, size: u64, stream: &mut StreamWriter<'_>) -> Result<()> {
    let mut offset = start;
    while offset < end {
        let space = stream.space();
        let wanted = space.len().min(PIECE).min(usize::try_from(end - offset).unwrap_or(usize::MAX));
        match rustix::io::pread(fd.as_fd(), &mut space[..wanted], offset) {
            Ok(0) => return Err(blob::shrunk(size, offset)),
            Ok(count) => {
                stream.filled(count)?;
                offset += count as u64;
            }
            Err(Errno::INTR) => stream.check()?,
            Err(errno) => return Err(Error::from(errno)),
        }
    }
    Ok(())
}
