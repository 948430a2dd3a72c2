//! Chunks in a registry.

use bytes::Bytes;
use casync_core::chunk::ChunkId;
use casync_core::gc::StoreFile;
use futures_util::StreamExt as _;
use rustix::io::Errno;

use super::manifest::{CHUNK, Descriptor};
use super::place::Place;
use super::registry::{Registry, Tagged};
use crate::error::{Error, Result};
use crate::remote::http::{Body, Trouble};
use crate::remote::runtime;
use crate::remote::settings::Settings;
use crate::store::{Form, Inventory, Item, Layout, Listed, Put, STORED_MAX, Store, hand_over};

/// The chunks of a repository.
#[derive(Debug)]
pub struct OciChunks {
    registry: Registry,
    layout: Layout,
}

impl OciChunks {
    /// The repository that a URL names. Nothing is asked of it yet.
    ///
    /// # Errors
    ///
    /// If the URL or the settings cannot be used.
    pub fn new(url: &str, settings: &Settings) -> Result<Self> {
        let registry = Registry::new(&Place::store(url)?, settings)?;
        Ok(Self { registry, layout: Layout::from_environment() })
    }

    fn run<T>(&self, what: impl FnOnce() -> String, work: impl AsyncFnMut() -> Result<T, Trouble>) -> Result<T> {
        runtime::wait(self.registry.persist(work))
            .map_err(|error| error.context(format!("{} {:?}", what(), self.registry.name)))
    }

    /// The manifest and blob of a chunk; `None`: there is none, whatever else has this tag.
    async fn look(&self, tag: &str) -> Result<Option<(Tagged, Descriptor)>, Trouble> {
        let Some(tagged) = self.registry.tagged(tag).await? else { return Ok(None) };
        if tagged.manifest.artifact_type != CHUNK {
            return Ok(None);
        }
        match tagged.manifest.blob().cloned() {
            Some(blob) if blob.size <= STORED_MAX => Ok(Some((tagged, blob))),
            _ => {
                let text = format!("the manifest that is tagged {tag} names no blob that could be a chunk");
                Err(Trouble::Lasting(Error::new(Errno::BADMSG, text)))
            }
        }
    }

    async fn write(&self, tag: &str, bytes: &Bytes) -> Result<(), Trouble> {
        let body = Body::Bytes(bytes.clone());
        self.registry.put(CHUNK, tag, Descriptor::of(bytes), body, Default::default()).await
    }

    async fn remove_one(&self, tag: &str) -> Result<(), Trouble> {
        match self.look(tag).await? {
            Some((tagged, _)) => self.registry.remove(&tagged.digest).await,
            None => Ok(()),
        }
    }
}

impl Store for OciChunks {
    fn get(&self, id: &ChunkId, form: Form, buffer: &mut Vec<u8>) -> Result<bool> {
        let tag = self.path(id, form);
        let found = self.run(
            || format!("read chunk {id} from store"),
            async || {
                let Some((_, blob)) = self.look(&tag).await? else { return Ok(None) };
                // A manifest without its blob is as good as none.
                self.registry.blob(&blob).await
            },
        )?;
        Ok(hand_over(found, buffer))
    }

    fn has(&self, id: &ChunkId) -> Result<bool> {
        Ok(self.stored_size(id)?.is_some())
    }

    fn stored_size(&self, id: &ChunkId) -> Result<Option<u64>> {
        for form in Form::ALL {
            let tag = self.path(id, form);
            let found = self.run(|| format!("look for chunk {id} in store"), async || self.look(&tag).await)?;
            if let Some((_, blob)) = found.filter(|(_, blob)| blob.size > 0) {
                return Ok(Some(blob.size));
            }
        }
        Ok(None)
    }

    fn put(&self, id: &ChunkId, form: Form, bytes: &[u8]) -> Result<Put> {
        let (tag, bytes) = (self.path(id, form), Bytes::copy_from_slice(bytes));
        self.run(
            || format!("write chunk {id} to store"),
            async || {
                if self.look(&tag).await?.is_some_and(|(_, blob)| blob.size > 0) {
                    return Ok(Put::Existed);
                }
                self.write(&tag, &bytes).await.map(|()| Put::Stored)
            },
        )
    }

    fn width(&self) -> usize {
        self.registry.width()
    }

    fn path(&self, id: &ChunkId, form: Form) -> String {
        let path = self.layout.path(id, form);
        path.split_once('/').map_or_else(|| path.clone(), |(_, tag)| tag.to_owned())
    }

    fn inventory(&self) -> Option<&dyn Inventory> {
        Some(self)
    }

    fn name(&self) -> &str {
        &self.registry.name
    }
}

impl Inventory for OciChunks {
    fn list(&self, take: &mut dyn FnMut(Listed) -> Result<()>) -> Result<()> {
        let mut page = None;
        loop {
            let (tags, next) =
                self.run(|| "list store".to_owned(), async || self.registry.tags(page.as_ref()).await)?;
            for tag in tags {
                let directory = tag.as_bytes().get(..4).unwrap_or_default();
                take(match StoreFile::of(directory, tag.as_bytes(), self.layout.suffix()) {
                    StoreFile::Chunk { id, compressed } => {
                        let form = if compressed { Form::Compressed } else { Form::Plain };
                        if self.path(&id, form) == tag {
                            Listed::Chunk(Item { id, form, size: None, modified: None, path: tag })
                        } else {
                            Listed::Stranger(tag)
                        }
                    }
                    StoreFile::Temporary | StoreFile::Stranger => Listed::Stranger(tag),
                })?;
            }
            match next {
                Some(next) => page = Some(next),
                None => return Ok(()),
            }
        }
    }

    fn remove(&self, items: Vec<Item>, done: &mut dyn FnMut(&Item, Result<()>)) {
        /// Removals under way at the same time, each of two requests.
        const UNDER_WAY: usize = 16;
        let removals = items.iter().map(|item| async move {
            let removed = self.registry.persist(async || self.remove_one(&item.path).await).await;
            removed
                .map_err(|error| error.context(format!("remove {:?} from store {:?}", item.path, self.registry.name)))
        });
        let all = futures_util::stream::iter(removals).buffered(UNDER_WAY).collect::<Vec<_>>();
        match runtime::wait(async { Ok(all.await) }) {
            Ok(results) => items.iter().zip(results).for_each(|(item, removed)| done(item, removed)),
            Err(error) => items.iter().for_each(|item| done(item, Err(error.clone()))),
        }
    }

    fn replace(&self, id: &ChunkId, path: &str, bytes: &[u8]) -> Result<()> {
        let bytes = Bytes::copy_from_slice(bytes);
        self.run(|| format!("replace chunk {id} in store"), async || self.write(path, &bytes).await)
    }
}
