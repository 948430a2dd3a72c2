//! Collection in stores on other hosts: list, and remove what no index uses.
//!
//! Nobody can be kept away from such a store, so what is young stays, by the store's own clock. Chunks are removed while the
//! list is read, some hundreds at a time, which bounds what is held of it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use casync_core::gc::LiveSet;
use rustix::io::Errno;

use super::Collected;
use crate::error::{Context as _, Error, Result};
use crate::flow::stop;
use crate::store::{Inventory, Item, Listed, Store};
use crate::ui::json::{self, Field, Message};
use crate::ui::{Out, log};

/// How to collect.
pub struct Rules {
    /// Chunks that were written within this time are spared.
    pub grace: Duration,
    /// Say only what would be done.
    pub dry_run: bool,
    /// Where to put what would be removed.
    pub backup: Option<Arc<dyn Store>>,
    /// Whether every chunk is to be named.
    pub verbose: bool,
    /// Whether that is done in JSON.
    pub json: bool,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules").field("grace", &self.grace).field("dry_run", &self.dry_run).finish_non_exhaustive()
    }
}

/// Goes through a store and removes what is not in `live`.
///
/// # Errors
///
/// If the store cannot be listed, the backup not be filled, or somebody wants to stop. A chunk that cannot be removed is
/// reported and stays.
pub fn collect(store: &dyn Inventory, live: &LiveSet, rules: &Rules, out: &mut Out) -> Result<Collected> {
    let now = SystemTime::now();
    let mut collector = Collector { store, rules, out, now, unused: Vec::new(), collected: Collected::default() };
    store.list(&mut |listed| match listed {
        Listed::Stranger(path) => {
            log::verbose(format_args!("Leaving {path:?} alone, which is no chunk."));
            Ok(())
        }
        Listed::Chunk(item) if live.contains(&item.id) => {
            collector.collected.remaining += 1;
            Ok(())
        }
        Listed::Chunk(item) => collector.unused(item),
    })?;
    collector.remove()?;
    Ok(collector.collected)
}

/// Chunks that are removed with one call: what S3 takes in one request.
const BATCH: usize = 1000;

struct Collector<'a> {
    store: &'a dyn Inventory,
    rules: &'a Rules,
    out: &'a mut Out,
    now: SystemTime,
    unused: Vec<Item>,
    collected: Collected,
}

impl Collector<'_> {
    fn unused(&mut self, item: Item) -> Result<()> {
        let young = match item.modified {
            _ if self.rules.grace.is_zero() => false,
            Some(time) => time.checked_add(self.rules.grace).is_none_or(|grown| grown > self.now),
            None => {
                let message = format!("store {:?} does not say when its chunks were written", self.store.name());
                return Err(Error::new(Errno::OPNOTSUPP, message)
                    .hint("if nobody writes to it now, give --grace=0s, and all unused chunks are removed"));
            }
        };
        if young {
            self.collected.young += 1;
            self.collected.remaining += 1;
            return Ok(());
        }
        self.tell(&item)?;
        if self.rules.dry_run {
            self.collected.removed += 1;
            self.collected.bytes += item.size.unwrap_or(0);
            return Ok(());
        }
        self.unused.push(item);
        if self.unused.len() == BATCH { self.remove() } else { Ok(()) }
    }

    fn tell(&mut self, item: &Item) -> Result<()> {
        if !self.rules.verbose {
            return Ok(());
        }
        let file = item.path.rsplit('/').next().unwrap_or_default();
        if self.rules.json {
            let change = match (self.rules.dry_run, &self.rules.backup) {
                (true, _) => "would-remove",
                (false, Some(_)) => "move",
                (false, None) => "remove",
            };
            return json::print(self.out, &Message::GcChunk { change, file: Field::bytes("file", file.as_bytes()) });
        }
        let what = if self.rules.dry_run { "Would remove" } else { "Removing" };
        self.out.line(format_args!("{what} chunk {file}."))
    }

    fn remove(&mut self) -> Result<()> {
        stop::check()?;
        let unused = std::mem::take(&mut self.unused);
        if let Some(backup) = &self.rules.backup {
            unused.iter().try_for_each(|item| self.copy(item, &**backup))?;
        }
        let collected = &mut self.collected;
        self.store.remove(unused, &mut |item, removed| match removed {
            Ok(()) => {
                collected.removed += 1;
                collected.bytes += item.size.unwrap_or(0);
            }
            Err(error) => {
                log::error(format_args!("Failed to remove chunk {}, ignoring: {error}", item.id));
                collected.remaining += 1;
            }
        });
        stop::check()
    }

    /// Keeps a chunk elsewhere, as it is. One that is bad is kept, too: nothing is lost that was there.
    fn copy(&self, item: &Item, backup: &dyn Store) -> Result<()> {
        let mut bytes = Vec::new();
        if self.store.get(&item.id, item.form, &mut bytes)? {
            backup.put(&item.id, item.form, &bytes).context(|| format!("back up chunk {}", item.id))?;
        }
        stop::check()
    }
}
