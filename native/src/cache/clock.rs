//! Which files have been left alone for long enough to be told from what they may become.

use std::time::Duration;

use rustix::fs::Stat;
use rustix::time::{ClockId, clock_gettime};

use crate::fs::magic;

/// When a run began, by the clocks that file times are compared with.
///
/// A file that is changed after it was read gets a new change time, unless that is the one it had already: the clock that
/// stamps files only ticks every few milliseconds, and some file systems keep whole seconds. So nothing is recorded of
/// files that were changed shortly before the run or during it, or, says the file system, after it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Nanoseconds since 1970.
    started: i128,
    /// Nanoseconds since the machine was started.
    uptime: i128,
}

const NANOSECONDS: i128 = 1_000_000_000;
/// Longer than a tick of any kernel.
const TICK: i128 = NANOSECONDS / 50;
/// What FAT keeps of times; more than any other.
const WHOLE_SECONDS: i128 = 2 * NANOSECONDS;
/// How far the clocks of two hosts may differ.
const HOSTS_DIFFER: i128 = 60 * NANOSECONDS;

impl Clock {
    /// Now. To be called before the first file is looked at.
    pub fn start() -> Self {
        Self { started: now(ClockId::RealtimeCoarse), uptime: now(ClockId::Boottime) }
    }

    /// Nanoseconds since 1970.
    pub fn started(&self) -> i64 {
        i64::try_from(self.started).unwrap_or(i64::MAX)
    }

    /// Whether a later change of this file is sure to show. `magic`: the type of its file system.
    pub fn settles(&self, stat: &Stat, magic: u64) -> bool {
        let time = |seconds: i64, nanoseconds: u64| i128::from(seconds) * NANOSECONDS + i128::from(nanoseconds);
        let changed = time(stat.st_ctime, stat.st_ctime_nsec);
        let newest = changed.max(time(stat.st_mtime, stat.st_mtime_nsec));
        let margin = match magic {
            // What they call change time can be set, or is not kept.
            magic::FAT | magic::EXFAT => return false,
            _ if changed % NANOSECONDS == 0 => WHOLE_SECONDS,
            _ => TICK,
        };
        let margin = if magic::has_our_clock(magic) { margin } else { margin.max(HOSTS_DIFFER) };
        newest + margin <= self.started
    }

    /// Whether nobody has set the clock back since: times of changes would be worth nothing.
    pub fn is_steady(&self) -> bool {
        let passed = now(ClockId::Boottime) - self.uptime;
        let shown = now(ClockId::RealtimeCoarse) - self.started;
        // Time daemons slow clocks down by at most 500 ppm.
        shown >= passed - passed / 1000 - TICK
    }

    /// How long ago this was, if it was.
    pub(super) fn age(&self, started: i64) -> Option<Duration> {
        let age = self.started - i128::from(started);
        u64::try_from(age).ok().map(Duration::from_nanos)
    }
}

fn now(clock: ClockId) -> i128 {
    let now = clock_gettime(clock);
    i128::from(now.tv_sec) * NANOSECONDS + i128::from(now.tv_nsec)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i128 = 1_700_000_000 * NANOSECONDS + 500;

    fn stat(mtime: i128, ctime: i128) -> Stat {
        let mut stat = rustix::fs::stat(".").unwrap();
        let parts = |time: i128| ((time / NANOSECONDS) as i64, (time % NANOSECONDS) as u64);
        (stat.st_mtime, stat.st_mtime_nsec) = parts(mtime);
        (stat.st_ctime, stat.st_ctime_nsec) = parts(ctime);
        stat
    }

    #[test]
    fn only_files_that_were_left_alone_settle() {
        const HOUR: i128 = 3600 * NANOSECONDS;
        let clock = Clock { started: START, uptime: 0 };
        let whole = START - 500;
        for (name, mtime, ctime, magic, settles) in [
            ("old", START - HOUR, START - HOUR, magic::EXT, true),
            ("a moment ago", START - TICK, START - TICK, magic::EXT, true),
            ("just now", START - TICK + 1, START - TICK + 1, magic::EXT, false),
            ("old contents, just renamed", START - HOUR, START - 1, magic::XFS, false),
            ("during the run", START + 1, START + 1, magic::BTRFS, false),
            ("from the future", START + HOUR, START - HOUR, magic::EXT, false),
            ("changed in the future", START - HOUR, START + HOUR, magic::EXT, false),
            ("whole seconds, one ago", whole - NANOSECONDS, whole - NANOSECONDS, magic::EXT, false),
            ("whole seconds, two ago", whole - 2 * NANOSECONDS, whole - 2 * NANOSECONDS, magic::EXT, true),
            ("other host, a second ago", START - NANOSECONDS, START - NANOSECONDS, NFS, false),
            ("other host, an hour ago", START - HOUR, START - HOUR, NFS, true),
            ("no change time", START - HOUR, START - HOUR, magic::FAT, false),
        ] {
            assert_eq!(clock.settles(&stat(mtime, ctime), magic), settles, "{name}");
        }
    }

    const NFS: u64 = 0x6969;

    #[test]
    fn a_clock_that_was_set_back_is_noticed() {
        let clock = Clock::start();
        assert!(clock.is_steady());
        assert!(!Clock { started: clock.started + NANOSECONDS, ..clock }.is_steady(), "set back by a second");
        assert!(Clock { started: clock.started - NANOSECONDS, ..clock }.is_steady(), "set forward by a second");
        assert_eq!(clock.age(clock.started()), Some(Duration::ZERO));
        assert_eq!(clock.age(clock.started() + 1), None);
    }
}
