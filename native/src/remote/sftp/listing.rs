//! A store that is looked through and cleaned.

use std::sync::Arc;

use casync_core::chunk::ChunkId;
use casync_core::gc::{StoreFile, is_chunk_directory};
use futures_util::stream::{self, StreamExt as _};
use openssh_sftp_protocol::file_attrs::FileType;

use super::chunks::SftpChunks;
use super::session::{Failure, Session};
use super::wire::Name;
use crate::error::{Context as _, Result};
use crate::store::{Form, Inventory, Item, Listed};

/// Directories or files that are asked for at the same time.
const WIDTH: usize = 32;

/// All entries of a directory but itself and its parent; `None` if it is none.
async fn entries(session: &Arc<Session>, path: &str) -> Result<Option<Vec<Name>>, Failure> {
    let directory = match session.open_directory(path).await {
        Ok(directory) => directory,
        Err(Failure::Absent) => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let mut all = Vec::new();
    while let Some(names) = directory.entries().names().await? {
        all.extend(names.into_iter().filter(|entry| entry.name != b"." && entry.name != b".."));
    }
    Ok(Some(all))
}

impl SftpChunks {
    /// What a file of the store is.
    fn listed(&self, directory: &str, entry: &Name) -> Listed {
        let name = String::from_utf8_lossy(&entry.name);
        let path = format!("{directory}/{name}");
        match StoreFile::of(directory.as_bytes(), &entry.name, self.layout.suffix()) {
            StoreFile::Chunk { id, compressed } => {
                let form = if compressed { Form::Compressed } else { Form::Plain };
                // Under another suffix than today's it would not be found.
                if self.layout.path(&id, form) != path {
                    return Listed::Stranger(path);
                }
                let modified = entry.attributes.get_time().map(|(_, modified)| modified.as_system_time());
                Listed::Chunk(Item { id, form, size: entry.attributes.get_size(), modified, path })
            }
            StoreFile::Temporary | StoreFile::Stranger => Listed::Stranger(path),
        }
    }
}

impl Inventory for SftpChunks {
    fn list(&self, take: &mut dyn FnMut(Listed) -> Result<()>) -> Result<()> {
        let what = || format!("list store {:?}", self.name);
        // A store that is not there yet is empty.
        let top = self.host.run(async |session| entries(&session, &self.directory).await).context(what)?;
        let mut directories = Vec::new();
        for entry in top.unwrap_or_default() {
            let is_directory = entry.attributes.get_filetype().is_none_or(|kind| kind == FileType::Directory);
            match String::from_utf8(entry.name) {
                Ok(name) if is_chunk_directory(name.as_bytes()) && is_directory => directories.push(name),
                Ok(name) => take(Listed::Stranger(name))?,
                Err(error) => take(Listed::Stranger(String::from_utf8_lossy(error.as_bytes()).into_owned()))?,
            }
        }
        for some in directories.chunks(WIDTH) {
            let listed = self.host.run(async |session| {
                let asked = some.iter().map(async |name| Ok((name, entries(&session, &self.below(name)).await?)));
                let done: Vec<Result<_, Failure>> = stream::iter(asked).buffered(WIDTH).collect().await;
                done.into_iter().collect::<Result<Vec<_>, Failure>>()
            });
            for (directory, entries) in listed.context(what)? {
                for entry in entries.unwrap_or_default() {
                    take(self.listed(directory, &entry))?;
                }
            }
        }
        Ok(())
    }

    fn remove(&self, items: Vec<Item>, done: &mut dyn FnMut(&Item, Result<()>)) {
        for some in items.chunks(WIDTH) {
            let removed = self.host.run(async |session| {
                let asked = some.iter().map(async |item| match session.remove(&self.below(&item.path)).await {
                    Err(Failure::Lost(error)) => Err(Failure::Lost(error)),
                    removed => Ok(removed.map_err(Failure::into_error)),
                });
                let done: Vec<Result<_, Failure>> = stream::iter(asked).buffered(WIDTH).collect().await;
                done.into_iter().collect::<Result<Vec<_>, Failure>>()
            });
            let removed = removed.unwrap_or_else(|error| some.iter().map(|_| Err(error.clone())).collect());
            for (item, removed) in some.iter().zip(removed) {
                done(item, removed.context(|| format!("remove {:?} from store {:?}", item.path, self.name)));
            }
        }
    }

    fn replace(&self, id: &ChunkId, path: &str, bytes: &[u8]) -> Result<()> {
        let replaced = self.host.run(async |session| self.put_over(&session, id, path, bytes).await);
        replaced.context(|| format!("replace {path:?} in store {:?}", self.name))
    }
}
