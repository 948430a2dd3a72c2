//! An index or archive as a file.

use std::sync::{Arc, Mutex, PoisonError};

use openssh_sftp_protocol::file_attrs::FileAttrs;
use rustix::io::Errno;

use super::handle::{Handle, Pieces};
use super::host::Host;
use super::session::{Failure, Session, during};
use super::upload::SftpUpload;
use crate::error::{Context as _, Error, Result};
use crate::remote::{RemoteFile, Upload};

/// The file. It stays open, so that a reader gets no parts of another one that has taken its name.
#[derive(Debug)]
pub(super) struct SftpFile {
    host: Arc<Host>,
    path: String,
    name: String,
    open: Mutex<Option<Open>>,
}

/// A file that is open in a session.
#[derive(Clone, Debug)]
struct Open {
    handle: Arc<Handle>,
    version: Version,
}

/// What tells a file from another one that has taken its name, if it had to be opened again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    size: u64,
    modified: Option<u32>,
}

impl Version {
    fn of(attributes: &FileAttrs) -> Result<Self, Failure> {
        let unknown = || Error::new(Errno::OPNOTSUPP, "the server does not say how large it is");
        let size = attributes.get_size().ok_or_else(unknown)?;
        Ok(Self { size, modified: attributes.get_time().map(|(_, modified)| modified.into_raw()) })
    }
}

impl SftpFile {
    pub(super) const fn new(host: Arc<Host>, path: String, name: String) -> Self {
        Self { host, path, name, open: Mutex::new(None) }
    }

    /// The file, opened in this session.
    async fn open(&self, session: &Arc<Session>) -> Result<Open, Failure> {
        let known = self.open.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(open) = known.as_ref().filter(|open| Arc::ptr_eq(open.handle.session(), session)) {
            return Ok(open.clone());
        }
        let handle = session.open(&self.path).await?;
        let version = Version::of(&handle.look().attributes().await?)?;
        if known.is_some_and(|known| known.version != version) {
            return Err(Error::new(Errno::STALE, "it has changed while it was read").into());
        }
        let open = Open { handle: Arc::new(handle), version };
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(open.clone());
        Ok(open)
    }

    fn run<T>(&self, verb: &str, work: impl AsyncFn(Arc<Session>) -> Result<T, Failure>) -> Result<T> {
        let done = self.host.run(work);
        done.map_err(|error| {
            let missing = error.is_not_found();
            let error = error.context(format!("{verb} {:?}", self.name));
            if missing { error.headed("File, URL or resource not found.") } else { error }
        })
    }
}

impl RemoteFile for SftpFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn read(&self, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut taken = 0;
        // Since something came last.
        let mut losses = 0;
        // What was lost on the way is asked for again from where it ended.
        let mut pieces: Option<(Pieces, u64)> = None;
        loop {
            let (mut under_way, size) = match pieces.take() {
                Some(under_way) => under_way,
                None => self.run("read", async |session| {
                    let open = self.open(&session).await?;
                    let size = open.version.size;
                    Ok((Pieces::new(open.handle, taken..size.max(taken), Pieces::WINDOW), size))
                })?,
            };
            let next = crate::remote::runtime::wait(async { Ok((under_way.next().await, under_way)) })?;
            match next {
                (Ok(Some(piece)), under_way) => {
                    take(&piece)?;
                    taken += piece.len() as u64;
                    losses = 0;
                    pieces = Some((under_way, size));
                }
                (Ok(None), _) if taken == size => return Ok(()),
                (Ok(None), _) => {
                    let text = format!("{:?} ended after {taken} of {size} bytes", self.name);
                    return Err(Error::new(Errno::IO, text));
                }
                // A new connection, if there is one to be had.
                (Err(Failure::Lost(_)), _) if losses < Host::RETRIES => losses += 1,
                (Err(failure), _) => return Err(failure.into_error().context(format!("read {:?}", self.name))),
            }
        }
    }

    fn size(&self) -> Result<Option<u64>> {
        self.run("look at", async |session| Ok(Some(self.open(&session).await?.version.size)))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let length = buffer.len() as u64;
        let bytes = self.run("read", async |session| {
            let open = self.open(&session).await?;
            let end = open.version.size.min(offset.saturating_add(length));
            let mut pieces = Pieces::new(open.handle, offset.min(end)..end, Pieces::WINDOW);
            let mut bytes = Vec::with_capacity((end - offset.min(end)) as usize);
            while let Some(piece) = pieces.next().await? {
                bytes.extend_from_slice(&piece);
            }
            if offset < end && bytes.len() as u64 != end - offset {
                return Err(Error::new(Errno::STALE, "it has become shorter while it was read").into());
            }
            Ok(bytes)
        })?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }

    fn write(&self) -> Result<Box<dyn Upload>> {
        let temporary = super::upload::beside(&self.path);
        let handle = self
            .host
            .once(async |session| during(session.create(&temporary).await, || format!("create {temporary:?}")));
        let handle = handle.context(|| format!("write {:?}", self.name))?;
        Ok(Box::new(SftpUpload::new(handle, temporary, self.path.clone(), self.name.clone())))
    }
}
