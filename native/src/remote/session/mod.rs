//! Places that another process serves: casync on another host, by ssh, or a helper for a scheme of URLs. They speak the wire
//! protocol of [`casync_core::session`] (spec: remote.md 2 to 8).
//!
//! ```text
//! index, archive, store -> Link (what one process serves) -> Pull | Push | ChunkUpload -> Wire -> threads -> pipes -> Child
//! ```

mod child;
mod kept;
mod link;
mod place;
mod pull;
mod push;
mod upload;
pub(super) mod wire;

use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use casync_core::chunk::{ChunkId, StoredChunk};
use rustix::io::Errno;

pub(super) use self::child::{Child, Complaints};
use self::link::{Link, Role};
use self::place::Way;
pub(super) use self::place::ssh_program;
use self::pull::Kind;
pub(super) use self::wire::Patience;
use super::{RemoteFile, Settings, Upload};
use crate::error::{Context as _, Error, Result};
use crate::locator::{self, Suffix};
use crate::store::{Form, Put, Store};

/// The index or archive that `HOST:PATH` or a URL names.
///
/// # Errors
///
/// If the locator would be taken for something else.
pub(super) fn file(locator: &OsStr, settings: &Settings) -> Result<Arc<dyn RemoteFile>> {
    let (way, path) = way_of(locator)?;
    // What has another suffix is sent in the same way as an archive.
    let (kind, role) = match locator::suffix(locator) {
        Some(Suffix::ArchiveIndex | Suffix::BlobIndex) => (Kind::Index, Role::Index),
        _ => (Kind::Archive, Role::Archive),
    };
    let name = super::shown(locator);
    Ok(Arc::new(SessionFile { link: Link::join(way, role, path, settings), kind, name }))
}

/// The store that `HOST:PATH` or a URL names.
///
/// # Errors
///
/// If the locator would be taken for something else.
pub(super) fn store(locator: &OsStr, settings: &Settings) -> Result<Arc<dyn Store>> {
    let (way, path) = way_of(locator)?;
    let name = super::shown(locator);
    Ok(Arc::new(SessionStore { link: Link::join(way, Role::Store, path, settings), name }))
}

fn way_of(locator: &OsStr) -> Result<(Way, OsString)> {
    let (way, path) = Way::of(locator)?;
    match way {
        // It would start itself.
        Way::Helper { scheme, .. } if IS_HELPER.load(Ordering::Relaxed) => {
            Err(Error::new(Errno::UNATCH, format!("this program has no way of its own to {scheme} URLs")))
        }
        way => Ok((way, path)),
    }
}

/// Whether somebody wants a helper for a scheme in the place of what this program has of its own: `CASYNC_PROTOCOL_PATH` is
/// set, and one is there.
pub(super) fn is_preferred(scheme: &str) -> bool {
    let helper = || Way::Helper { scheme: scheme.to_owned(), prefix: Vec::new() }.program();
    scheme != "ssh"
        && !IS_HELPER.load(Ordering::Relaxed)
        && std::env::var_os("CASYNC_PROTOCOL_PATH").is_some_and(|path| !path.is_empty())
        && std::path::Path::new(&helper()).exists()
}

/// This process is a helper itself, and is to start none.
pub(crate) fn set_helper() {
    IS_HELPER.store(true, Ordering::Relaxed);
}

static IS_HELPER: AtomicBool = AtomicBool::new(false);

#[derive(Debug)]
struct SessionFile {
    link: Arc<Link>,
    kind: Kind,
    name: String,
}

impl RemoteFile for SessionFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn read(&self, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.link.read(self.kind, take).context(|| format!("read {:?}", self.name))
    }

    fn size(&self) -> Result<Option<u64>> {
        Ok(None)
    }

    fn read_at(&self, _: u64, _: &mut [u8]) -> Result<usize> {
        Err(Error::new(Errno::OPNOTSUPP, "casync on other hosts sends files from start to end only")
            .context(format!("read {:?}", self.name)))
    }

    fn write(&self) -> Result<Box<dyn Upload>> {
        let pushing = self.link.write(self.kind).context(|| format!("write {:?}", self.name))?;
        Ok(Box::new(pushing))
    }
}

#[derive(Debug)]
struct SessionStore {
    link: Arc<Link>,
    name: String,
}

impl SessionStore {
    fn what(&self, verb: &str, id: &ChunkId) -> String {
        format!("{verb} chunk {id} in store {:?}", self.name)
    }
}

impl Store for SessionStore {
    fn get(&self, id: &ChunkId, form: Form, buffer: &mut Vec<u8>) -> Result<bool> {
        let chunk = self.link.chunk(id).context(|| self.what("read", id))?;
        Ok(match (form, chunk.as_deref()) {
            (Form::Compressed, Some(StoredChunk::Compressed(bytes)))
            | (Form::Plain, Some(StoredChunk::Plain(bytes))) => {
                buffer.clear();
                buffer.extend_from_slice(bytes);
                true
            }
            _ => false,
        })
    }

    fn has(&self, id: &ChunkId) -> Result<bool> {
        // There is no question in the protocol that costs less than the chunk.
        Ok(self.link.chunk(id).context(|| self.what("look for", id))?.is_some())
    }

    fn hold(&self, _: &ChunkId) -> Result<bool> {
        // The other side looks for itself, and asks for what it lacks.
        Ok(false)
    }

    fn put(&self, id: &ChunkId, form: Form, bytes: &[u8]) -> Result<Put> {
        let chunk = match form {
            Form::Compressed => StoredChunk::Compressed(bytes.to_vec()),
            Form::Plain => StoredChunk::Plain(bytes.to_vec()),
        };
        let new = self.link.put(id, chunk).context(|| self.what("write", id))?;
        Ok(if new { Put::Stored } else { Put::Existed })
    }

    fn finish(&self) -> Result<()> {
        self.link.finish_chunks().context(|| format!("write to store {:?}", self.name))
    }

    fn width(&self) -> usize {
        /// Chunks that are asked for at the same time: 4 MiB at default sizes.
        const WIDTH: usize = 64;
        WIDTH
    }

    fn name(&self) -> &str {
        &self.name
    }
}
