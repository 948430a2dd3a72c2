//! Files and stores on other hosts, one module for each way there.
//!
//! Everything above this module is blocking: a store is a [`Store`], an index or archive a [`RemoteFile`]. Where a library
//! is asynchronous, its runtime stays below these faces.

mod object;

use std::ffi::OsStr;
use std::fmt::Debug;
use std::io::Write;
use std::sync::Arc;

use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::store::Store;

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

/// What all connections of a run are to respect.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Bytes a second, over all connections; `None` is no limit.
    pub rate_limit_bps: Option<u64>,
}

/// The file that a URL or `HOST:PATH` names. Nothing is asked of the other host yet.
///
/// # Errors
///
/// If there is no way to such places.
pub fn file(locator: &OsStr, settings: &Settings) -> Result<Arc<dyn RemoteFile>> {
    if let Some(scheme) = scheme(locator)
        && object::is_scheme(scheme)
    {
        return object::file(locator, settings);
    }
    Err(unknown(locator))
}

/// The store that a URL or `HOST:PATH` names. Nothing is asked of the other host yet.
///
/// # Errors
///
/// If there is no way to such places.
pub fn store(locator: &OsStr, settings: &Settings) -> Result<Arc<dyn Store>> {
    if let Some(scheme) = scheme(locator)
        && object::is_scheme(scheme)
    {
        return object::store(locator, settings);
    }
    Err(unknown(locator))
}

fn scheme(locator: &OsStr) -> Option<&str> {
    locator.to_str()?.split_once("://").map(|(scheme, _)| scheme)
}

fn unknown(locator: &OsStr) -> Error {
    Error::new(Errno::UNATCH, format!("{:?} is not a local path", locator.to_string_lossy()))
        .hint("only local files and stores can be used; a path that looks like HOST:PATH can be written as ./HOST:PATH")
}
