//! An object while it is written.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;

use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt as _};
use rustix::io::Errno;
use tokio::task::JoinHandle;

use super::failure::Failure;
use super::place::Place;
use crate::error::{Context as _, Error, Result};
use crate::remote::{Upload, runtime};

/// Collects bytes; once there are more than one request should carry, they go as parts of a multipart upload. What was in the
/// object's place stays until the last part is there and all are put together.
pub(super) struct ObjectUpload {
    client: Arc<dyn ObjectStore>,
    place: Place,
    buffer: Vec<u8>,
    parts: Option<Parts>,
}

/// Equal parts, as some services want them. 10,000 of them, which is what S3 allows, hold 156 GiB.
const PART: usize = 16 << 20;
/// Parts under way: what is held in memory beside the one that is being filled.
const UNDER_WAY: usize = 2;

struct Parts {
    upload: Box<dyn MultipartUpload>,
    under_way: VecDeque<JoinHandle<object_store::Result<()>>>,
}

impl ObjectUpload {
    pub(super) const fn new(client: Arc<dyn ObjectStore>, place: Place) -> Self {
        Self { client, place, buffer: Vec::new(), parts: None }
    }

    /// Runs a request for the object.
    fn run<T>(place: &Place, future: impl Future<Output = Result<T, Failure>>) -> Result<T> {
        runtime::wait(async { future.await.map_err(|failure| failure.into_error(&place.name)) })
            .context(|| format!("write {:?}", place.name))
    }

    /// Sends what is in the buffer as a part; waits if too many are under way.
    fn part(&mut self) -> Result<()> {
        let (client, place) = (&self.client, &self.place);
        let mut parts = match self.parts.take() {
            Some(parts) => parts,
            None => {
                let upload = Self::run(place, async { Ok(client.put_multipart(&place.key).await?) })?;
                Parts { upload, under_way: VecDeque::new() }
            }
        };
        let bytes = std::mem::take(&mut self.buffer);
        let part = parts.upload.put_part(bytes.into());
        // It only moves while it is waited for, so it gets a task of its own.
        parts.under_way.push_back(runtime::start(part)?);
        let parts = self.parts.insert(parts);
        while parts.under_way.len() > UNDER_WAY {
            if let Some(part) = parts.under_way.pop_front() {
                Self::run(place, arrived(part))?;
            }
        }
        Ok(())
    }
}

/// Waits for a part that is under way.
async fn arrived(part: JoinHandle<object_store::Result<()>>) -> Result<(), Failure> {
    match part.await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Failure::Other(Error::new(Errno::IO, "the upload was given up"))),
    }
}

impl Write for ObjectUpload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PART - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == PART {
            self.part().map_err(io::Error::other)?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Upload for ObjectUpload {
    fn finish(mut self: Box<Self>) -> Result<()> {
        if self.parts.is_none() {
            let bytes = std::mem::take(&mut self.buffer);
            let (client, place) = (&self.client, &self.place);
            return Self::run(place, async { Ok(client.put(&place.key, bytes.into()).await.map(|_| ())?) });
        }
        if !self.buffer.is_empty() {
            self.part()?;
        }
        if let Some(parts) = &mut self.parts {
            Self::run(&self.place, async {
                while let Some(part) = parts.under_way.pop_front() {
                    arrived(part).await?;
                }
                Ok(parts.upload.complete().await.map(|_| ())?)
            })?;
        }
        self.parts = None;
        Ok(())
    }
}

impl Drop for ObjectUpload {
    fn drop(&mut self) {
        if let Some(mut parts) = self.parts.take() {
            parts.under_way.drain(..).for_each(|part| part.abort());
            // Best effort, also when somebody wants to stop; a lifecycle rule of the bucket cleans up after crashes.
            runtime::at_last(async move { parts.upload.abort().await });
        }
    }
}
