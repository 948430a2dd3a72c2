//! `sftp://[USER@]HOST[:PORT]/PATH`: chunks, indexes and archives as files on a host that serves SFTP by ssh, read and written.
//!
//! The connection is the system's `ssh`, so keys, configuration and known hosts are its own.
//!
//! ```text
//! chunks, file, upload -> host (one session for all, made anew if it is lost) -> session -> wire -> pipes -> ssh -s HOST sftp
//! ```

mod chunks;
mod file;
mod handle;
mod host;
mod listing;
mod place;
mod session;
mod upload;
mod wire;

use std::sync::Arc;

use self::chunks::SftpChunks;
use self::file::SftpFile;
use self::host::Host;
use self::place::Place;
use super::{RemoteFile, Settings};
use crate::error::Result;
use crate::store::Store;

/// The file that a URL names.
///
/// # Errors
///
/// If the URL cannot be used.
pub(super) fn file(url: &str, settings: &Settings) -> Result<Arc<dyn RemoteFile>> {
    let Place { destination, path, name } = Place::parse(url)?;
    Ok(Arc::new(SftpFile::new(Host::join(destination, settings), path, name)))
}

/// The store that a URL names.
///
/// # Errors
///
/// If the URL cannot be used.
pub(super) fn store(url: &str, settings: &Settings) -> Result<Arc<dyn Store>> {
    let Place { destination, path, name } = Place::parse(url)?;
    Ok(Arc::new(SftpChunks::new(Host::join(destination, settings), path, name)))
}
