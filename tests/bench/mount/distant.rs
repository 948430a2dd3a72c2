//! An HTTP server for the files of a directory that answers each request only after a while, as one far away does.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A server; it ends with the process.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
}

impl Server {
    /// Starts it on a port of its own, with a thread for each connection.
    pub(crate) fn start(root: &Path, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let root: Arc<Path> = root.into();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let root = Arc::clone(&root);
                // A client that goes away ends its thread alone.
                std::thread::spawn(move || serve(&stream, &root, delay));
            }
        });
        Self { address }
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn serve(stream: &TcpStream, root: &Path, delay: Duration) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(request) = lines.next().transpose()? {
        while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
        let mut words = request.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let file: PathBuf = root.join(path.trim_start_matches('/'));
        let found = std::fs::read(file);
        std::thread::sleep(delay);
        let (status, body) = found.map_or_else(|_| ("404 Not Found", Vec::new()), |bytes| ("200 OK", bytes));
        let mut answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
        if method != "HEAD" {
            answer.extend(body);
        }
        let mut stream = stream;
        stream.write_all(&answer)?;
    }
    Ok(())
}
