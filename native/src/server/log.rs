//! The access log: a line for each answer, in the common log format or as JSON.
//!
//! A thread of its own writes, so that a slow disk stops nobody. When it cannot keep up lines are dropped, and counted.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use hyper::{StatusCode, Version};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::exchange::Asked;
use super::metrics::{Metrics, count};
use crate::error::{Context as _, Result};

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// That of NCSA's httpd, which tools read.
    #[default]
    Common,
    /// An object a line.
    Json,
}

impl LogFormat {
    /// The names of all.
    pub const NAMES: [(&str, Self); 2] = [("common", Self::Common), ("json", Self::Json)];
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// Standard error.
    Standard,
    /// The end of a file, which is opened anew on reload.
    File(PathBuf),
}

/// An answer that was given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) asked: &'a Asked,
    pub(super) status: StatusCode,
    pub(super) bytes: u64,
    pub(super) time: SystemTime,
    pub(super) took: Duration,
    /// Whether the client took all of it.
    pub(super) whole: bool,
}

/// The log, or none.
#[derive(Debug)]
pub(super) struct Log {
    writer: Option<Writer>,
    format: LogFormat,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct Writer {
    target: LogTarget,
    lines: Mutex<Option<SyncSender<Message>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
enum Message {
    Line(String),
    /// Go on in this file.
    File(File),
}

impl Log {
    /// Lines that may wait to be written.
    const QUEUE: usize = 4096;

    /// Begins a log; without a target nothing is written.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened.
    pub(super) fn new(target: Option<LogTarget>, format: LogFormat, metrics: &Arc<Metrics>) -> Result<Self> {
        let writer = target.map(Writer::start).transpose()?;
        Ok(Self { writer, format, metrics: Arc::clone(metrics) })
    }

    /// Opens the file anew: it may have been renamed.
    ///
    /// # Errors
    ///
    /// If it cannot be opened; the log then goes on where it was.
    pub(super) fn reopen(&self) -> Result<()> {
        let Some(writer @ Writer { target: LogTarget::File(path), .. }) = &self.writer else { return Ok(()) };
        let file = open(path)?;
        if let Some(lines) = &*writer.lines.lock().unwrap_or_else(PoisonError::into_inner) {
            // Without its thread there is no log any more.
            let _ = lines.send(Message::File(file));
        }
        Ok(())
    }

    /// Writes a line, soon.
    pub(super) fn write(&self, line: &Line<'_>) {
        let Some(writer) = &self.writer else { return };
        let text = match self.format {
            LogFormat::Common => common(line),
            LogFormat::Json => json(line),
        };
        if let Some(lines) = &*writer.lines.lock().unwrap_or_else(PoisonError::into_inner)
            && lines.try_send(Message::Line(text)).is_err()
        {
            count(&self.metrics.log_lines_lost);
        }
    }

    /// Writes what waits.
    pub(super) fn finish(&self) {
        let Some(writer) = &self.writer else { return };
        drop(writer.lines.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(thread) = writer.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }
}

impl Writer {
    fn start(target: LogTarget) -> Result<Self> {
        let (lines, messages) = mpsc::sync_channel(Log::QUEUE);
        let mut output: Box<dyn Write + Send> = match &target {
            LogTarget::Standard => Box::new(std::io::stderr()),
            LogTarget::File(path) => Box::new(open(path)?),
        };
        let thread = std::thread::Builder::new().name("access log".to_owned()).spawn(move || {
            for message in messages {
                match message {
                    // A full disk is no reason to stop serving.
                    Message::Line(line) => drop(output.write_all(line.as_bytes())),
                    Message::File(file) => output = Box::new(file),
                }
            }
        })?;
        Ok(Self { target, lines: Mutex::new(Some(lines)), thread: Mutex::new(Some(thread)) })
    }
}

fn open(path: &Path) -> Result<File> {
    File::options().append(true).create(true).open(path).context(|| format!("open the access log {path:?}"))
}

fn common(line: &Line<'_>) -> String {
    let time = Timestamp::try_from(line.time).unwrap_or_default().to_zoned(TimeZone::system());
    let Asked { peer, method, path, version } = line.asked;
    format!(
        "{peer} - - [{}] \"{method} {} {}\" {} {}\n",
        time.strftime("%d/%b/%Y:%H:%M:%S %z"),
        path.replace('"', "%22"),
        protocol(*version),
        line.status.as_u16(),
        line.bytes,
    )
}

fn json(line: &Line<'_>) -> String {
    #[derive(serde::Serialize)]
    struct Fields<'a> {
        time: String,
        peer: String,
        method: &'a str,
        path: &'a str,
        protocol: &'a str,
        status: u16,
        bytes: u64,
        seconds: f64,
        whole: bool,
    }
    let fields = Fields {
        time: Timestamp::try_from(line.time).unwrap_or_default().to_string(),
        peer: line.asked.peer.to_string(),
        method: line.asked.method.as_str(),
        path: &line.asked.path,
        protocol: protocol(line.asked.version),
        status: line.status.as_u16(),
        bytes: line.bytes,
        seconds: line.took.as_secs_f64(),
        whole: line.whole,
    };
    // Text and numbers can always be written.
    serde_json::to_string(&fields).unwrap_or_default() + "\n"
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/1.1",
    }
}
