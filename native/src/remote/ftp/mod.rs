//! `ftp://[USER[:PASSWORD]@]HOST[:PORT]/PATH`: chunks, indexes and archives on FTP servers, for reading (spec: remote.md 11).
//!
//! The protocol is `suppaftp`'s, in extended passive mode, or passive mode with servers that do not know that. A connection
//! transfers one thing at a time, so several are kept.

mod chunks;
mod file;
mod server;

use std::sync::Arc;

use self::chunks::FtpChunks;
use self::file::FtpFile;
use self::server::Server;
use super::{RemoteFile, Settings};
use crate::error::Result;
use crate::store::Store;

/// The file that a URL names.
///
/// # Errors
///
/// If the URL or the settings cannot be used.
pub(super) fn file(url: &str, settings: &Settings) -> Result<Arc<dyn RemoteFile>> {
    let (server, path) = Server::parse(url, settings)?;
    Ok(Arc::new(FtpFile::new(server, path)))
}

/// The store that a URL names.
///
/// # Errors
///
/// If the URL or the settings cannot be used.
pub(super) fn store(url: &str, settings: &Settings) -> Result<Arc<dyn Store>> {
    let (server, path) = Server::parse(url, settings)?;
    Ok(Arc::new(FtpChunks::new(server, path)))
}

/// What this way is not for.
fn read_only(name: &str) -> crate::error::Error {
    let error = crate::error::Error::new(rustix::io::Errno::ROFS, format!("{name:?} can only be read by ftp"));
    error.hint("sftp://, http:// and HOST:PATH can be written")
}
