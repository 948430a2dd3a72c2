//! Which stores a run uses (spec: commands.md 2).

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::Errno;

use crate::cli::Options;
use crate::error::{Error, Result};
use crate::locator::{self, Class};
use crate::remote::{self, Settings};
use crate::store::{Chain, Inventory, LocalStore, Store};
use crate::ui::log;

/// The store's locator: `--store=`, `$CASYNC_STORE`, or beside the index.
fn main_store(options: &Options, index: Option<&OsStr>) -> OsString {
    let environment = std::env::var_os("CASYNC_STORE");
    let named = options.store.clone().or(environment).map(|store| locator::without_file_scheme(&store));
    named.unwrap_or_else(|| index.map_or_else(|| OsString::from("default.castr"), locator::default_store))
}

/// Whether a store is on this host.
fn is_local(store: &OsStr) -> Result<bool> {
    match locator::classify(store) {
        Some(Class::Path) => Ok(true),
        None => Err(Error::from(Errno::INVAL).titled("Failed to set store")),
        Some(Class::Url | Class::Ssh) => Ok(false),
    }
}

/// Fails for locators that are not paths.
fn check_local(store: &OsStr) -> Result<()> {
    match locator::classify(store) {
        Some(Class::Path) => Ok(()),
        None => Err(Error::from(Errno::INVAL).titled("Failed to set store")),
        Some(Class::Url | Class::Ssh) => Err(unreachable(store)),
    }
}

/// A store whose chunks are looked through.
pub(super) enum Looked {
    /// In a directory.
    Local(PathBuf),
    /// Elsewhere.
    Remote(Arc<dyn Store>),
}

/// The store that belongs to the first of some indexes, for who cleans it.
///
/// # Errors
///
/// If the name of a store is empty, or none can be told.
pub(super) fn to_clean(options: &Options, index: &OsStr) -> Result<Looked> {
    if index.is_empty() && options.store.is_none() && std::env::var_os("CASYNC_STORE").is_none() {
        return Err(Error::from(Errno::INVAL).titled("Failed to automatically derive store location from index"));
    }
    looked(options, &main_store(options, Some(index)))
}

fn looked(options: &Options, store: &OsStr) -> Result<Looked> {
    let store = locator::without_file_scheme(store);
    match locator::classify(&store) {
        None => Err(Error::from(Errno::INVAL).titled("Failed to set store")),
        Some(Class::Path) => Ok(Looked::Local(locator::to_path(&store))),
        Some(Class::Url | Class::Ssh) => remote::store(&store, &settings(options)).map(Looked::Remote),
    }
}

/// The store that keeps what is taken out of another.
///
/// # Errors
///
/// If it cannot be used.
pub(super) fn backup(options: &Options, store: &OsStr) -> Result<Arc<dyn Store>> {
    Ok(match looked(options, store)? {
        Looked::Local(path) => Arc::new(LocalStore::open_or_create(&path)?),
        Looked::Remote(store) => store,
    })
}

/// The chunks of a store that can be looked through.
///
/// # Errors
///
/// If it cannot.
pub(super) fn inventory(store: &dyn Store) -> Result<&dyn Inventory> {
    store.inventory().ok_or_else(|| {
        Error::new(Errno::OPNOTSUPP, format!("store {:?} can neither be listed nor cleaned", store.name()))
            .hint("do it on the host that has the store, or by its own means")
    })
}

/// Fails for an empty `--store=`, also where no store is needed.
///
/// compat: upstream opens the named store whatever it does, so a script whose variable is unset hears of it everywhere.
///
/// # Errors
///
/// If it is empty.
pub(super) fn check_named(options: &Options) -> Result<()> {
    match &options.store {
        Some(store) if store.is_empty() => check_local(store),
        _ => Ok(()),
    }
}

/// The store that new chunks go to.
pub(super) enum ChunkTarget {
    /// In a directory, which must not become part of what is made.
    Local(Arc<LocalStore>),
    /// On another host.
    Remote(Arc<dyn Store>),
}

impl ChunkTarget {
    pub(super) fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Local(store) => Arc::clone(store) as Arc<dyn Store>,
            Self::Remote(store) => Arc::clone(store),
        }
    }

    pub(super) fn local(&self) -> Option<&LocalStore> {
        match self {
            Self::Local(store) => Some(store),
            Self::Remote(_) => None,
        }
    }
}

/// The store that a new index puts its chunks into.
///
/// # Errors
///
/// If it cannot be used.
pub(super) fn for_writing(options: &Options, index: Option<&OsStr>, settings: &Settings) -> Result<ChunkTarget> {
    let store = locator::without_file_scheme(&main_store(options, index));
    match locator::classify(&store) {
        Some(Class::Path) => {
            LocalStore::open_or_create(&locator::to_path(&store)).map(|store| ChunkTarget::Local(Arc::new(store)))
        }
        None => Err(Error::from(Errno::INVAL).titled("Failed to set store")),
        Some(Class::Url | Class::Ssh) => remote::store(&store, settings).map(ChunkTarget::Remote),
    }
}

/// What the options say about connections to other hosts.
pub(super) fn settings(options: &Options) -> Settings {
    options.remote()
}

/// The stores that chunks of an index are looked for in.
///
/// # Errors
///
/// If the main store cannot be used. A store that does not exist has no chunks.
pub(super) fn for_reading(options: &Options, index: Option<&OsStr>) -> Result<Chain> {
    let store = main_store(options, index);
    let store: Arc<dyn Store> = if is_local(&store)? {
        Arc::new(LocalStore::for_reading(&locator::to_path(&store))?)
    } else {
        remote::store(&store, &options.remote())?
    };
    let mut stores = vec![store];
    stores.extend(extra(options));
    Ok(Chain::new(stores))
}

/// The store whose chunks are checked; `repair`: to be written to.
///
/// # Errors
///
/// If it cannot be used.
pub(super) fn for_checking(options: &Options, index: Option<&OsStr>, repair: bool) -> Result<Arc<dyn Store>> {
    Ok(match looked(options, &main_store(options, index))? {
        Looked::Local(path) if repair => Arc::new(LocalStore::open_or_create(&path)?),
        Looked::Local(path) => Arc::new(LocalStore::for_reading(&path)?),
        Looked::Remote(store) => store,
    })
}

/// Device and inode of the store of an index, if it is in a directory that exists.
///
/// # Errors
///
/// If it cannot be used.
pub(super) fn identity(options: &Options, index: Option<&OsStr>) -> Result<Option<(u64, u64)>> {
    match looked(options, &main_store(options, index))? {
        Looked::Local(path) => Ok(LocalStore::for_reading(&path)?.identity()),
        Looked::Remote(_) => Ok(None),
    }
}

/// The store that is named without an index.
///
/// # Errors
///
/// If none is named, or it cannot be used.
pub(super) fn named(options: &Options) -> Result<Looked> {
    if options.store.is_none() && std::env::var_os("CASYNC_STORE").is_none() {
        return Err(Error::headline("An index, an archive or --store= expected."));
    }
    looked(options, &main_store(options, None))
}

/// The stores of `--extra-store=` that can be used.
pub(super) fn extra(options: &Options) -> Vec<Arc<dyn Store>> {
    let mut stores: Vec<Arc<dyn Store>> = Vec::new();
    for extra in &options.extra_store {
        let extra = locator::without_file_scheme(extra);
        let opened = is_local(&extra).and_then(|is_local| -> Result<Arc<dyn Store>> {
            if is_local {
                return Ok(Arc::new(LocalStore::open(&locator::to_path(&extra))?));
            }
            remote::store(&extra, &options.remote())
        });
        match opened {
            Ok(store) => stores.push(store),
            Err(error) => {
                let name = remote::shown(&extra);
                log::error(format_args!("Failed to add extra store {name}, ignoring: {}", error.errno_text()));
            }
        }
    }
    stores
}

/// The error for places on other hosts where only a directory will do.
fn unreachable(locator: &OsStr) -> Error {
    Error::new(Errno::UNATCH, format!("{:?} is not a local path", remote::shown(locator)))
        .hint("a path that looks like HOST:PATH can be written as ./HOST:PATH")
}
