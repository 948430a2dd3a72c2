//! Files and stores on other hosts, one module for each way there.
//!
//! Everything above this module is blocking: a store is a [`Store`], an index or archive a [`RemoteFile`]. Where a library
//! is asynchronous, its runtime stays below these faces.

mod ftp;
pub mod http;
mod object;
pub mod oci;
pub mod rate;
pub mod runtime;
pub mod server;
mod session;
mod settings;
mod sftp;
pub(crate) mod spool;

use std::ffi::OsStr;
use std::fmt::Debug;
use std::io::Write;
use std::sync::Arc;

use rustix::io::Errno;

pub(crate) use session::set_helper;
pub use settings::{HttpOptions, Login, Proxy, Settings};

use crate::error::{Error, Result};
use crate::locator::{self, Class};
use crate::store::Store;
use http::{HttpFile, HttpStore};

/// An index or archive on another host.
pub trait RemoteFile: Send + Sync + Debug {
    /// What people call it: its locator without secrets.
    fn name(&self) -> &str;

    /// Reads all of it, in order. `take` gets the pieces as they come.
    ///
    /// # Errors
    ///
    /// If it is not there or cannot be read to its end, and those of `take`.
    fn read(&self, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>;

    /// Bytes in it; `None` if only [`Self::read`] can tell, or ranges cannot be had.
    ///
    /// # Errors
    ///
    /// If it is not there.
    fn size(&self) -> Result<Option<u64>>;

    /// Fills `buffer` with the bytes from `offset`; returns fewer only at the end.
    ///
    /// # Errors
    ///
    /// If they cannot be had.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize>;

    /// Begins to write it anew. What was there stays until the new one is complete.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    fn write(&self) -> Result<Box<dyn Upload>>;
}

/// A file on another host while it is written. Dropped before it is finished, it leaves no trace there.
pub trait Upload: Write + Send {
    /// Gives the complete file its name.
    ///
    /// # Errors
    ///
    /// If the other side has not got all of it.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// The file that a URL or `HOST:PATH` names. Nothing is asked of the other host yet.
///
/// # Errors
///
/// If there is no way to such places.
pub fn file(locator: &OsStr, settings: &Settings) -> Result<Arc<dyn RemoteFile>> {
    let (way, text) = way(locator)?;
    match way {
        scheme if session::is_preferred(scheme) => session::file(locator, settings),
        "http" | "https" => Ok(Arc::new(HttpFile::new(text, settings)?)),
        "oci" | "oci+http" | "oci+https" => Ok(Arc::new(oci::OciFile::new(text, settings)?)),
        "ftp" => ftp::file(text, settings),
        "sftp" => sftp::file(text, settings),
        scheme if object::is_scheme(scheme) => object::file(text, settings),
        _ => session::file(locator, settings),
    }
}

/// The store that a URL or `HOST:PATH` names. Nothing is asked of the other host yet.
///
/// # Errors
///
/// If there is no way to such places.
pub fn store(locator: &OsStr, settings: &Settings) -> Result<Arc<dyn Store>> {
    let (way, text) = way(locator)?;
    match way {
        scheme if session::is_preferred(scheme) => session::store(locator, settings),
        "http" | "https" => Ok(Arc::new(HttpStore::new(text, settings)?)),
        "oci" | "oci+http" | "oci+https" => Ok(Arc::new(oci::OciChunks::new(text, settings)?)),
        "ftp" => ftp::store(text, settings),
        "sftp" => sftp::store(text, settings),
        scheme if object::is_scheme(scheme) => object::store(text, settings),
        _ => session::store(locator, settings),
    }
}

/// The scheme of a URL, or `ssh` for `HOST:PATH`; and the locator as text.
fn way(locator: &OsStr) -> Result<(&str, &str)> {
    let refused = |why| Error::new(Errno::INVAL, format!("{:?} is no valid URL{why}", shown(locator)));
    let text = locator.to_str().ok_or_else(|| refused(": it is no text"))?;
    match (locator::classify(locator), locator::scheme(text)) {
        (Some(Class::Url), Some("file")) => Err(refused(" for a file on this host")),
        (Some(Class::Url), Some(scheme)) => Ok((scheme, text)),
        // What is meant to be a URL would else be a host with the name of a scheme.
        (_, Some(_)) => Err(refused("")),
        (_, None) => Ok(("ssh", text)),
    }
}

/// A locator as people may see it.
pub fn shown(locator: &OsStr) -> String {
    locator::without_secrets(&locator.to_string_lossy())
}
