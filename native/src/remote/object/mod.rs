//! Object stores: S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage.
//!
//! The services' protocols, their ways of signing and retries are `object_store`'s; here is what chunks, indexes and archives
//! are made of there. Every object appears at once and as a whole, so nothing has to be renamed into place.

mod chunks;
mod failure;
mod file;
mod keys;
mod open;
mod place;
mod profile;
mod requests;
mod upload;

use std::sync::Arc;

pub(super) use place::is_scheme;

use self::chunks::ObjectChunks;
use self::file::ObjectFile;
use self::place::Place;
use super::{RemoteFile, Settings};
use crate::error::Result;
use crate::store::Store;

/// The object that a URL names.
///
/// # Errors
///
/// If the URL cannot be used, or no credentials are known.
pub(super) fn file(url: &str, settings: &Settings) -> Result<Arc<dyn RemoteFile>> {
    let place = Place::parse(url)?;
    let client = open::open(&place, settings)?;
    Ok(Arc::new(ObjectFile::new(client, place)))
}

/// The chunks below what a URL names.
///
/// # Errors
///
/// If the URL cannot be used, or no credentials are known.
pub(super) fn store(url: &str, settings: &Settings) -> Result<Arc<dyn Store>> {
    let place = Place::parse(url)?;
    let client = open::open(&place, settings)?;
    Ok(Arc::new(ObjectChunks::new(client, place)))
}
