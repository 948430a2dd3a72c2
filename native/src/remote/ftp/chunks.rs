//! A store on an FTP server: chunks as files, in the places where a local store has them.

use std::sync::Arc;

use casync_core::chunk::ChunkId;
use rustix::io::Errno;

use super::read_only;
use super::server::{Connection, Server, absent};
use crate::error::{Context as _, Error, Result};
use crate::remote::http::Trouble;
use crate::store::{Form, Layout, Put, STORED_MAX, Store, hand_over};

/// The store.
#[derive(Debug)]
pub(super) struct FtpChunks {
    server: Arc<Server>,
    /// Empty, or with a slash at its end.
    directory: String,
    layout: Layout,
}

impl FtpChunks {
    pub(super) fn new(server: Arc<Server>, path: String) -> Self {
        let directory = match path.trim_end_matches('/') {
            "" => path,
            path => format!("{path}/"),
        };
        Self { server, directory, layout: Layout::from_environment() }
    }

    fn path(&self, id: &ChunkId, form: Form) -> String {
        format!("{}{}", self.directory, self.layout.path(id, form))
    }

    fn what(&self, verb: &str, id: &ChunkId) -> String {
        format!("{verb} chunk {id} in store {:?}", self.server.name)
    }
}

/// Reads a file to its end; `None` if it is not there.
async fn read(mut connection: Connection, path: &str) -> Result<Option<Vec<u8>>, Trouble> {
    /// More than most chunks have.
    const PIECE: usize = 64 << 10;
    let Some(mut transfer) = absent(connection.open(path, 0).await)? else {
        connection.keep();
        return Ok(None);
    };
    let mut bytes = Vec::new();
    loop {
        let filled = bytes.len();
        if filled as u64 > STORED_MAX {
            return Err(Trouble::Lasting(Error::new(Errno::BADMSG, "the file is larger than any chunk")));
        }
        bytes.resize(filled + PIECE, 0);
        let count = connection.read(&mut transfer, &mut bytes[filled..]).await?;
        bytes.truncate(filled + count);
        if count == 0 {
            break;
        }
    }
    connection.finish(transfer).await?;
    connection.keep();
    Ok(Some(bytes))
}

impl Store for FtpChunks {
    fn get(&self, id: &ChunkId, form: Form, buffer: &mut Vec<u8>) -> Result<bool> {
        let path = self.path(id, form);
        let read = self.server.run(async |connection| read(connection, &path).await);
        Ok(hand_over(read.context(|| self.what("get", id))?, buffer))
    }

    fn has(&self, id: &ChunkId) -> Result<bool> {
        Ok(self.stored_size(id)?.is_some())
    }

    fn stored_size(&self, id: &ChunkId) -> Result<Option<u64>> {
        let paths = Form::ALL.map(|form| self.path(id, form));
        let looked = self.server.run(async |mut connection| {
            let mut found = None;
            for path in &paths {
                // What is empty is no chunk.
                found = absent(connection.size(path).await)?.filter(|&size| size > 0);
                if found.is_some() {
                    break;
                }
            }
            connection.keep();
            Ok(found)
        });
        looked.context(|| self.what("look for", id))
    }

    fn put(&self, id: &ChunkId, _: Form, _: &[u8]) -> Result<Put> {
        Err(read_only(&self.server.name).context(self.what("put", id)))
    }

    fn width(&self) -> usize {
        Server::CONNECTIONS_MAX
    }

    fn name(&self) -> &str {
        &self.server.name
    }
}
