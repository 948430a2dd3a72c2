//! The machine: what it is, who else uses it, where there is room.

use std::fs::{self, File};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::measure::Run;

/// Length of the kernel's ticks in user space, in seconds: fixed by its interface.
const TICK: f64 = 0.01;

/// Tasks that ran or wanted to in the last minute, on average.
pub(crate) fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0.0)
}

/// Cores that this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// Processor, cores, memory, kernel.
pub(crate) fn describe() -> String {
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let memory = memory("MemTotal") >> 30;
    format!("{processor}, {} cores, {memory} GiB, Linux {}", cores(), kernel.trim())
}

/// First line of what a program says of its version.
pub(crate) fn version(program: &Path) -> String {
    let output = Command::new(program).arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).lines().next().unwrap_or("?").trim_matches('*').trim().to_owned()
}

/// `/dev/shm` if so much fits there, else the temporary directory: on a file system in memory nothing waits for a disk.
pub(crate) fn place_for(need: u64) -> PathBuf {
    let shared = PathBuf::from("/dev/shm");
    if room(&shared) >= need { shared } else { std::env::temp_dir() }
}

/// Free bytes there.
pub(crate) fn room(place: &Path) -> u64 {
    let Ok(system) = rustix::fs::statvfs(place) else { return 0 };
    let free = system.f_bavail * system.f_frsize;
    // What a file system in memory has room for need not be there; and programs want some as well.
    if file_system(place) == "tmpfs" { free.min(memory("MemAvailable").saturating_sub(1 << 30)) } else { free }
}

/// Type of the file system there.
pub(crate) fn file_system(place: &Path) -> String {
    let place = place.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", place.display()));
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let around = fields.filter(|fields| place.starts_with(fields[1]));
    // The innermost; of several at one place the last.
    around.max_by_key(|fields| fields[1].len()).map_or_else(|| "?".to_owned(), |fields| fields[2].to_owned())
}

/// Writes what earlier runs left in caches, so that the next need not wait for it.
pub(crate) fn flush(place: &Path) {
    let directory = File::open(place).expect("a directory");
    rustix::fs::syncfs(directory).expect("file systems can be flushed");
}

/// A field of what the kernel says of memory, in bytes.
fn memory(field: &str) -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok()).unwrap_or(0) << 10
}

/// Seconds that all cores together have worked, other machines on the same hardware included.
fn busy() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let ticks = text.lines().next().unwrap_or_default().split_whitespace().skip(1);
    // user, nice, system, (idle, iowait,) irq, softirq, steal
    let ticks = ticks.take(8).enumerate().filter(|(place, _)| !matches!(place, 3 | 4));
    ticks.filter_map(|(_, ticks)| ticks.parse::<f64>().ok()).sum::<f64>() * TICK
}

/// Finds out how much others work while runs are measured.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    others: f64,
    elapsed: f64,
}

impl Clock {
    /// Watches one run.
    pub(crate) fn time(&mut self, run: impl FnOnce() -> Run) -> Run {
        let (before, started) = (busy(), Instant::now());
        let run = run();
        self.others += busy() - before - run.cpu;
        self.elapsed += started.elapsed().as_secs_f64();
        run
    }

    /// Share of the machine that others had. Meaningless for runs that last no more than a few ticks.
    pub(crate) fn others(&self) -> f64 {
        let share = self.others / self.elapsed / counted_cores();
        share.clamp(0.0, 1.0)
    }
}

/// Cores in the kernel's counters, which may be more than this process may use.
fn counted_cores() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let cores = text.lines().filter(|line| line.starts_with("cpu")).count();
    cores.saturating_sub(1).max(1) as f64
}
