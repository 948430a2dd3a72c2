//! An index or archive that is written to a registry.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use casync_core::hash::{DigestAlgorithm, Hasher};

use super::manifest::{Descriptor, INDEX};
use super::registry::Registry;
use crate::error::{Context as _, Result};
use crate::flow::input::Index;
use crate::remote::http::Body;
use crate::remote::{Upload, runtime, spool};

/// Keeps what is written until all of it is there: a registry wants to know the digest when the upload ends, and it may have to
/// be sent again.
pub(super) struct OciUpload {
    registry: Arc<Registry>,
    tag: String,
    kind: &'static str,
    spool: File,
    hasher: Hasher,
    size: u64,
}

impl OciUpload {
    pub(super) fn new(registry: Arc<Registry>, tag: String, kind: &'static str) -> Result<Self> {
        let spool = File::from(spool::file().context(|| format!("keep what is to become {}", registry.name))?);
        Ok(Self { registry, tag, kind, spool, hasher: Hasher::new(DigestAlgorithm::Sha256), size: 0 })
    }

    /// What can be told of an index without reading it, as desync writes it.
    fn annotations(&self) -> BTreeMap<String, String> {
        let index = (self.kind == INDEX).then(|| Index::open(self.spool.try_clone()?.into()));
        let Some(Ok(index)) = index else { return BTreeMap::new() };
        let sizes = index.sizes();
        BTreeMap::from([
            ("vnd.desync.index.chunks".to_owned(), index.len().to_string()),
            ("vnd.desync.index.blob-size".to_owned(), index.stream_size().to_string()),
            ("vnd.desync.index.chunk-size".to_owned(), format!("{}:{}:{}", sizes.min(), sizes.avg(), sizes.max())),
        ])
    }
}

impl Write for OciUpload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.spool.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Upload for OciUpload {
    fn finish(self: Box<Self>) -> Result<()> {
        let annotations = self.annotations();
        let blob = Descriptor::with(self.hasher.clone().finish(), self.size);
        let sent = self.registry.persist(async || {
            let body = Body::File(&self.spool, self.size);
            self.registry.put(self.kind, &self.tag, blob.clone(), body, annotations.clone()).await
        });
        runtime::wait(sent).context(|| format!("write {:?}", self.registry.name))
    }
}
