//! Messages on standard error, by level (spec: commands.md 8).

use std::fmt;
use std::io::Write as _;
use std::os::unix::net::UnixDatagram;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// Levels as syslog has them; only three are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Something failed.
    Error = 3,
    /// Something worth knowing.
    Info = 6,
    /// For those who look for a fault.
    Debug = 7,
}

static LEVEL: AtomicU8 = AtomicU8::new(Level::Info as u8);
/// The level that was asked for on the command line, for processes that are started; out of range if none was.
static ASKED: AtomicU8 = AtomicU8::new(u8::MAX);
static VERBOSE: AtomicBool = AtomicBool::new(false);
/// The system's log, if messages go there.
static SYSTEM: OnceLock<UnixDatagram> = OnceLock::new();

/// Drops messages above this syslog level number.
pub fn set_level(level: u8) {
    LEVEL.store(level, Ordering::Relaxed);
}

/// Takes note of the level that the command line asks for.
pub fn set_asked_level(level: u8) {
    ASKED.store(level, Ordering::Relaxed);
}

/// The level that the command line asks for.
pub fn asked_level() -> Option<u8> {
    Some(ASKED.load(Ordering::Relaxed)).filter(|level| *level != u8::MAX)
}

/// Turns on the messages of `--verbose`.
pub fn set_verbose(verbose: bool) {
    VERBOSE.store(verbose, Ordering::Relaxed);
}

/// From now on messages go to the system's log, if there is one.
pub fn to_system() {
    if let Ok(socket) = UnixDatagram::unbound()
        && socket.connect("/dev/log").is_ok()
    {
        // A log that is not read does not stop the work.
        let _ = socket.set_nonblocking(true);
        let _ = SYSTEM.set(socket);
    }
}

/// Whether `--verbose` was given and its messages are not dropped.
pub fn is_verbose() -> bool {
    VERBOSE.load(Ordering::Relaxed) && LEVEL.load(Ordering::Relaxed) >= Level::Info as u8
}

/// The level of a name or number as `--log-level=` takes it.
pub fn parse_level(text: &str) -> Option<u8> {
    const NAMES: [(&[&str], u8); 8] = [
        (&["emerg", "emergency", "0"], 0),
        (&["alert", "1"], 1),
        (&["crit", "critical", "2"], 2),
        (&["err", "error", "3"], 3),
        (&["warn", "warning", "4"], 4),
        (&["notice", "5"], 5),
        (&["info", "6"], 6),
        (&["debug", "7"], 7),
    ];
    NAMES.iter().find(|(names, _)| names.contains(&text)).map(|(_, level)| *level)
}

/// Reports a failure.
pub fn error(message: impl fmt::Display) {
    write(Level::Error, message);
}

/// Reports something worth knowing.
pub fn info(message: impl fmt::Display) {
    write(Level::Info, message);
}

/// Reports something for those who look for a fault.
pub fn debug(message: impl fmt::Display) {
    write(Level::Debug, message);
}

/// Reports something that only `--verbose` asks for.
pub fn verbose(message: impl fmt::Display) {
    if is_verbose() {
        info(message);
    }
}

fn write(level: Level, message: impl fmt::Display) {
    if LEVEL.load(Ordering::Relaxed) >= level as u8 {
        if let Some(socket) = SYSTEM.get() {
            /// The facility "daemon", above the level.
            const DAEMON: u8 = 3 << 3;
            let process = std::process::id();
            let _ = socket.send(format!("<{}>casync[{process}]: {message}", DAEMON | level as u8).as_bytes());
            return;
        }
        // One write a message, so that threads and other processes do not mix into it; if standard error is gone, so be it.
        let line = format!("{message}\n");
        let _ = super::bar::without_bar(|| std::io::stderr().write_all(line.as_bytes()));
    }
}
