//! Chunks as objects.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use casync_core::chunk::ChunkId;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode, PutPayload};
use rustix::io::Errno;

use super::failure::{Failure, is_unsupported};
use super::keys::Keys;
use super::place::{KeyStyle, Place};
use crate::error::{Context as _, Error, Result};
use crate::remote::runtime;
use crate::store::{Form, Inventory, Item, Listed, Put, STORED_MAX, Store};

/// A store below a prefix of keys.
pub(super) struct ObjectChunks {
    client: Arc<dyn ObjectStore>,
    place: Place,
    keys: Keys,
    /// Whether the service was seen not to know how to put only what is not there.
    unconditional: AtomicBool,
}

impl fmt::Debug for ObjectChunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ObjectChunks").field(&self.place.name).finish()
    }
}

impl ObjectChunks {
    pub(super) fn new(client: Arc<dyn ObjectStore>, place: Place) -> Self {
        let keys = Keys::new(&place.key, place.style);
        Self { client, place, keys, unconditional: AtomicBool::new(false) }
    }

    fn run<T>(&self, what: impl FnOnce() -> String, future: impl Future<Output = Result<T, Failure>>) -> Result<T> {
        let name = &self.place.name;
        runtime::wait(async { future.await.map_err(|failure| failure.into_error(name)) })
            .context(|| format!("{} {name:?}", what()))
    }

    /// The first answer for a chunk in the styles that are possible.
    async fn first<T>(
        &self,
        id: &ChunkId,
        form: Form,
        ask: impl AsyncFn(&Path) -> Result<Option<T>, Failure>,
    ) -> Result<Option<T>, Failure> {
        for style in self.keys.styles() {
            if let Some(answer) = ask(&self.keys.key(&self.keys.path(id, form, *style))).await? {
                self.keys.learn(*style);
                return Ok(Some(answer));
            }
        }
        self.keys.missed();
        Ok(None)
    }

    /// Size and age of a chunk that is not empty.
    async fn look(&self, key: &Path) -> Result<Option<ObjectMeta>, Failure> {
        match self.client.head(key).await.map_err(Failure::from) {
            Ok(meta) => Ok((meta.size > 0).then_some(meta)),
            Err(Failure::Absent) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    async fn read(&self, key: &Path, buffer: &mut Vec<u8>) -> Result<Option<()>, Failure> {
        let got = match self.client.get_opts(key, GetOptions::default()).await.map_err(Failure::from) {
            Ok(got) => got,
            Err(Failure::Absent) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let size = got.meta.size;
        if size > STORED_MAX {
            return Err(Failure::Other(Error::new(Errno::BADMSG, "the object is larger than any chunk")));
        }
        buffer.clear();
        buffer.reserve(size as usize);
        let mut stream = got.into_stream();
        while let Some(piece) = stream.try_next().await? {
            buffer.extend_from_slice(&piece);
            if buffer.len() as u64 > size {
                break;
            }
        }
        if buffer.len() as u64 != size {
            let message = format!("{} bytes came instead of {size}", buffer.len());
            return Err(Failure::Other(Error::new(Errno::IO, message)));
        }
        Ok(Some(()))
    }

    /// The style in which to put new chunks.
    async fn style(&self) -> KeyStyle {
        if let Some(style) = self.keys.style() {
            return style;
        }
        /// Objects to look at: what is no chunk may come first.
        const LOOKED_AT: usize = 1000;
        let prefix = (!self.place.key.is_root()).then_some(&self.place.key);
        let mut listed = self.client.list(prefix).take(LOOKED_AT);
        // Who may not list gets the usual style.
        while let Ok(Some(meta)) = listed.try_next().await {
            if let Some((_, Some(named))) = self.keys.classify(&meta.location) {
                self.keys.learn(named.style);
                return named.style;
            }
        }
        self.keys.learn(KeyStyle::Prefixed);
        KeyStyle::Prefixed
    }

    async fn write(&self, key: &Path, bytes: PutPayload) -> Result<Put, Failure> {
        if !self.unconditional.load(Ordering::Relaxed) {
            match self.client.put_opts(key, bytes.clone(), PutMode::Create.into()).await {
                Ok(_) => return Ok(Put::Stored),
                Err(error) if is_unsupported(&error) => self.unconditional.store(true, Ordering::Relaxed),
                Err(error) => match error.into() {
                    Failure::Conflict => {}
                    failure => return Err(failure),
                },
            }
        }
        // What is there is replaced only if it is empty, which no chunk is.
        if self.look(key).await?.is_some() {
            return Ok(Put::Existed);
        }
        self.client.put(key, bytes).await?;
        Ok(Put::Stored)
    }
}

impl Store for ObjectChunks {
    fn get(&self, id: &ChunkId, form: Form, buffer: &mut Vec<u8>) -> Result<bool> {
        self.run(|| format!("read chunk {id} from store"), async {
            for style in self.keys.styles() {
                if self.read(&self.keys.key(&self.keys.path(id, form, *style)), buffer).await?.is_some() {
                    self.keys.learn(*style);
                    return Ok(true);
                }
            }
            self.keys.missed();
            Ok(false)
        })
    }

    fn has(&self, id: &ChunkId) -> Result<bool> {
        Ok(self.stored_size(id)?.is_some())
    }

    fn stored_size(&self, id: &ChunkId) -> Result<Option<u64>> {
        self.run(|| format!("look for chunk {id} in store"), async {
            for form in Form::ALL {
                if let Some(meta) = self.first(id, form, async |key| self.look(key).await).await? {
                    return Ok(Some(meta.size));
                }
            }
            Ok(None)
        })
    }

    fn put(&self, id: &ChunkId, form: Form, bytes: &[u8]) -> Result<Put> {
        self.run(|| format!("write chunk {id} to store"), async {
            let style = self.style().await;
            self.write(&self.keys.key(&self.keys.path(id, form, style)), bytes.to_vec().into()).await
        })
    }

    fn width(&self) -> usize {
        // Object stores answer slowly, and as many at once as one likes.
        32
    }

    fn path(&self, id: &ChunkId, form: Form) -> String {
        self.keys.path(id, form, self.keys.style().unwrap_or(KeyStyle::Prefixed))
    }

    fn name(&self) -> &str {
        &self.place.name
    }

    fn inventory(&self) -> Option<&dyn Inventory> {
        Some(self)
    }
}

impl Inventory for ObjectChunks {
    fn list(&self, take: &mut dyn FnMut(Listed) -> Result<()>) -> Result<()> {
        let prefix = (!self.place.key.is_root()).then_some(&self.place.key);
        // A page of them at once: entering the runtime costs more than an object.
        let mut pages = self.client.list(prefix).ready_chunks(1000);
        while let Some(page) = self.run(|| "list store".into(), async { Ok(pages.next().await) })? {
            for meta in page {
                let meta = meta.map_err(|error| {
                    Failure::from(error).into_error(self.name()).context(format!("list store {:?}", self.name()))
                })?;
                let Some((path, chunk)) = self.keys.classify(&meta.location) else { continue };
                let path = path.to_owned();
                if let Some(named) = chunk.filter(|_| self.keys.style().is_none()) {
                    self.keys.learn(named.style);
                }
                // Chunks in another style than the others are not found, so they are none.
                take(match chunk.filter(|named| self.keys.style() == Some(named.style)) {
                    Some(named) => Listed::Chunk(Item {
                        id: named.id,
                        form: named.form,
                        size: Some(meta.size),
                        modified: Some(meta.last_modified.into()),
                        path,
                    }),
                    None => Listed::Stranger(path),
                })?;
            }
        }
        Ok(())
    }

    fn remove(&self, items: Vec<Item>, done: &mut dyn FnMut(&Item, Result<()>)) {
        let keys: Vec<_> = items.iter().map(|item| Ok(self.keys.key(&item.path))).collect();
        let mut removed = self.client.delete_stream(futures_util::stream::iter(keys).boxed());
        // One answer for each, in their order; one error for a request that carried many.
        let mut failed: Option<Error> = None;
        for item in &items {
            let removed = match &failed {
                Some(error) => Err(error.clone()),
                None => self.run(|| format!("remove {:?} from store", item.path), async {
                    match removed.next().await {
                        None => Err(Failure::Other(Error::new(Errno::IO, "the server did not say what came of it"))),
                        Some(Ok(_)) => Ok(()),
                        Some(Err(error)) => match error.into() {
                            Failure::Absent => Ok(()),
                            failure => Err(failure),
                        },
                    }
                }),
            };
            if let Err(error) = &removed {
                failed.get_or_insert_with(|| error.clone());
            }
            done(item, removed);
        }
    }

    fn replace(&self, id: &ChunkId, path: &str, bytes: &[u8]) -> Result<()> {
        self.run(|| format!("replace chunk {id} in store"), async {
            self.client.put(&self.keys.key(path), bytes.to_vec().into()).await?;
            Ok(())
        })
    }
}
