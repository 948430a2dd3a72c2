//! An index or archive as an object.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use futures_util::StreamExt as _;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt as _};
use rustix::io::Errno;

use super::failure::Failure;
use super::place::Place;
use super::upload::ObjectUpload;
use crate::error::{Context as _, Error, Result};
use crate::remote::{RemoteFile, Upload, runtime};

/// The object, and what it was when it was first looked at: a reader must not get parts of two versions.
pub(super) struct ObjectFile {
    client: Arc<dyn ObjectStore>,
    place: Place,
    seen: OnceLock<ObjectMeta>,
}

impl fmt::Debug for ObjectFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ObjectFile").field(&self.place.name).finish()
    }
}

impl ObjectFile {
    pub(super) const fn new(client: Arc<dyn ObjectStore>, place: Place) -> Self {
        Self { client, place, seen: OnceLock::new() }
    }

    fn run<T>(&self, verb: &str, future: impl Future<Output = Result<T, Failure>>) -> Result<T> {
        let name = &self.place.name;
        runtime::wait(async { future.await.map_err(|failure| failure.into_error(name)) })
            .context(|| format!("{verb} {name:?}"))
    }

    async fn seen(&self) -> Result<&ObjectMeta, Failure> {
        if let Some(seen) = self.seen.get() {
            return Ok(seen);
        }
        let found = self.client.head(&self.place.key).await?;
        Ok(self.seen.get_or_init(|| found))
    }

    /// Asks for bytes of the version that was seen.
    async fn range(&self, range: Range<u64>) -> Result<bytes::Bytes, Failure> {
        let if_match = self.seen().await?.e_tag.clone();
        let wanted = range.end - range.start;
        let options = GetOptions { range: Some(GetRange::Bounded(range)), if_match, ..GetOptions::default() };
        let bytes = self.client.get_opts(&self.place.key, options).await?.bytes().await?;
        if bytes.len() as u64 != wanted {
            let message = format!("{} bytes came instead of {wanted}", bytes.len());
            return Err(Failure::Other(Error::new(Errno::IO, message)));
        }
        Ok(bytes)
    }
}

impl RemoteFile for ObjectFile {
    fn name(&self) -> &str {
        &self.place.name
    }

    fn read(&self, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let (meta, mut stream) = self.run("read", async {
            let got = self.client.get(&self.place.key).await?;
            Ok((got.meta.clone(), got.into_stream()))
        })?;
        let size = meta.size;
        let _ = self.seen.set(meta);
        let mut read = 0;
        loop {
            let piece = self.run("read", async { Ok(stream.next().await.transpose()?) })?;
            let Some(piece) = piece else { break };
            read += piece.len() as u64;
            take(&piece)?;
        }
        if read != size {
            return Err(Error::new(Errno::IO, format!("{:?} ended after {read} of {size} bytes", self.place.name)));
        }
        Ok(())
    }

    fn size(&self) -> Result<Option<u64>> {
        self.run("look at", async { Ok(Some(self.seen().await?.size)) })
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let bytes = self.run("read", async {
            let size = self.seen().await?.size;
            let end = size.min(offset.saturating_add(buffer.len() as u64));
            if offset >= end { Ok(bytes::Bytes::new()) } else { self.range(offset..end).await }
        })?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }

    fn write(&self) -> Result<Box<dyn Upload>> {
        if self.place.key.as_ref().is_empty() {
            return Err(Error::new(Errno::INVAL, format!("{:?} names a bucket, not an object", self.place.name)));
        }
        Ok(Box::new(ObjectUpload::new(Arc::clone(&self.client), self.place.clone())))
    }
}
