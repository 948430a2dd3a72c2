//! Who writes to a local store, and who removes from it, keep out of each other's way.
//!
//! A `make` that finds a chunk present writes its id into an index that nobody else can see yet. Garbage collection between
//! these two moments would remove the chunk. So everybody who writes shares an advisory lock (`flock`) on the store's
//! directory from before it first looks for a chunk until its index has its name, and garbage collection, which excludes
//! them, takes the lock before it reads the first index. Nothing is added to the store, and the C casync notices nothing;
//! nor does it take the lock, which is why there is also a way to go by the age of chunks.

use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use rustix::fs::{self, FlockOperation};
use rustix::io::Errno;

use crate::error::Result;
use crate::flow::stop;
use crate::fs::magic;
use crate::ui::log;

/// What became of the wish to be alone with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exclusion {
    /// Nobody writes as long as the directory stays open.
    Alone,
    /// Somebody is writing, perhaps several; no other garbage collection can be alone now.
    Busy,
    /// Another garbage collection is alone with it.
    Collecting,
    /// The file system has no locks, or other hosts do not see them.
    Unknown,
}

/// Keeps garbage collection away as long as the directory stays open; waits for one that runs.
///
/// # Errors
///
/// If somebody wants to stop.
pub(super) fn share(directory: &OwnedFd, name: &str) -> Result<()> {
    /// Signals are noticed this soon; garbage collection takes seconds.
    const INTERVAL: Duration = Duration::from_millis(50);
    let mut told = false;
    // Without locks there is no waiting; chunks in use are marked by their time.
    while fs::flock(directory, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK) {
        if !told {
            log::info(format_args!("Waiting for the garbage collection of store {name:?} to end."));
            told = true;
        }
        stop::check()?;
        thread::sleep(INTERVAL);
    }
    Ok(())
}

/// Keeps writers away as long as the directory stays open, unless one is at work; then at least other collections.
pub(crate) fn exclude(directory: &OwnedFd) -> Exclusion {
    match fs::flock(directory, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => match fs::flock(directory, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Exclusion::Busy,
            Err(_) => Exclusion::Collecting,
        },
        Err(_) => Exclusion::Unknown,
        Ok(()) => {
            let known = fs::fstatfs(directory).is_ok_and(|status| !magic::is_shared(status.f_type as u64));
            if known { Exclusion::Alone } else { Exclusion::Unknown }
        }
    }
}
