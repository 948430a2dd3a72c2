//! An index or archive on an FTP server.

use std::sync::{Arc, OnceLock};

use rustix::io::Errno;
use tokio::sync::Mutex;

use super::read_only;
use super::server::{Connection, Server, Transfer};
use crate::error::{Error, Result};
use crate::remote::http::{Trouble, go_on, persist};
use crate::remote::{RemoteFile, Upload, runtime};

/// The file.
#[derive(Debug)]
pub(super) struct FtpFile {
    server: Arc<Server>,
    path: String,
    /// What it was when it was first looked at.
    seen: OnceLock<Version>,
    /// Where a transfer is under way: most readers go on where they were.
    cursor: Mutex<Option<Cursor>>,
}

/// What tells a file from another one that has taken its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    /// `None` if the server does not say.
    size: Option<u64>,
    modified: Option<i64>,
}

/// A transfer under way.
struct Cursor {
    connection: Connection,
    transfer: Transfer,
    /// Where the next byte of it is in the file.
    at: u64,
}

impl std::fmt::Debug for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cursor").field("at", &self.at).finish_non_exhaustive()
    }
}

impl FtpFile {
    /// What is read and thrown away rather than beginning another transfer: that takes several answers.
    const SKIPPED_MAX: u64 = 256 << 10;

    pub(super) fn new(server: Arc<Server>, path: String) -> Self {
        Self { server, path, seen: OnceLock::new(), cursor: Mutex::new(None) }
    }

    /// Looks at the file, which must be the one that was seen first.
    async fn look(&self, connection: &mut Connection) -> Result<Version, Trouble> {
        let size = match connection.size(&self.path).await {
            Err(Trouble::Lasting(error)) if error.errno() == Errno::BADR => None,
            size => Some(size?),
        };
        let version = Version { size, modified: connection.modified(&self.path).await? };
        if *self.seen.get_or_init(|| version) != version {
            let text = format!("{}: it has changed while it was read", self.name());
            return Err(Trouble::Lasting(Error::new(Errno::STALE, text)));
        }
        Ok(version)
    }

    /// A transfer from an offset on.
    async fn open(&self, mut connection: Connection, at: u64) -> Result<(Cursor, Version), Trouble> {
        let version = self.look(&mut connection).await?;
        let transfer = connection.open(&self.path, at).await?;
        Ok((Cursor { connection, transfer, at }, version))
    }

    /// Reads some bytes from an offset on, by the transfer that is under way or by another one, which is then the one. 0: it
    /// has ended before, and is none any more.
    async fn fill(&self, slot: &mut Option<Cursor>, offset: u64, buffer: &mut [u8]) -> Result<usize, Trouble> {
        let mut cursor = match slot.take() {
            Some(cursor) if cursor.at <= offset && offset - cursor.at <= Self::SKIPPED_MAX => cursor,
            Some(Cursor { connection, transfer, .. }) => {
                drop(transfer);
                self.open(connection, offset).await?.0
            }
            None => self.open(self.server.connection().await?, offset).await?.0,
        };
        let mut skipped = vec![0; 8 << 10];
        loop {
            let before = usize::try_from(offset.saturating_sub(cursor.at)).unwrap_or(usize::MAX);
            let skip = before.min(skipped.len());
            let room = if skip > 0 { &mut skipped[..skip] } else { &mut *buffer };
            let count = cursor.connection.read(&mut cursor.transfer, room).await?;
            cursor.at += count as u64;
            if count == 0 {
                return Ok(0);
            }
            if skip == 0 {
                *slot = Some(cursor);
                return Ok(count);
            }
        }
    }

    fn cut(&self, taken: u64, size: u64) -> Error {
        Error::new(Errno::CONNRESET, format!("{}: {taken} bytes came of {size}", self.name()))
    }
}

impl RemoteFile for FtpFile {
    fn name(&self) -> &str {
        &self.server.name
    }

    fn read(&self, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut buffer = vec![0; 64 << 10];
        let mut taken = 0;
        // Losses since something came last.
        let mut losses = 0;
        loop {
            let opened = self.server.run(async |connection| self.open(connection, taken).await);
            let (Cursor { connection, mut transfer, .. }, version) = opened?;
            let end = loop {
                match runtime::wait(async { Ok(connection.read(&mut transfer, &mut buffer).await) })? {
                    // What is short was cut, whatever the server says of it, and however long it takes to.
                    Ok(0) if version.size.is_some_and(|size| size > taken) => break Ok(()),
                    Ok(0) => break runtime::wait(async { Ok(connection.finish(transfer).await) })?,
                    Ok(count) => {
                        take(&buffer[..count])?;
                        taken += count as u64;
                        losses = 0;
                    }
                    Err(trouble) => break Err(trouble),
                }
            };
            let lost = match (end, version.size) {
                (Ok(()), Some(size)) if size != taken => self.cut(taken, size),
                (Ok(()), _) => {
                    connection.keep();
                    return Ok(());
                }
                (Err(Trouble::Passing { error, .. }), _) => error,
                (Err(Trouble::Lasting(error)), _) => return Err(error),
            };
            runtime::wait(go_on(&mut losses, self.server.options.retries, lost))?;
        }
    }

    fn size(&self) -> Result<Option<u64>> {
        if let Some(seen) = self.seen.get() {
            return Ok(seen.size);
        }
        self.server.run(async |mut connection| {
            let version = self.look(&mut connection).await?;
            connection.keep();
            Ok(version.size)
        })
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let Some(size) = self.size()? else {
            let text = format!("{}: the server does not say how large it is", self.name());
            return Err(Error::new(Errno::OPNOTSUPP, text));
        };
        let wanted = usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        // One reader at a time: each would take the other's transfer away.
        let mut slot = runtime::wait(async { Ok(self.cursor.lock().await) })?;
        let mut filled = 0;
        while filled < wanted {
            let (at, room) = (offset + filled as u64, &mut buffer[filled..wanted]);
            filled += runtime::wait(persist(self.server.options.retries, async || {
                match self.fill(&mut slot, at, room).await? {
                    0 => Err(Trouble::passing(self.cut(at, size))),
                    count => Ok(count),
                }
            }))?;
        }
        Ok(filled)
    }

    fn write(&self) -> Result<Box<dyn Upload>> {
        Err(read_only(self.name()))
    }
}
