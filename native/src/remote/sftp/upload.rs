//! A file while it is written: under another name, until all of it is there.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;

use rustix::io::Errno;

use super::handle::Handle;
use super::session::{Asked, Failure, Session};
use crate::error::{Context as _, Error, Result};
use crate::remote::{Upload, runtime};
use crate::sys::random_u64;

/// Bytes that every server takes at once.
const PIECE: usize = 1 << 15;
/// Pieces under way: 2 MiB, which is what ssh itself lets be under way.
const WINDOW: usize = 64;

/// The name of a file while it is written, as the C program has it.
pub(super) fn beside(path: &str) -> String {
    let (directory, name) =
        path.rsplit_once('/').map_or(("", path), |(directory, name)| (&path[..=directory.len()], name));
    format!("{directory}.#{name}{:016x}", random_u64())
}

/// Writes all of a file; what is under way is bounded.
pub(super) async fn write_all(handle: &Handle, bytes: &[u8]) -> Result<(), Failure> {
    let mut under_way = VecDeque::new();
    for (number, piece) in bytes.chunks(PIECE).enumerate() {
        under_way.push_back(handle.write((number * PIECE) as u64, piece));
        if under_way.len() > WINDOW
            && let Some(asked) = under_way.pop_front()
        {
            asked.done().await?;
        }
    }
    for asked in under_way {
        asked.done().await?;
    }
    Ok(())
}

/// Makes a file with these bytes under a name that is free. Nothing is left of it if that fails.
pub(super) async fn create(session: &Arc<Session>, path: &str, bytes: &[u8]) -> Result<(), Failure> {
    let handle = session.create(path).await?;
    let written = write_all(&handle, bytes).await;
    let closed = handle.close().await;
    let done = written.and(closed);
    if done.is_err() {
        let _ = session.remove(path).await;
    }
    done
}

/// An index or archive under way.
#[derive(Debug)]
pub(super) struct SftpUpload {
    session: Arc<Session>,
    /// `None` once it has its name.
    handle: Option<Handle>,
    temporary: String,
    path: String,
    name: String,
    buffer: Vec<u8>,
    written: u64,
    under_way: VecDeque<Asked>,
}

impl SftpUpload {
    pub(super) fn new(handle: Handle, temporary: String, path: String, name: String) -> Self {
        let session = Arc::clone(handle.session());
        let (buffer, under_way) = (Vec::with_capacity(PIECE), VecDeque::new());
        Self { session, handle: Some(handle), temporary, path, name, buffer, written: 0, under_way }
    }

    fn run<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T> {
        let done = runtime::wait(async { Ok(work.await) })?;
        done.map_err(|failure| match failure {
            Failure::Lost(error) => self.session.explain(error),
            failure => failure.into_error(),
        })
        .context(|| format!("write {:?}", self.name))
    }

    /// Sends what is in the buffer; waits if too much is under way.
    fn send(&mut self) -> Result<()> {
        let Some(handle) = &self.handle else { return Err(Error::new(Errno::BADF, "it is complete")) };
        self.under_way.push_back(handle.write(self.written, &self.buffer));
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        if self.under_way.len() > WINDOW
            && let Some(asked) = self.under_way.pop_front()
        {
            self.run(asked.done())?;
        }
        Ok(())
    }
}

impl Write for SftpUpload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == PIECE {
            self.send().map_err(io::Error::other)?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Upload for SftpUpload {
    fn finish(mut self: Box<Self>) -> Result<()> {
        if !self.buffer.is_empty() {
            self.send()?;
        }
        let under_way = std::mem::take(&mut self.under_way);
        self.run(async {
            for asked in under_way {
                asked.done().await?;
            }
            Ok(())
        })?;
        let Some(handle) = self.handle.take() else { return Ok(()) };
        let named = self.run(async {
            handle.close().await?;
            self.session.replace(&self.temporary, &self.path).await
        });
        if named.is_err() {
            runtime::at_last(self.session.remove(&self.temporary));
        }
        named
    }
}

impl Drop for SftpUpload {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            drop(handle);
            runtime::at_last(self.session.remove(&self.temporary));
        }
    }
}
