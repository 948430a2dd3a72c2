//! An index or archive in a registry.

use std::sync::{Arc, OnceLock};

use casync_core::hash::{DigestAlgorithm, Hasher};
use rustix::io::Errno;

use super::manifest::{ARCHIVE, CHUNK, Descriptor, INDEX};
use super::place::Place;
use super::registry::Registry;
use super::upload::OciUpload;
use crate::error::{Error, Result};
use crate::locator::{self, Suffix};
use crate::remote::http::HttpFile;
use crate::remote::settings::Settings;
use crate::remote::{RemoteFile, Upload, runtime};

/// What a tag names.
#[derive(Debug)]
pub struct OciFile {
    registry: Arc<Registry>,
    tag: String,
    kind: &'static str,
    blob: OnceLock<(Descriptor, HttpFile)>,
}

impl OciFile {
    /// The index or archive that a URL names. Nothing is asked of the registry yet.
    ///
    /// # Errors
    ///
    /// If the URL or the settings cannot be used.
    pub fn new(url: &str, settings: &Settings) -> Result<Self> {
        let place = Place::file(url)?;
        let registry = Arc::new(Registry::new(&place, settings)?);
        let kind = match locator::suffix(url.as_ref()) {
            Some(Suffix::Archive) => ARCHIVE,
            _ => INDEX,
        };
        Ok(Self { registry, tag: place.tag.unwrap_or_default(), kind, blob: OnceLock::new() })
    }

    /// The blob. It never changes; that the tag names another one later does not matter to who reads this one.
    fn blob(&self) -> Result<&(Descriptor, HttpFile)> {
        if let Some(blob) = self.blob.get() {
            return Ok(blob);
        }
        let name = &self.registry.name;
        let found = runtime::wait(async {
            let tagged = self.registry.persist(async || self.registry.tagged(&self.tag).await).await?;
            let tagged = tagged.filter(|tagged| tagged.manifest.artifact_type != CHUNK).ok_or_else(|| {
                let error = Error::new(Errno::NOMEDIUM, format!("{name}: there is no such tag"));
                error.headed("File, URL or resource not found.")
            })?;
            let blob = tagged.manifest.blob().cloned();
            let blob = blob.ok_or_else(|| {
                Error::new(
                    Errno::BADMSG,
                    format!("{name}: the manifest does not name one blob, as that of an index does"),
                )
            })?;
            let url = self.registry.url(&format!("blobs/{}", blob.digest));
            Ok((blob, HttpFile::at(url, name.clone(), self.registry.peer())))
        })?;
        Ok(self.blob.get_or_init(|| found))
    }
}

impl RemoteFile for OciFile {
    fn name(&self) -> &str {
        &self.registry.name
    }

    fn read(&self, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let (blob, file) = self.blob()?;
        let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
        file.read(&mut |bytes| {
            hasher.update(bytes);
            take(bytes)
        })?;
        if format!("sha256:{}", hasher.finish()) != blob.digest {
            let text = format!("{}: blob {} holds something else", self.name(), blob.digest);
            return Err(Error::new(Errno::BADMSG, text));
        }
        Ok(())
    }

    fn size(&self) -> Result<Option<u64>> {
        self.blob()?.1.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        self.blob()?.1.read_at(offset, buffer)
    }

    fn write(&self) -> Result<Box<dyn Upload>> {
        Ok(Box::new(OciUpload::new(Arc::clone(&self.registry), self.tag.clone(), self.kind)?))
    }
}
