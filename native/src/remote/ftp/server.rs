//! An FTP server: connections that are logged in, and transfers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use suppaftp::tokio::{AsyncFtpStream, AsyncNoTlsStream, TransferStream};
use suppaftp::types::{FileType, Response};
use suppaftp::{FtpError, Mode, Status};
use tokio::io::AsyncReadExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Result};
use crate::locator::percent_decoded;
use crate::remote::http::{Address, Credentials, Trouble, credentials, persist};
use crate::remote::rate::Rate;
use crate::remote::runtime;
use crate::remote::settings::{HttpOptions, Settings};

/// One server, as one login sees it.
pub(super) struct Server {
    /// What people call the place that the URL names.
    pub(super) name: String,
    host: String,
    port: u16,
    login: Credentials,
    pub(super) options: HttpOptions,
    rate: Option<Arc<Rate>>,
    /// Connections that have nothing to do.
    idle: Mutex<Vec<AsyncFtpStream>>,
    /// As many as there may be.
    room: Arc<Semaphore>,
    /// Whether the server was seen not to know extended passive mode.
    is_old: AtomicBool,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Server").field(&self.name).finish()
    }
}

/// A connection, and the right to have it.
pub(super) struct Connection {
    server: Arc<Server>,
    ftp: AsyncFtpStream,
    /// Whether its mode is the extended one.
    is_extended: bool,
    _permit: OwnedSemaphorePermit,
}

/// Bytes that come.
pub(super) type Transfer = TransferStream<AsyncNoTlsStream>;

impl Server {
    /// Connections at the same time: servers allow few of one client.
    pub(super) const CONNECTIONS_MAX: usize = 8;

    /// What a URL names: the server, and the path that it is told, which begins where a login begins unless the URL has
    /// `//` or `/%2F` behind the host.
    pub(super) fn parse(url: &str, settings: &Settings) -> Result<(Arc<Self>, String)> {
        let address = Address::parse(url)?;
        let refused = |why: &str| Error::new(Errno::INVAL, format!("{:?} {why}", address.name));
        let path = address.url.path();
        let path = path.split_once(';').map_or(path, |(path, _)| path);
        let path = String::from_utf8(percent_decoded(path.strip_prefix('/').unwrap_or(path).as_bytes()));
        let path = path.map_err(|_| refused("has a path that is no text"))?;
        if path.contains(char::is_control) {
            return Err(refused("has a path that cannot be told to a server"));
        }
        let host = address.url.host_str().ok_or_else(|| refused("names no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let options = settings.http_for(url).clone();
        let login = credentials(&address, &options)?
            .unwrap_or_else(|| Credentials { user: "anonymous".to_owned(), password: "casync@".to_owned() });
        let server = Self {
            host,
            port: address.url.port().unwrap_or(21),
            login,
            options,
            rate: settings.rate(),
            idle: Mutex::default(),
            room: Arc::new(Semaphore::new(Self::CONNECTIONS_MAX)),
            is_old: AtomicBool::new(false),
            name: address.name,
        };
        Ok((Arc::new(server), path))
    }

    /// Does something on a connection, again and again if need be.
    ///
    /// # Errors
    ///
    /// Those of `work`, and of connecting.
    pub(super) fn run<T>(self: &Arc<Self>, work: impl AsyncFn(Connection) -> Result<T, Trouble>) -> Result<T> {
        runtime::wait(persist(self.options.retries, async || work(self.connection().await?).await))
    }

    /// A connection that is logged in.
    pub(super) async fn connection(self: &Arc<Self>) -> Result<Connection, Trouble> {
        let permit =
            Arc::clone(&self.room).acquire_owned().await.map_err(|_| Trouble::Lasting(Errno::CANCELED.into()))?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut ftp = match idle {
            Some(ftp) => ftp,
            None => self.patiently(self.options.connect_timeout, self.connect()).await?,
        };
        let is_extended = !self.is_old.load(Ordering::Relaxed);
        ftp.set_mode(if is_extended { Mode::ExtendedPassive } else { Mode::Passive });
        Ok(Connection { server: Arc::clone(self), ftp, is_extended, _permit: permit })
    }

    async fn connect(&self) -> Result<AsyncFtpStream, FtpError> {
        let mut ftp = AsyncFtpStream::connect((self.host.as_str(), self.port)).await?;
        ftp.login(&self.login.user, &self.login.password).await?;
        ftp.transfer_type(FileType::Binary).await?;
        // Data come from nowhere else than what was connected to.
        ftp.set_passive_nat_workaround(true);
        Ok(ftp)
    }

    async fn patiently<T>(
        &self,
        patience: Duration,
        work: impl Future<Output = Result<T, FtpError>>,
    ) -> Result<T, Trouble> {
        match tokio::time::timeout(patience, work).await {
            Ok(done) => done.map_err(|error| self.trouble(error)),
            Err(_) => Err(Trouble::silence(patience, &self.name)),
        }
    }

    fn trouble(&self, error: FtpError) -> Trouble {
        let name = &self.name;
        match error {
            FtpError::ConnectionError(error) => {
                let errno = Errno::from_io_error(&error).unwrap_or(Errno::CONNRESET);
                Trouble::passing(Error::new(errno, format!("{name}: the connection was lost: {error}")))
            }
            FtpError::UnexpectedResponse(response) => self.refused(&response),
            error => Trouble::Lasting(Error::new(Errno::PROTO, format!("{name}: {error}"))),
        }
    }

    /// An answer that is no success.
    fn refused(&self, response: &Response) -> Trouble {
        let code = response.status.code();
        // What a server says is shown without what could steer a terminal.
        let text = String::from_utf8_lossy(&response.body);
        let text: String =
            text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect();
        let text = format!("{}: the server answers {text:?}", self.name);
        match response.status {
            Status::FileUnavailable | Status::RequestFileActionIgnored => {
                Trouble::Lasting(Error::new(Errno::NOMEDIUM, text).headed("File, URL or resource not found."))
            }
            Status::NotLoggedIn | Status::InvalidCredentials => {
                let error = Error::new(Errno::ACCESS, text);
                Trouble::Lasting(error.hint("a name and password can be in the URL or in ~/.netrc"))
            }
            _ if (400..500).contains(&code) => {
                let overload = response.status == Status::NotAvailable;
                Trouble::Passing { error: Error::new(Errno::BADR, text), after: None, overload }
            }
            _ => Trouble::Lasting(Error::new(Errno::BADR, text)),
        }
    }
}

/// Whether something is not there, by what the server says.
pub(super) fn absent<T>(done: Result<T, Trouble>) -> Result<Option<T>, Trouble> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(Trouble::Lasting(error)) if error.errno() == Errno::NOMEDIUM => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

impl Connection {
    fn patience(&self) -> Duration {
        self.server.options.silence_timeout
    }

    /// Bytes in a file.
    pub(super) async fn size(&mut self, path: &str) -> Result<u64, Trouble> {
        let size = self.server.patiently(self.patience(), self.ftp.size(path)).await?;
        Ok(size as u64)
    }

    /// When a file was changed, if the server says that.
    pub(super) async fn modified(&mut self, path: &str) -> Result<Option<i64>, Trouble> {
        match self.server.patiently(self.patience(), self.ftp.mdtm(path)).await {
            Ok(modified) => Ok(Some(modified.and_utc().timestamp())),
            Err(Trouble::Lasting(_)) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Begins to transfer a file from an offset.
    pub(super) async fn open(&mut self, path: &str, offset: u64) -> Result<Transfer, Trouble> {
        let offset = usize::try_from(offset).map_err(|_| Trouble::Lasting(Errno::OVERFLOW.into()))?;
        match tokio::time::timeout(self.patience(), transfer(&mut self.ftp, path, offset)).await {
            Err(_) => Err(Trouble::silence(self.patience(), &self.server.name)),
            Ok(Err(FtpError::UnexpectedResponse(response))) if is_unknown(response.status) && self.is_extended => {
                // It may have been the mode that it does not know.
                self.server.is_old.store(true, Ordering::Relaxed);
                self.is_extended = false;
                self.ftp.set_mode(Mode::Passive);
                self.server.patiently(self.patience(), transfer(&mut self.ftp, path, offset)).await
            }
            Ok(opened) => opened.map_err(|error| self.server.trouble(error)),
        }
    }

    /// Reads the next bytes of a transfer; 0 at its end.
    pub(super) async fn read(&self, transfer: &mut Transfer, buffer: &mut [u8]) -> Result<usize, Trouble> {
        let read = async { transfer.read(buffer).await.map_err(FtpError::ConnectionError) };
        let count = self.server.patiently(self.patience(), read).await?;
        if let Some(rate) = &self.server.rate {
            rate.wait(count).await;
        }
        Ok(count)
    }

    /// Waits until the server says that a transfer was complete.
    pub(super) async fn finish(&self, transfer: Transfer) -> Result<(), Trouble> {
        self.server.patiently(self.patience(), transfer.finish()).await
    }

    /// Gives the connection back, for something else.
    pub(super) fn keep(self) {
        self.server.idle.lock().unwrap_or_else(PoisonError::into_inner).push(self.ftp);
    }
}

async fn transfer(ftp: &mut AsyncFtpStream, path: &str, offset: usize) -> Result<Transfer, FtpError> {
    ftp.resume_transfer(offset).await?;
    ftp.retr_as_stream(path).await
}

const fn is_unknown(status: Status) -> bool {
    matches!(
        status,
        Status::BadCommand
            | Status::BadArguments
            | Status::NotImplemented
            | Status::NotImplementedParameter
            | Status::Unknown
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        for (url, host, port, path, name) in [
            ("ftp://h/srv/a.caidx", "h", 21, "srv/a.caidx", "ftp://h/srv/a.caidx"),
            ("ftp://h//srv/a", "h", 21, "/srv/a", "ftp://h//srv/a"),
            ("ftp://me:p%40ss@h:2121/%2Fa%20b", "h", 2121, "/a b", "ftp://h:2121/%2Fa%20b"),
            ("ftp://[::1]/x;type=i", "::1", 21, "x", "ftp://[::1]/x;type=i"),
        ] {
            let (server, told) = Server::parse(url, &Settings::default()).unwrap();
            assert_eq!((server.host.as_str(), server.port, told.as_str()), (host, port, path), "{url}");
            assert_eq!(server.name, name);
        }
        let (server, _) = Server::parse("ftp://me:p%40ss@h/x", &Settings::default()).unwrap();
        assert_eq!((server.login.user.as_str(), server.login.password.as_str()), ("me", "p@ss"));
        assert!(!format!("{server:?}").contains("p@ss"));
        for url in ["ftp://h/a%0D%0ADELE%20b", "ftp://h/%FF"] {
            assert!(Server::parse(url, &Settings::default()).is_err(), "{url}");
        }
    }
}
