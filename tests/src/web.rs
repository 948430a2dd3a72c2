//! A web server for one directory that can be told to do wrong.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::network;

/// What somebody has asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET` and so on.
    pub method: String,
    /// With the slash at its start, and with its query.
    pub path: String,
    /// Names in lower case.
    pub headers: HashMap<String, String>,
    /// How many requests for this path came before.
    pub before: usize,
}

impl Request {
    /// Whether the path ends so.
    pub fn is_for(&self, suffix: &str) -> bool {
        self.path.split('?').next().is_some_and(|path| path.ends_with(suffix))
    }

    /// Whether the path is that of a chunk.
    pub fn is_for_chunk(&self) -> bool {
        self.path.trim_end_matches(".cacnk").rsplit('/').next().is_some_and(|name| name.len() == 64)
    }
}

/// What to do with a request.
#[derive(Clone, Debug)]
pub enum Act {
    /// What is right.
    Serve,
    /// Answer with this status and these headers.
    Status(u16, &'static str),
    /// Close the connection after so many bytes of the body; of what is put, of its body.
    CutAfter(usize),
    /// Fall silent after so many bytes of the body; of what is put, after all of it.
    StallAfter(usize),
    /// Change a byte of the body.
    Corrupt(usize),
    /// Send all of a file, whatever part was asked for.
    IgnoreRange,
    /// Send another part than what was asked for.
    WrongRange,
    /// Announce so many bytes more than there are, and close the connection.
    Overstate(u64),
    /// Do not even answer.
    Close,
}

type Rule = dyn Fn(&Request) -> Act + Send + Sync;

/// A server. It is gone when this is dropped.
#[derive(Debug)]
pub struct Web {
    address: SocketAddr,
    log: Arc<Mutex<Vec<Request>>>,
    task: tokio::task::JoinHandle<()>,
}

struct Site {
    root: PathBuf,
    rule: Box<Rule>,
    log: Arc<Mutex<Vec<Request>>>,
    seen: Mutex<HashMap<String, usize>>,
}

impl Web {
    /// Serves the files below a directory.
    pub fn new(root: impl AsRef<Path>) -> Self {
        Self::with(root, |_| Act::Serve)
    }

    /// Serves them as `rule` says.
    pub fn with(root: impl AsRef<Path>, rule: impl Fn(&Request) -> Act + Send + Sync + 'static) -> Self {
        let listener = network::run(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let log = Arc::<Mutex<Vec<Request>>>::default();
        let site = Arc::new(Site {
            root: root.as_ref().to_owned(),
            rule: Box::new(rule),
            log: Arc::clone(&log),
            seen: Mutex::default(),
        });
        let task = network::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let site = Arc::clone(&site);
                tokio::spawn(async move { site.serve(stream).await });
            }
        });
        Self { address, log, task }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a file.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// All requests so far, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.log.lock().expect("nothing panics here").clone()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Site {
    async fn serve(&self, mut stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let mut input = Vec::new();
        while let Some(request) = self.request(&mut stream, &mut input).await {
            let act = (self.rule)(&request);
            let goes_on = if request.method == "PUT" {
                self.put(&mut stream, &mut input, &request, &act).await
            } else {
                self.answer(&mut stream, &request, &act).await
            };
            if goes_on != Some(true) {
                return;
            }
        }
    }

    async fn request(&self, stream: &mut TcpStream, input: &mut Vec<u8>) -> Option<Request> {
        let end = loop {
            if let Some(at) = input.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            if stream.read_buf(input).await.ok()? == 0 {
                return None;
            }
        };
        let head = String::from_utf8_lossy(&input[..end]).into_owned();
        input.drain(..end + 4);
        let mut lines = head.lines();
        let mut first = lines.next()?.split(' ');
        let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
        let header =
            |line: &str| line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        let before = {
            let mut seen = self.seen.lock().expect("nothing panics here");
            let count = seen.entry(format!("{method} {path}")).or_default();
            *count += 1;
            *count - 1
        };
        let request = Request { method, path, headers: lines.filter_map(header).collect(), before };
        self.log.lock().expect("nothing panics here").push(request.clone());
        Some(request)
    }

    fn file(&self, request: &Request) -> PathBuf {
        let path = request.path.split(['?', ';']).next().unwrap_or_default().trim_start_matches('/');
        assert!(!path.contains(".."), "{path}");
        self.root.join(path)
    }

    async fn put(&self, stream: &mut TcpStream, input: &mut Vec<u8>, request: &Request, act: &Act) -> Option<bool> {
        let length: usize = request.headers.get("content-length")?.parse().ok()?;
        let wanted = match act {
            Act::Close => return None,
            Act::CutAfter(count) => length.min(*count),
            _ => length,
        };
        while input.len() < wanted {
            if stream.read_buf(input).await.ok()? == 0 {
                return None;
            }
        }
        if wanted < length {
            return None;
        }
        let body: Vec<u8> = input.drain(..length).collect();
        match act {
            Act::StallAfter(_) => {
                tokio::time::sleep(Duration::from_secs(600)).await;
                None
            }
            Act::Status(status, headers) => send_status(stream, *status, headers).await,
            _ => {
                let file = self.file(request);
                std::fs::create_dir_all(file.parent()?).ok()?;
                std::fs::write(&file, body).ok()?;
                send_status(stream, 201, "").await
            }
        }
    }

    async fn answer(&self, stream: &mut TcpStream, request: &Request, act: &Act) -> Option<bool> {
        match act {
            Act::Status(status, headers) => return send_status(stream, *status, headers).await,
            Act::Close => return None,
            _ => {}
        }
        let Ok(mut body) = std::fs::read(self.file(request)) else { return send_status(stream, 404, "").await };
        let size = body.len() as u64;
        let tag =
            format!("\"{size:x}-{:x}\"", body.iter().fold(7_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte)));
        let unchanged = request.headers.get("if-range").is_none_or(|expected| *expected == tag);
        let range = request.headers.get("range").filter(|_| unchanged && !matches!(act, Act::IgnoreRange));
        let mut head = match range.map(|range| parse_range(range, size)) {
            None => "HTTP/1.1 200 OK\r\n".to_owned(),
            Some(None) => return send_status(stream, 416, &format!("Content-Range: bytes */{size}\r\n")).await,
            Some(Some(range)) => {
                body = body[range.start as usize..range.end as usize].to_vec();
                let shift = u64::from(matches!(act, Act::WrongRange));
                let (first, last) = (range.start + shift, range.end - 1 + shift);
                format!("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {first}-{last}/{size}\r\n")
            }
        };
        let more = if let Act::Overstate(more) = act { *more } else { 0 };
        head.push_str(&format!("Content-Length: {}\r\nETag: {tag}\r\n\r\n", body.len() as u64 + more));
        stream.write_all(head.as_bytes()).await.ok()?;
        if request.method == "HEAD" {
            return Some(true);
        }
        match act {
            Act::CutAfter(count) => {
                stream.write_all(&body[..body.len().min(*count)]).await.ok()?;
                return (body.len() <= *count).then_some(true);
            }
            Act::StallAfter(count) => {
                stream.write_all(&body[..body.len().min(*count)]).await.ok()?;
                tokio::time::sleep(Duration::from_secs(600)).await;
                return None;
            }
            Act::Corrupt(at) => {
                let at = *at % body.len().max(1);
                body[at] ^= 0x55;
            }
            _ => {}
        }
        stream.write_all(&body).await.ok()?;
        (more == 0).then_some(true)
    }
}

async fn send_status(stream: &mut TcpStream, status: u16, headers: &str) -> Option<bool> {
    let body = "<html>this is no chunk</html>";
    let length = body.len();
    let answer = format!("HTTP/1.1 {status} Told So\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
    stream.write_all(answer.as_bytes()).await.ok()?;
    Some(true)
}

fn parse_range(text: &str, size: u64) -> Option<Range<u64>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let first: u64 = first.parse().ok()?;
    let end = if last.is_empty() { size } else { last.parse::<u64>().ok()? + 1 };
    (first < size).then(|| first..end.min(size))
}
