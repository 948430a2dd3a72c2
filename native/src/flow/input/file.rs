//! An archive file, or a pipe that carries one.

use std::os::fd::OwnedFd;

use rustix::buffer::spare_capacity;
use rustix::io::Errno;

use super::ByteSource;
use crate::error::Result;
use crate::flow::stop;
use crate::fs::blob::Kind;

/// Reads a file or pipe in large pieces.
#[derive(Debug)]
pub struct FileSource {
    fd: OwnedFd,
    seekable: bool,
    buffer: Vec<u8>,
    used: usize,
    /// Offset of the start of the buffer.
    start: u64,
    /// Offset at which reading stops.
    end: u64,
}

impl FileSource {
    /// Bytes that are read at once.
    const PIECE: usize = 256 << 10;

    /// Reads from the start of a file, or from a pipe.
    ///
    /// # Errors
    ///
    /// If the system does not tell what the descriptor is.
    pub fn new(fd: OwnedFd) -> Result<Self> {
        let seekable = Kind::of(&fd)? == Kind::File;
        let end = if seekable { rustix::fs::fstat(&fd)?.st_size as u64 } else { u64::MAX };
        Ok(Self { fd, seekable, buffer: Vec::new(), used: 0, start: 0, end })
    }

    /// Keeps to the bytes from `start` to `end`; only for files.
    #[must_use]
    pub const fn part(mut self, start: u64, end: u64) -> Self {
        self.start = start;
        self.end = end;
        self
    }
}

impl ByteSource for FileSource {
    fn fill(&mut self) -> Result<&[u8]> {
        while self.used == self.buffer.len() {
            self.start += self.buffer.len() as u64;
            self.used = 0;
            self.buffer.clear();
            let left = usize::try_from(self.end - self.start).unwrap_or(usize::MAX);
            if left == 0 {
                break;
            }
            self.buffer.reserve_exact(Self::PIECE);
            let read = if self.seekable {
                stop::check()?;
                rustix::io::pread(&self.fd, spare_capacity(&mut self.buffer), self.start)
            } else {
                stop::wait_readable(&self.fd)?;
                rustix::io::read(&self.fd, spare_capacity(&mut self.buffer))
            };
            match read {
                Err(Errno::INTR) => {}
                Ok(0) => break,
                read => drop(read?),
            }
            self.buffer.truncate(left);
        }
        Ok(&self.buffer[self.used..])
    }

    fn consume(&mut self, count: usize) {
        self.used += count;
    }

    fn skip(&mut self, mut count: u64) -> Result<()> {
        let here = (self.buffer.len() - self.used) as u64;
        if count <= here {
            self.used += usize::try_from(count).unwrap_or(usize::MAX);
            return Ok(());
        }
        if self.seekable {
            self.start = self.position().saturating_add(count).min(self.end);
            self.buffer.clear();
            self.used = 0;
            return Ok(());
        }
        while count > 0 {
            let at_hand = self.fill()?.len();
            if at_hand == 0 {
                break;
            }
            let step = at_hand.min(usize::try_from(count).unwrap_or(usize::MAX));
            self.consume(step);
            count -= step as u64;
        }
        Ok(())
    }

    fn position(&self) -> u64 {
        self.start + self.used as u64
    }
}
