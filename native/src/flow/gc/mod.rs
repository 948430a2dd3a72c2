//! `gc`: removes from a store what no index uses. Here from one in a directory; [`listed`] does it elsewhere.

pub mod listed;

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use casync_core::gc::{LiveSet, StoreFile};
use rustix::fs::{self, AtFlags, RenameFlags, Stat};
use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::flow::input::Index;
use crate::flow::stop;
use crate::fs::attic::Attic;
use crate::store::{ChunkDirectory, Directories};
use crate::sys::random_u64;
use crate::ui::json::{self, Field, Message};
use crate::ui::{Out, log};

/// How to collect.
#[derive(Debug)]
pub struct Rules {
    /// Chunks that were stored or found present this long ago or later are spared.
    pub spare: Spare,
    /// Say only what would be done.
    pub dry_run: bool,
    /// Whether a `make` may run at the same time and find a chunk that is about to go.
    pub contended: bool,
    /// Where to put what would be removed.
    pub attic: Option<Attic>,
    /// Whether every chunk is to be named.
    pub verbose: bool,
    /// Whether that is done in JSON.
    pub json: bool,
}

/// Which chunks are too young to go.
#[derive(Clone, Copy, Debug)]
pub enum Spare {
    /// Those that have come since: a program without our lock is at work. Times in the future mean nothing here.
    Since(SystemTime),
    /// Those younger than that, by whatever clock the file system has.
    Younger(Duration),
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Chunks that went, or would.
    pub removed: u64,
    /// Their bytes as they were stored.
    pub bytes: u64,
    /// Prefix directories that were empty then.
    pub directories: u64,
    /// Files of chunks that are left.
    pub remaining: u64,
    /// How many of those no index uses, but they are young.
    pub young: u64,
    /// Temporary files left by writers that died.
    pub temporary: u64,
}

/// Temporary files of this age belong to nobody any more.
const TEMPORARY_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Adds all chunks of an index, every one of which is checked on the way.
///
/// # Errors
///
/// If the index is damaged in any place, or cannot be read.
pub fn add_index(live: &mut LiveSet, fd: OwnedFd) -> Result<()> {
    let mut index = Index::open(fd)?;
    for number in 0..index.len() {
        if number.is_multiple_of(1 << 16) {
            stop::check()?;
        }
        let piece = index.get(number)?.ok_or_else(|| Error::new(Errno::IO, "the index shrank while it was read"))?;
        live.insert(piece.id);
    }
    Ok(())
}

/// Goes through a store and removes what is not in `live`.
///
/// Memory: the names in one directory.
///
/// # Errors
///
/// If the store cannot be read, the attic not be filled, or somebody wants to stop. A chunk that cannot be removed is
/// reported and stays.
pub fn collect(store: &mut Directories, live: &LiveSet, rules: &Rules, out: &mut Out) -> Result<Collected> {
    let mut collector = Collector { live, rules, out, now: SystemTime::now(), collected: Collected::default() };
    store.list()?;
    while let Some(directory) = store.next()? {
        stop::check()?;
        let before = collector.collected;
        collector.directory(&directory)?;
        let went = |collected: &Collected| collected.removed + collected.temporary;
        // Those that were empty before are not ours to remove: a writer may have just made them.
        let touched = !rules.dry_run && went(&collector.collected) > went(&before);
        if touched && fs::unlinkat(store.fd(), &directory.name, AtFlags::REMOVEDIR).is_ok() {
            collector.collected.directories += 1;
        }
    }
    for name in store.strangers() {
        log::verbose(format_args!("Leaving {name:?} alone, which is no directory of chunks."));
    }
    Ok(collector.collected)
}

struct Collector<'a> {
    live: &'a LiveSet,
    rules: &'a Rules,
    out: &'a mut Out,
    now: SystemTime,
    collected: Collected,
}

impl Collector<'_> {
    fn directory(&mut self, directory: &ChunkDirectory) -> Result<()> {
        for name in &directory.files {
            match directory.classify(name) {
                StoreFile::Chunk { id, .. } if self.live.contains(&id) => self.collected.remaining += 1,
                StoreFile::Chunk { .. } => self.unused(directory, name)?,
                StoreFile::Temporary => self.temporary(directory, name),
                StoreFile::Stranger => self.stranger(name),
            }
        }
        Ok(())
    }

    fn stranger(&mut self, name: &CStr) {
        let shown = name.to_string_lossy();
        // compat: hidden files are passed over.
        if name.to_bytes().ends_with(b".cacnk") && !shown.starts_with('.') {
            // compat: the part of the name that upstream tries to read, in its words; it counts as remaining.
            let stem = shown.split('.').next().unwrap_or_default();
            log::error(format_args!("Failed to parse chunk ID \"{stem}\", ignoring."));
            self.collected.remaining += 1;
        } else {
            log::verbose(format_args!("Leaving {shown:?} alone, which is no chunk."));
        }
    }

    fn unused(&mut self, directory: &ChunkDirectory, name: &CStr) -> Result<()> {
        let shown = name.to_string_lossy();
        let stat = match fs::statat(&directory.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(()),
            Err(errno) => return Err(Error::from(errno).context(format!("look at chunk file {shown:?}"))),
        };
        if self.is_young(&stat) {
            self.collected.young += 1;
            self.collected.remaining += 1;
            return Ok(());
        }
        if self.rules.verbose && self.rules.json {
            let change = match (self.rules.dry_run, &self.rules.attic) {
                (true, _) => "would-remove",
                (false, Some(_)) => "move",
                (false, None) => "remove",
            };
            json::print(self.out, &Message::GcChunk { change, file: Field::bytes("file", name.to_bytes()) })?;
        } else if self.rules.verbose {
            let what = if self.rules.dry_run { "Would remove" } else { "Removing" };
            self.out.line(format_args!("{what} chunk {shown}."))?;
        }
        if !self.rules.dry_run {
            match self.remove(directory, name) {
                Ok(true) => {}
                Ok(false) => {
                    self.collected.young += 1;
                    self.collected.remaining += 1;
                    return Ok(());
                }
                // Another collection was faster.
                Err(Errno::NOENT) => return Ok(()),
                Err(errno) if self.rules.attic.is_some() => {
                    return Err(Error::from(errno).context(format!("move chunk file {shown:?}")));
                }
                Err(errno) => {
                    let text = crate::error::strerror(errno);
                    log::error(format_args!("Failed to unlink chunk file \"{shown}\", ignoring: {text}"));
                    self.collected.remaining += 1;
                    return Ok(());
                }
            }
        }
        self.collected.removed += 1;
        self.collected.bytes += stat.st_size as u64;
        Ok(())
    }

    /// Removes a chunk; false if somebody has found a use for it meanwhile.
    fn remove(&self, directory: &ChunkDirectory, name: &CStr) -> Result<bool, Errno> {
        let dispose = |from: &CStr| match &self.rules.attic {
            Some(attic) => attic.take_in(directory.fd.as_fd(), from, &directory.name, name),
            None => fs::unlinkat(&directory.fd, from, AtFlags::empty()),
        };
        if !self.rules.contended {
            return dispose(name).map(|()| true);
        }
        // A writer marks a chunk that it finds by its path, and stores it again if it is not there. So under another name
        // the mark cannot change any more, and tells whether somebody has come between.
        let id = &name.to_bytes()[..name.to_bytes().len().min(64)];
        let aside = [id, format!(".{:x}.tmp", random_u64()).as_bytes()].concat();
        let aside = CString::new(aside).map_err(|_| Errno::INVAL)?;
        fs::renameat(&directory.fd, name, &directory.fd, &aside)?;
        let stat = fs::statat(&directory.fd, &aside, AtFlags::SYMLINK_NOFOLLOW)?;
        if !self.is_young(&stat) {
            return dispose(&aside).map(|()| true);
        }
        match fs::renameat_with(&directory.fd, &aside, &directory.fd, name, RenameFlags::NOREPLACE) {
            // Stored again: the new one is as good.
            Err(Errno::EXIST) => fs::unlinkat(&directory.fd, &aside, AtFlags::empty())?,
            Err(Errno::INVAL | Errno::NOSYS) => fs::renameat(&directory.fd, &aside, &directory.fd, name)?,
            renamed => renamed?,
        }
        Ok(false)
    }

    fn temporary(&mut self, directory: &ChunkDirectory, name: &CStr) {
        let Ok(stat) = fs::statat(&directory.fd, name, AtFlags::SYMLINK_NOFOLLOW) else { return };
        // Another collection may have put a chunk aside a moment ago, with its old modification time.
        let changed = if self.rules.contended { stat.st_mtime.max(stat.st_ctime) } else { stat.st_mtime };
        let changed = UNIX_EPOCH + Duration::from_secs(changed.try_into().unwrap_or(0));
        if !self.now.duration_since(changed).is_ok_and(|age| age > TEMPORARY_AGE) {
            return;
        }
        let shown = name.to_string_lossy();
        if self.rules.dry_run {
            log::verbose(format_args!("Would remove temporary file {shown}."));
            return;
        }
        log::verbose(format_args!("Removing temporary file {shown}."));
        match fs::unlinkat(&directory.fd, name, AtFlags::empty()) {
            Ok(()) => self.collected.temporary += 1,
            Err(errno) => log::error(format_args!(
                "Failed to unlink temporary file \"{shown}\", ignoring: {}",
                crate::error::strerror(errno)
            )),
        }
    }

    fn is_young(&self, stat: &Stat) -> bool {
        let nanoseconds = u32::try_from(stat.st_mtime_nsec).unwrap_or(0);
        let time = UNIX_EPOCH + Duration::new(stat.st_mtime.try_into().unwrap_or(0), nanoseconds);
        match self.rules.spare {
            Spare::Since(start) => time >= start && time <= SystemTime::now(),
            Spare::Younger(age) => time.checked_add(age).is_none_or(|grown| grown > self.now),
        }
    }
}
