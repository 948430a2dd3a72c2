//! Listens for clients and serves each in a thread of its own.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;

use super::Exports;
use super::connection::{flush_all, serve};
use crate::error::{Context as _, Error, Result};
use crate::flow::stop;
use crate::ui::log;

/// Clients at the same time.
const CLIENTS_MAX: usize = 256;
/// How long a client may take to say what it wants.
const HANDSHAKE: Duration = Duration::from_secs(30);

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A socket in the file system, for its owner only.
    Unix(PathBuf),
    /// `HOST:PORT`
    Tcp(String),
}

impl Endpoint {
    /// Takes `unix:PATH` or `tcp:HOST:PORT`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Some(Self::Unix(PathBuf::from(path)));
        }
        let address = text.strip_prefix("tcp:")?;
        address.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok())?;
        Some(Self::Tcp(address.to_owned()))
    }
}

/// Listens at some places.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<Listener>,
    exports: Exports,
    clients: Mutex<Clients>,
}

#[derive(Debug)]
enum Listener {
    Unix(UnixListener, SocketFile),
    Tcp(TcpListener),
}

/// A socket's file, which is removed with the socket.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Connections, to be cut at the end.
#[derive(Debug, Default)]
struct Clients {
    next: u64,
    open: BTreeMap<u64, Arc<Stream>>,
    closed: bool,
}

impl Server {
    /// Listens at every endpoint.
    ///
    /// # Errors
    ///
    /// If one of them is not to be had.
    pub fn bind(endpoints: &[Endpoint], exports: Exports) -> Result<Self> {
        let listeners = endpoints.iter().map(Listener::bind).collect::<Result<_>>()?;
        Ok(Self { listeners, exports, clients: Mutex::default() })
    }

    /// Where it listens, with the port that was chosen.
    pub fn addresses(&self) -> impl Iterator<Item = impl fmt::Display> {
        self.listeners.iter()
    }

    /// Serves clients until somebody wants to stop. What they have written is flushed then.
    ///
    /// # Errors
    ///
    /// If no more clients can be accepted, or not everything could be flushed.
    pub fn run(&self) -> Result<()> {
        let served = thread::scope(|scope| {
            let threads: Vec<_> =
                self.listeners.iter().map(|listener| scope.spawn(move || self.accept(listener, scope))).collect();
            let ended = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(Errno::IO.into())));
            let ended = ended.fold(Ok(()), Result::and);
            let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
            clients.closed = true;
            clients.open.values().for_each(|stream| stream.shut_down());
            ended
        });
        let flushed = flush_all(&self.exports);
        match served {
            Err(error) if !matches!(error.cause(), crate::error::Cause::Interrupted) => Err(error),
            _ => flushed,
        }
    }

    fn accept<'s>(&'s self, listener: &'s Listener, scope: &'s thread::Scope<'s, '_>) -> Result<()> {
        loop {
            stop::wait_readable(listener)?;
            let stream = match listener.accept() {
                Ok(stream) => Arc::new(stream),
                // It has gone away again: others may come.
                Err(error) if has_left(&error) => continue,
                Err(error) if is_shortage(&error) => {
                    log::error(format_args!("A client was not accepted: {error}"));
                    thread::sleep(Duration::from_millis(100));
                    continue;
                }
                Err(error) => return Err(Error::from(error).context(format!("accept clients at {listener}"))),
            };
            let Some(number) = self.enter(&stream) else { continue };
            let started = thread::Builder::new().name(format!("client-{number}")).spawn_scoped(scope, move || {
                let begun = |stream: &Stream| stream.set_read_timeout(None);
                let served = stream
                    .set_read_timeout(Some(HANDSHAKE))
                    .and_then(|()| serve(&*stream, &self.exports, |stream| drop(begun(stream))));
                match served {
                    Err(error) if !is_usual(&error) => log::error(format_args!("A client was cut off: {error}")),
                    _ => {}
                }
                self.leave(number);
            });
            if let Err(error) = started {
                self.leave(number);
                log::error(format_args!("A client was not accepted: {error}"));
            }
        }
    }

    fn leave(&self, number: u64) {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).open.remove(&number);
    }

    /// Takes note of a client; `None` if there are too many, or no more are wanted.
    fn enter(&self, stream: &Arc<Stream>) -> Option<u64> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.closed || clients.open.len() == CLIENTS_MAX {
            return None;
        }
        clients.next += 1;
        let number = clients.next;
        clients.open.insert(number, Arc::clone(stream));
        Some(number)
    }
}

/// Whether a client was gone before it was accepted: the errors that `accept(2)` says to pass over.
fn has_left(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, NotConnected, WouldBlock};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted | NotConnected | WouldBlock)
        || matches!(Errno::from_io_error(error), Some(Errno::PROTO | Errno::HOSTUNREACH | Errno::NETUNREACH))
}

/// Whether there may be room for a client later.
fn is_shortage(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
}

/// Whether a connection has only ended as connections do.
fn is_usual(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof, WouldBlock};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof | WouldBlock)
}

impl Listener {
    fn bind(endpoint: &Endpoint) -> Result<Self> {
        match endpoint {
            Endpoint::Unix(path) => Self::bind_unix(path).context(|| format!("listen at {path:?}")),
            Endpoint::Tcp(address) => {
                let listener = TcpListener::bind(address).context(|| format!("listen at {address}"))?;
                listener.set_nonblocking(true)?;
                Ok(Self::Tcp(listener))
            }
        }
    }

    fn bind_unix(path: &Path) -> Result<Self> {
        // The socket of a server that was killed is in the way; one that somebody listens to is not touched.
        if fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket())
            && UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        {
            fs::remove_file(path)?;
        }
        let listener = UnixListener::bind(path)?;
        let file = SocketFile(path.to_owned());
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok(Self::Unix(listener, file))
    }

    fn accept(&self) -> io::Result<Stream> {
        // The listener does not wait, what it accepts does.
        match self {
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(false)?;
                Ok(Stream::Unix(stream))
            }
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(false)?;
                // A matter of speed alone.
                let _ = stream.set_nodelay(true);
                Ok(Stream::Tcp(stream))
            }
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(listener, _) => listener.as_fd(),
            Self::Tcp(listener) => listener.as_fd(),
        }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(_, file) => write!(f, "unix:{}", file.0.display()),
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(address) => write!(f, "tcp:{address}"),
                Err(_) => f.write_str("tcp"),
            },
        }
    }
}

/// A connection.
#[derive(Debug)]
enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Stream {
    fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.set_read_timeout(timeout),
            Self::Tcp(stream) => stream.set_read_timeout(timeout),
        }
    }

    fn shut_down(&self) {
        let _ = match self {
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl Read for &Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Unix(stream) => (&*stream).read(buffer),
            Stream::Tcp(stream) => (&*stream).read(buffer),
        }
    }
}

impl Write for &Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Stream::Unix(stream) => (&*stream).write_vectored(slices),
            Stream::Tcp(stream) => (&*stream).write_vectored(slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_told_apart() {
        for (text, endpoint) in [
            ("unix:/run/x", Some(Endpoint::Unix("/run/x".into()))),
            ("unix:x:1", Some(Endpoint::Unix("x:1".into()))),
            ("tcp:localhost:0", Some(Endpoint::Tcp("localhost:0".into()))),
            ("tcp:[::1]:10809", Some(Endpoint::Tcp("[::1]:10809".into()))),
            ("unix:", None),
            ("tcp:host", None),
            ("tcp:host:port", None),
            ("/run/x", None),
        ] {
            assert_eq!(Endpoint::parse(text), endpoint, "{text}");
        }
    }
}
