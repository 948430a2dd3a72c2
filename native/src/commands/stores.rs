//! Which stores a run uses (spec: commands.md 2).

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;

use super::serve;
use crate::cli::Options;
use crate::error::{Error, Result};
use crate::locator::{self, Class};
use crate::remote::{self, Settings};
use crate::server::{Source, Stores};
use crate::store::{CachedStore, Chain, ChunkCache, GroupStore, Inventory, Layout, LocalStore, OfflineStore, Store};
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
        Some(Class::Url | Class::Ssh) => remote::store(&store, &settings(options)?).map(Looked::Remote),
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

/// What options and configuration say about connections to other hosts.
///
/// # Errors
///
/// If the configuration cannot be read.
pub(super) fn settings(options: &Options) -> Result<Settings> {
    options.remote()
}

/// Whether chunks of an index come from far away.
///
/// # Errors
///
/// If the name of the store is empty.
pub(super) fn is_far(options: &Options, index: Option<&OsStr>) -> Result<bool> {
    is_local(&main_store(options, index)).map(|is_local| !is_local)
}

/// A store to read from.
struct Opened {
    store: Arc<dyn Store>,
    /// Whether what comes from there is worth keeping.
    is_far: bool,
}

/// Opens a store to read from, wherever it is; `local` opens one on this host.
fn open(store: &OsStr, options: &Options, local: fn(&Path) -> Result<LocalStore>) -> Result<Opened> {
    if let Some((name, members, pauses)) = options.config()?.group(store)? {
        let opened = members.iter().map(|member| {
            let member = locator::without_file_scheme(member.as_ref());
            Ok(open(&member, options, LocalStore::open)?.store)
        });
        let members = opened.collect::<Result<_>>()?;
        return Ok(Opened { store: Arc::new(GroupStore::new(name, members, pauses)), is_far: true });
    }
    if is_local(store)? {
        return Ok(Opened { store: Arc::new(local(&locator::to_path(store))?), is_far: false });
    }
    if options.offline()? {
        return Ok(Opened { store: Arc::new(OfflineStore::new(remote::shown(store))), is_far: true });
    }
    Ok(Opened { store: remote::store(store, &options.remote()?)?, is_far: true })
}

/// The cache for chunks from far away, if there is to be one.
///
/// # Errors
///
/// If it cannot be used.
pub(super) fn cache(options: &Options) -> Result<Option<Arc<ChunkCache>>> {
    let cache = options.cache_store()?.map(|(path, size)| ChunkCache::open(&path, size));
    Ok(cache.transpose()?.map(Arc::new))
}

/// Puts the cache in front of what is far away.
fn with_cache(opened: Vec<Opened>, options: &Options) -> Result<Vec<Arc<dyn Store>>> {
    let cache = if opened.iter().any(|opened| opened.is_far) { cache(options)? } else { None };
    let stores = opened.into_iter().map(|Opened { store, is_far }| match &cache {
        Some(cache) if is_far => Arc::new(CachedStore::new(Arc::clone(cache), store)),
        _ => store,
    });
    Ok(stores.collect())
}

/// The main store and the others, to read from.
fn sources(options: &Options, index: Option<&OsStr>) -> Result<Vec<Opened>> {
    let mut opened = vec![open(&main_store(options, index), options, LocalStore::for_reading)?];
    opened.extend(extra_sources(options));
    Ok(opened)
}

/// The stores that chunks of an index are looked for in.
///
/// # Errors
///
/// If the main store cannot be used. A store that does not exist has no chunks.
pub(super) fn for_reading(options: &Options, index: Option<&OsStr>) -> Result<Chain> {
    let stores = with_cache(sources(options, index)?, options)?;
    Ok(Chain::new(stores).with_memory(options.budget().memory / 4))
}

/// The same, past the cache: for who fills it.
///
/// # Errors
///
/// As [`for_reading`].
pub(super) fn without_cache(options: &Options, index: Option<&OsStr>) -> Result<Chain> {
    let stores = sources(options, index)?.into_iter().map(|opened| opened.store).collect();
    Ok(Chain::new(stores).with_memory(options.budget().memory / 4))
}

/// The stores that are served, and the suffix of compressed chunks there. `writes`: the first takes chunks.
///
/// # Errors
///
/// If the main store cannot be used, or is none that chunks can be written to.
pub(super) fn for_serving(options: &Options, writes: bool) -> Result<(Stores, String)> {
    if options.store.is_none() && std::env::var_os("CASYNC_STORE").is_none() {
        return Err(Error::headline("A store to serve expected: name it with --store=."));
    }
    let name = main_store(options, None);
    let (mut sources, mut others) = (Vec::new(), Vec::new());
    let target: Arc<dyn Store> = if is_local(&name)? {
        let main = Arc::new(LocalStore::open_shared(&locator::to_path(&name), writes)?);
        sources.push(Source::Local(Arc::clone(&main)));
        main
    } else {
        let opened = open(&name, options, LocalStore::open)?;
        let target = Arc::clone(&opened.store);
        others.push(opened);
        target
    };
    others.extend(extra_sources(options));
    sources.extend(with_cache(others, options)?.into_iter().map(Source::Other));
    let mut stores = Stores::new(sources, serve::names(&name));
    stores.digest = options.named_digest();
    stores.compression = options.compression();
    let suffix = Layout::from_environment().suffix().to_owned();
    Ok((if writes { stores.writable(target) } else { stores }, suffix))
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
    extra_sources(options).into_iter().map(|opened| opened.store).collect()
}

fn extra_sources(options: &Options) -> Vec<Opened> {
    let opened = options.extra_store.iter().filter_map(|extra| {
        let extra = locator::without_file_scheme(extra);
        let opened = match extra.is_empty() {
            // compat: to upstream it is a directory that is missing.
            true => Err(Errno::NOENT.into()),
            false => open(&extra, options, LocalStore::open),
        };
        opened
            .inspect_err(|error| {
                let name = remote::shown(&extra);
                log::error(format_args!("Failed to add extra store {name}, ignoring: {}", error.errno_text()));
            })
            .ok()
    });
    opened.collect()
}

/// The error for places on other hosts where only a directory will do.
fn unreachable(locator: &OsStr) -> Error {
    Error::new(Errno::UNATCH, format!("{:?} is not a local path", remote::shown(locator)))
        .hint("a path that looks like HOST:PATH can be written as ./HOST:PATH")
}
