//! `gc`: removes chunks that no index uses from a store.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::time::{Duration, SystemTime};

use casync_core::gc::LiveSet;
use casync_core::quantity::Bytes;
use rustix::fs::{self as os, Mode, OFlags};
use rustix::io::Errno;

use super::input::Operand;
use super::stores::{self, Looked};
use crate::cli::{OURS, Options, OutputFormat, span};
use crate::error::{Error, Result};
use crate::flow::gc::{self, Collected, Rules, Spare, listed};
use crate::fs::attic::Attic;
use crate::locator::{self, Class};
use crate::remote;
use crate::store::lock::{self, Exclusion};
use crate::store::{Directories, MARK_AFTER, Store};
use crate::ui::json::{self, Message};
use crate::ui::{Out, log};

/// `gc INDEX...`
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct GcArgs {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    format: OutputFormat,
    /// Move unused chunks into this directory, which is laid out as a store, instead of removing them
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath, help_heading = OURS)]
    backup: Option<OsString>,
    /// Spare chunks that were stored or found present less than this ago (30s, 15m, 1h, 2d)
    #[arg(long, value_name = "TIME", value_parser = span, help_heading = OURS)]
    grace: Option<Duration>,
    /// The indexes whose chunks are to stay
    #[arg(value_name = "BLOB_INDEX|ARCHIVE_INDEX...", num_args = 0.., value_hint = clap::ValueHint::AnyPath)]
    operands: Vec<OsString>,
}

const HELP: &str = "\
Keeps the chunks that the indexes use, and removes all others from the store: --store=, $CASYNC_STORE, or default.castr \
beside the first index. All indexes are read to their end before anything is removed; if one is missing or damaged, \
nothing is. Temporary files of a day ago go, too. Files that are no chunks are left alone.

A make of this program that runs at the same time is safe: it shares a lock on the store until its index is complete. \
If one is at work, nothing is removed and the exit status is 1. With --grace=TIME (at least ten minutes) the lock is not \
needed: chunks that were stored or found present within that time stay, so it must be longer than any make takes. Use it \
for stores that are always busy, or that other hosts or the C casync write to. On network file systems, where locks are \
not seen everywhere, it is one hour unless something else is given.

Stores in object stores and registries have no lock: chunks that were written within --grace=TIME stay, which is one hour \
unless something else is given; the clock is the store's. A make that runs at the same time must not rely on older chunks \
that no index uses. Registries do not tell when chunks were written, so there --grace=0s is needed. With --backup, chunks are \
copied into the directory, or into another such store, before they are removed.

An index that is not named has no chunks: name them all, also those that were made a moment ago.

Examples:
  casync gc *.caidx *.caibx
      Remove what none of these uses
  casync --dry-run --verbose gc *.caidx
      Tell what that would be
  casync gc --backup=attic.castr *.caidx
      Put it aside; --extra-store=attic.castr still finds it
  casync gc --store=/srv/default.castr --grace=1d /srv/*.caidx
      While others write to the store
  casync gc --store=s3://bucket/default.castr --grace=1d s3://bucket/a.caidx s3://bucket/b.caidx
      In an object store";

/// Where the lock says nothing, chunks of this age may go.
const GRACE: Duration = Duration::from_secs(60 * 60);
/// Grace that makes up for a lock must be much longer than marks of use may be old.
const GRACE_MIN: Duration = Duration::from_secs(10 * MARK_AFTER.as_secs());

pub(super) fn run(arguments: &GcArgs) -> Result<()> {
    let start = SystemTime::now();
    let GcArgs { options, format, backup, grace, operands } = arguments;
    options.apply_logging();
    let Some(first) = operands.first() else {
        return Err(Error::headline("Expected at least one argument."));
    };
    let path = match stores::to_clean(options, first)? {
        Looked::Local(path) => path,
        Looked::Remote(store) => return elsewhere(&*store, arguments),
    };
    // The lock comes before the first index is read: what a make that is about to end puts into one is known then. That
    // the store is missing is only said after what is wrong with the indexes.
    let store = Directories::open(&path);
    let exclusion = match &store {
        Ok(store) if !options.dry_run() => lock::exclude(store.fd()),
        _ => Exclusion::Alone,
    };
    let grace_suffices = grace.is_some_and(|grace| grace >= GRACE_MIN);
    if exclusion == Exclusion::Collecting || (exclusion == Exclusion::Busy && !grace_suffices) {
        return Err(busy(&path.to_string_lossy()));
    }
    let (verbose, mut out) = (options.is_verbose(), Out::new());
    let live = live(arguments, &mut out)?;
    let attic = |store: &Directories| {
        let directory = backup.as_ref().filter(|_| !options.dry_run());
        if directory.is_some_and(|directory| locator::classify(directory) == Some(Class::Url)) {
            return Err(Error::new(Errno::XDEV, "chunks of a store on this host can only be moved into a directory"));
        }
        directory.map(|directory| Attic::open(&locator::to_path(directory), store.fd())).transpose()
    };
    let collected = store.and_then(|mut store| {
        let spare = match (grace, exclusion) {
            (Some(grace), _) => Spare::Younger(*grace),
            (None, Exclusion::Alone) => Spare::Since(start),
            (None, _) => Spare::Younger(GRACE),
        };
        let contended = exclusion != Exclusion::Alone;
        let rules =
            Rules { spare, dry_run: options.dry_run(), contended, attic: attic(&store)?, verbose, json: format.json };
        gc::collect(&mut store, &live, &rules, &mut out)
    });
    // What was done shows, whatever came then.
    let collected = collected.inspect_err(|_| drop(std::mem::take(&mut out).finish())).map_err(failed)?;
    if format.json {
        return summary(&collected, &live, options.dry_run(), out);
    }
    report(&collected, options, backup.is_some(), out)
}

/// The same in a store on another host.
fn elsewhere(store: &dyn Store, arguments: &GcArgs) -> Result<()> {
    let GcArgs { options, format, backup, grace, .. } = arguments;
    let inventory = stores::inventory(store)?;
    let mut out = Out::new();
    let live = live(arguments, &mut out)?;
    let backup = match backup.as_ref().filter(|_| !options.dry_run()) {
        Some(backup) => Some(stores::backup(options, backup)?),
        None => None,
    };
    let moved = backup.is_some();
    let grace = grace.unwrap_or(GRACE);
    let rules =
        listed::Rules { grace, dry_run: options.dry_run(), backup, verbose: options.is_verbose(), json: format.json };
    let collected = listed::collect(inventory, &live, &rules, &mut out);
    let collected = collected.inspect_err(|_| drop(std::mem::take(&mut out).finish())).map_err(failed)?;
    if format.json {
        return summary(&collected, &live, options.dry_run(), out);
    }
    report(&collected, options, moved, out)
}

/// What the indexes use, all of which are read to their end.
fn live(arguments: &GcArgs, out: &mut Out) -> Result<LiveSet> {
    let mut live = LiveSet::default();
    for index in &arguments.operands {
        let read = open(index, &arguments.options).and_then(|fd| gc::add_index(&mut live, fd));
        read.map_err(|error| error.titled(format_args!("Failed to open index \"{}\"", remote::shown(index))))?;
    }
    live.settle();
    if arguments.options.is_verbose() && !arguments.format.json {
        out.line(format_args!("Chunk store usage: {} references, {} chunks", live.references(), live.len()))?;
    }
    Ok(live)
}

fn open(path: &OsString, options: &Options) -> Result<OwnedFd> {
    if matches!(locator::classify(path), Some(Class::Url | Class::Ssh)) {
        return Operand::parse(Some(path), options, "Failed to determine type of locator")?.open(None, true);
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY;
    let fd = os::open(path, flags, Mode::empty())?;
    // An index is told from a directory only when it is read.
    match os::FileType::from_raw_mode(os::fstat(&fd)?.st_mode) {
        os::FileType::Directory => Err(Errno::ISDIR.into()),
        _ => Ok(fd),
    }
}

fn busy(store: &str) -> Error {
    Error::headline(format!("Store \"{store}\" is in use by another casync, nothing was removed."))
        .hint("try again when that has ended, or give --grace= a longer time than any make takes, at least 10m")
}

/// compat: two lines, of which the second says the same.
fn failed(error: Error) -> Error {
    if matches!(error.cause(), crate::error::Cause::Interrupted | crate::error::Cause::OutputClosed) {
        return error;
    }
    log::error(format_args!("Failed to iterate over store: {}", error.errno_text()));
    error.titled("Chunk cleanup failed")
}

fn report(collected: &Collected, options: &Options, moved: bool, mut out: Out) -> Result<()> {
    let Collected { removed, bytes, directories, remaining, young, temporary } = *collected;
    if options.dry_run() {
        out.line(format_args!("Would remove {removed} chunks, {remaining} chunks remaining."))?;
    } else if options.is_verbose() {
        out.line(format_args!("Removed {removed} chunks, {directories} directories, {remaining} chunks remaining."))?;
    }
    out.finish()?;
    // Not on standard output, where scripts expect upstream's lines and no others.
    let what = match (options.dry_run(), moved) {
        (true, _) => "Would free",
        (false, true) => "Moved",
        (false, false) => "Freed",
    };
    log::verbose(format_args!(
        "{what} {} ({bytes} bytes); {young} unused chunks are too young to go, {temporary} temporary files removed.",
        Bytes(bytes)
    ));
    Ok(())
}

fn summary(collected: &Collected, live: &LiveSet, dry_run: bool, mut out: Out) -> Result<()> {
    let Collected { removed, bytes, directories, remaining, young, temporary } = *collected;
    let message = Message::GcSummary {
        dry_run,
        references: live.references(),
        live: live.len() as u64,
        removed,
        removed_bytes: bytes,
        directories,
        remaining,
        young,
        temporary,
    };
    json::print(&mut out, &message)?;
    out.finish()
}
