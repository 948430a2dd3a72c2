//! Modification times.

use casync_core::archive::Timestamp;
use rustix::fs::{Stat, Timespec, Timestamps, UTIME_OMIT};
use rustix::io::Errno;

use crate::error::{Error, Result};

/// Times for the system: the access time stays as it is.
pub(super) fn to_system(mtime: Timestamp) -> Timestamps {
    let (seconds, nanoseconds) = mtime.to_unix();
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: seconds.cast_signed(), tv_nsec: nanoseconds.into() },
    }
}

/// Fails if a file system has not kept a time to the granularity of the archive. True: it has kept every digit.
pub(super) fn check(mtime: Timestamp, granularity: u64, stat: &Stat) -> Result<bool> {
    let kept = Timestamp::from_unix(stat.st_mtime, stat.st_mtime_nsec as u32).rounded(granularity);
    if kept != mtime.rounded(granularity) {
        return Err(Error::new(
            Errno::OPNOTSUPP,
            "the file system keeps times less exactly, or not that far from 1970",
        ));
    }
    Ok(mtime.nanoseconds() / granularity % 2 == 1)
}
