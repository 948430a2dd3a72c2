//! Chunks as files, in the places where a local store has them.

use std::sync::Arc;

use casync_core::chunk::ChunkId;
use rustix::io::Errno;

use super::handle::Pieces;
use super::host::Host;
use super::session::{Failure, Session};
use super::upload;
use crate::error::{Context as _, Error, Result};
use crate::store::{Form, Inventory, Layout, Put, STORED_MAX, Store, hand_over};
use crate::sys::random_u64;

/// A store in a directory of another host.
#[derive(Debug)]
pub(super) struct SftpChunks {
    pub(super) host: Arc<Host>,
    /// The directory, without a slash at its end.
    pub(super) directory: String,
    pub(super) name: String,
    pub(super) layout: Layout,
}

impl SftpChunks {
    pub(super) fn new(host: Arc<Host>, directory: String, name: String) -> Self {
        let directory = directory.trim_end_matches('/').to_owned();
        Self { host, directory, name, layout: Layout::from_environment() }
    }

    /// The path of something in the store.
    pub(super) fn below(&self, path: &str) -> String {
        format!("{}/{path}", self.directory)
    }

    fn what(&self, verb: &str, id: &ChunkId) -> String {
        format!("{verb} chunk {id} in store {:?}", self.name)
    }

    async fn read(&self, session: &Arc<Session>, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        let handle = match session.open(path).await {
            Ok(handle) => Arc::new(handle),
            Err(Failure::Absent) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        // Most chunks are in the first piece: it is asked for with the size.
        let looked = handle.look();
        let mut pieces = Pieces::new(handle, 0..u64::MAX, 1);
        let size = looked.attributes().await?.get_size().unwrap_or(STORED_MAX + 1);
        if size > STORED_MAX {
            return Err(Error::new(Errno::BADMSG, "the file is larger than any chunk").into());
        }
        pieces.end_at(size);
        let mut bytes = Vec::with_capacity(size as usize);
        while bytes.len() < size as usize {
            let Some(piece) = pieces.next().await? else {
                let text = format!("{} bytes came instead of {size}", bytes.len());
                return Err(Error::new(Errno::IO, text).into());
            };
            bytes.extend_from_slice(&piece);
        }
        Ok(Some(bytes))
    }

    /// Makes the directories for a path in the store: that of the store itself, and the one in it.
    async fn make_room(&self, session: &Session, path: &str) -> Result<(), Failure> {
        session.make_directory(&self.directory).await?;
        let directory = path.rsplit_once('/').map_or(path, |(directory, _)| directory);
        session.make_directory(directory).await
    }

    /// Writes a file under another name than that which it is to have.
    async fn prepare(&self, session: &Arc<Session>, id: &ChunkId, bytes: &[u8]) -> Result<String, Failure> {
        let temporary = self.below(&Layout::temporary(id, random_u64()));
        let written = match upload::create(session, &temporary, bytes).await {
            Err(Failure::Absent) => {
                self.make_room(session, &temporary).await?;
                upload::create(session, &temporary, bytes).await
            }
            written => written,
        };
        written.map(|()| temporary)
    }

    async fn write(&self, session: &Arc<Session>, id: &ChunkId, form: Form, bytes: &[u8]) -> Result<Put, Failure> {
        let path = self.below(&self.layout.path(id, form));
        let found = session.look(&path).await?;
        // Empty is what a crash may leave, and no chunk.
        let is_empty = found.as_ref().is_some_and(|found| found.get_size() == Some(0));
        if found.is_some() && !is_empty {
            return Ok(Put::Existed);
        }
        let temporary = self.prepare(session, id, bytes).await?;
        let named =
            if is_empty { session.replace(&temporary, &path).await } else { session.rename(&temporary, &path).await };
        let Err(failure) = named else { return Ok(Put::Stored) };
        session.remove(&temporary).await?;
        // Somebody else was faster.
        if matches!(failure, Failure::Refused(..)) && session.look(&path).await?.is_some() {
            return Ok(Put::Existed);
        }
        Err(failure)
    }
}

impl Store for SftpChunks {
    fn get(&self, id: &ChunkId, form: Form, buffer: &mut Vec<u8>) -> Result<bool> {
        let path = self.below(&self.layout.path(id, form));
        let read = self.host.run(async |session| self.read(&session, &path).await);
        Ok(hand_over(read.context(|| self.what("read", id))?, buffer))
    }

    fn has(&self, id: &ChunkId) -> Result<bool> {
        Ok(self.stored_size(id)?.is_some())
    }

    fn stored_size(&self, id: &ChunkId) -> Result<Option<u64>> {
        let paths = Form::ALL.map(|form| self.below(&self.layout.path(id, form)));
        let looked = self.host.run(async |session| {
            for path in &paths {
                let size = session.look(path).await?.and_then(|found| found.get_size());
                if let Some(size) = size.filter(|&size| size > 0) {
                    return Ok(Some(size));
                }
            }
            Ok(None)
        });
        looked.context(|| self.what("look for", id))
    }

    fn put(&self, id: &ChunkId, form: Form, bytes: &[u8]) -> Result<Put> {
        let put = self.host.run(async |session| self.write(&session, id, form, bytes).await);
        put.context(|| self.what("write", id))
    }

    fn width(&self) -> usize {
        // As many as the usual server has under way; what it sends for them at most is 8 MiB.
        64
    }

    fn inventory(&self) -> Option<&dyn Inventory> {
        Some(self)
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl SftpChunks {
    /// Puts bytes in the place of a file of the store.
    pub(super) async fn put_over(
        &self,
        session: &Arc<Session>,
        id: &ChunkId,
        path: &str,
        bytes: &[u8],
    ) -> Result<(), Failure> {
        let temporary = self.prepare(session, id, bytes).await?;
        let placed = session.replace(&temporary, &self.below(path)).await;
        if placed.is_err() {
            session.remove(&temporary).await?;
        }
        placed
    }
}
