//! A web server of files, with ranges, that can be told to misbehave.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// What a file is answered with; `None` for 404.
pub(crate) type Answer = Box<dyn Fn(&str, Option<Vec<u8>>) -> Option<Vec<u8>> + Send + Sync>;

pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    root: PathBuf,
    answer: Answer,
    ranges: bool,
    stop: AtomicBool,
    requests: AtomicUsize,
}

impl Server {
    /// Serves the files below a directory.
    pub(crate) fn new(root: impl Into<PathBuf>) -> Self {
        Self::with(root, true, Box::new(|_, file| file))
    }

    /// The same; `answer` gets path and file, `ranges` says whether parts of files are served.
    pub(crate) fn with(root: impl Into<PathBuf>, ranges: bool, answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        let stop = AtomicBool::new(false);
        let shared = Arc::new(Shared { root: root.into(), answer, ranges, stop, requests: AtomicUsize::new(0) });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().take_while(|_| !serving.stop.load(Ordering::Relaxed)) {
                let shared = Arc::clone(&serving);
                // A client that goes away is its own business.
                std::thread::spawn(move || stream.and_then(|stream| shared.serve(&stream)));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// How many requests there were.
    pub(crate) fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    /// Answers one request.
    fn serve(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        let lines = BufReader::new(stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
        let head: Vec<String> = lines.collect();
        let Some(path) = head.first().and_then(|line| line.split(' ').nth(1)) else { return Ok(()) };
        self.requests.fetch_add(1, Ordering::Relaxed);
        let file = std::fs::read(self.root.join(path.trim_start_matches('/'))).ok();
        let Some(body) = (self.answer)(path, file) else {
            return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        };
        let range = head.iter().find_map(|line| {
            let (first, last) = line
                .to_ascii_lowercase()
                .strip_prefix("range: bytes=")?
                .split_once('-')
                .map(|(first, last)| (first.parse::<usize>(), last.parse::<usize>()))?;
            Some((first.ok()?, last.ok()?.min(body.len().checked_sub(1)?)))
        });
        let (status, body) = match range.filter(|_| self.ranges) {
            Some((first, last)) => {
                let status = format!("206 Partial Content\r\nContent-Range: bytes {first}-{last}/{}", body.len());
                (status, body.get(first..=last).unwrap_or_default())
            }
            None => ("200 OK".to_owned(), &body[..]),
        };
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        stream.write_all(&[head.as_bytes(), body].concat())
    }
}

/// Counts up, and lets others wait for that.
#[derive(Default)]
pub(crate) struct Counter {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Counter {
    pub(crate) fn add_one(&self) {
        *self.count.lock().expect("no thread has panicked") += 1;
        self.changed.notify_all();
    }

    /// Waits until the count is reached; `false` if nothing comes for so long that nothing will.
    pub(crate) fn wait_for(&self, wanted: usize) -> bool {
        let count = self.count.lock().expect("no thread has panicked");
        let waiting = self.changed.wait_timeout_while(count, Duration::from_secs(30), |count| *count < wanted);
        !waiting.expect("no thread has panicked").1.timed_out()
    }
}
