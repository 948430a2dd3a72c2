//! The HTTP server: chunks of a store, and indexes and archives of a directory, over HTTP/1.1 and HTTP/2.
//!
//! ```text
//! listen -> connection -> answer -+-> route -> chunks  -> stores  -> body
//!  (cap)    (TLS, watch)          |         -> files             -> body
//!                                 |         -> uploads [receive > check > name]
//!                                 +-> exchange [metrics, log]
//! ```
//!
//! Sockets are asynchronous; disks, other stores and digests are asked from threads that may block. Memory is bounded by
//! [`Options::memory`] for what is sent and received (of files a client holds 64 KiB at a time), by the number of
//! connections with 128 KiB of buffers each, and by one plain chunk for each upload that is examined, of which there are as
//! many as cores.
//!
//! A connection that does nothing when it is its turn is ended; one that is over the limit waits to be accepted. When the
//! server is to stop it accepts nothing more, and finishes the answers under way, for a while.

mod access;
mod answer;
mod body;
mod chunks;
mod connection;
mod cors;
mod exchange;
mod files;
mod listen;
mod log;
mod memory;
mod metrics;
mod range;
mod route;
mod stores;
mod tls;
mod uploads;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

pub use access::Tokens;
pub use cors::Origins;
pub use log::{LogFormat, LogTarget};
pub use stores::{Source, Stores};
pub use tls::TlsFiles;

use crate::error::{Context as _, Result};
use crate::ui::{self, notify};
use access::Access;
use files::Files;
use log::Log;
use memory::Memory;
use metrics::{Metrics, count};

/// How to serve.
#[derive(Clone, Debug)]
pub struct Options {
    /// Addresses to listen on, besides what a service manager hands over.
    pub listen: Vec<SocketAddr>,
    /// The directory of indexes and archives.
    pub index_dir: Option<PathBuf>,
    /// Whether clients may put chunks and indexes.
    pub writable: bool,
    /// Who may do what.
    pub tokens: Tokens,
    /// Serve TLS, and nothing else.
    pub tls: Option<TlsFiles>,
    /// Pages of which origins may use it.
    pub origins: Origins,
    /// Where the access log goes.
    pub log: Option<LogTarget>,
    /// How it looks.
    pub log_format: LogFormat,
    /// Bytes of bodies in memory, all together.
    pub memory: u64,
    /// Largest index or archive that is taken.
    pub file_max: u64,
    /// Connections at once.
    pub connections_max: usize,
    /// How long a client may take for its handshake and the headers of a request.
    pub header_timeout: Duration,
    /// How long it may neither send nor take anything of what is under way.
    pub stall_timeout: Duration,
    /// How long it may stay connected without asking.
    pub idle_timeout: Duration,
    /// How long answers under way have when the server is to stop.
    pub stop_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            index_dir: None,
            writable: false,
            tokens: Tokens::default(),
            tls: None,
            origins: Origins::default(),
            log: None,
            log_format: LogFormat::default(),
            memory: 64 << 20,
            file_max: 16 << 30,
            connections_max: 4096,
            header_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            stop_timeout: Duration::from_secs(30),
        }
    }
}

/// A server.
#[derive(Debug)]
pub struct Server {
    options: Options,
    stores: Arc<Stores>,
    /// Suffix of compressed chunks in URLs.
    suffix: String,
    files: Option<Arc<Files>>,
    access: RwLock<Arc<Access>>,
    tls: Option<RwLock<Arc<rustls::ServerConfig>>>,
    memory: Memory,
    /// Turns at asking other stores; `None` if all are on this host.
    fetches: Option<Semaphore>,
    /// Turns at unpacking and digesting uploads.
    examinations: Semaphore,
    metrics: Arc<Metrics>,
    log: Arc<Log>,
}

impl Server {
    /// Prepares everything but the sockets.
    ///
    /// # Errors
    ///
    /// If a file or directory that the options name cannot be used.
    pub fn new(stores: Stores, suffix: String, options: Options) -> Result<Self> {
        /// Chunks that are fetched from other stores at once if these do not say how many make sense.
        const FETCHES: usize = 16;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let fetches = (!stores.are_local()).then(|| Semaphore::new(stores.width().clamp(FETCHES, 4 * FETCHES)));
        let metrics = Arc::new(Metrics::default());
        Ok(Self {
            suffix,
            files: options.index_dir.as_deref().map(Files::open).transpose()?.map(Arc::new),
            access: RwLock::new(Arc::new(Access::read(&options.tokens)?)),
            tls: options.tls.as_ref().map(tls::configuration).transpose()?.map(RwLock::new),
            memory: Memory::new(options.memory),
            fetches,
            examinations: Semaphore::new(cores),
            log: Arc::new(Log::new(options.log.clone(), options.log_format, &metrics)?),
            metrics,
            stores: Arc::new(stores),
            options,
        })
    }

    /// Whether a token, or a certificate, is needed to write.
    pub fn guards_writing(&self) -> bool {
        self.access().takes_tokens() || self.options.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some())
    }

    /// Serves until TERM or INT comes.
    ///
    /// # Errors
    ///
    /// If it cannot begin. What goes wrong with clients ends nothing.
    pub fn run(self) -> Result<()> {
        // Each waits for a disk or another store; more would only wait for each other.
        const BLOCKING_MAX: usize = 96;
        let runtime = Builder::new_multi_thread()
            .thread_name("serve")
            .max_blocking_threads(BLOCKING_MAX)
            .enable_all()
            .build()
            .context(|| "start the threads of the server")?;
        let server = Arc::new(self);
        let result = runtime.block_on(Arc::clone(&server).serve());
        // Whatever still waits for another store has had its time.
        runtime.shutdown_timeout(Duration::from_millis(100));
        server.log.finish();
        result
    }

    async fn serve(self: Arc<Self>) -> Result<()> {
        let mut ends = [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?];
        let mut reloads = signal(SignalKind::hangup())?;
        let listeners = listen::bind(&self.options.listen)?;
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        for listener in &listeners {
            ui::log::info(format_args!("Listening on {scheme}://{}/", listener.local_addr()?));
        }
        let (stop, stopped) = watch::channel(false);
        let mut accepting = self.accept(listeners, &stopped);
        notify::ready();
        let [terminate, interrupt] = &mut ends;
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = reloads.recv() => self.reload(),
            }
        }
        notify::stopping();
        stop.send_replace(true);
        let finished = async {
            while let Some(tasks) = accepting.join_next().await {
                if let Ok(tasks) = tasks {
                    tasks.join_all().await;
                }
            }
        };
        // Who asks a second time does not want to wait.
        tokio::select! {
            () = finished => {}
            () = tokio::time::sleep(self.options.stop_timeout) => {
                ui::log::info("Answers under way were cut off, since they took too long.");
            }
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    }

    fn accept(self: &Arc<Self>, listeners: Vec<TcpListener>, stop: &watch::Receiver<bool>) -> JoinSet<JoinSet<()>> {
        let connections = Arc::new(Semaphore::new(self.options.connections_max));
        let mut accepting = JoinSet::new();
        for listener in listeners {
            accepting.spawn(listen::accept(Arc::clone(self), listener, Arc::clone(&connections), stop.clone()));
        }
        accepting
    }

    /// Reads certificates and tokens again, and goes on in a new log file. What cannot be read stays as it is.
    fn reload(&self) {
        notify::reloading();
        let mut failed = false;
        let mut note = |result: Result<()>| {
            if let Err(error) = result {
                failed = true;
                ui::log::error(format_args!("Failed to reload, going on as before: {error}"));
            }
        };
        note(Access::read(&self.options.tokens).map(|access| {
            *self.access.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(access);
        }));
        if let (Some(files), Some(current)) = (&self.options.tls, &self.tls) {
            note(tls::configuration(files).map(|new| {
                *current.write().unwrap_or_else(PoisonError::into_inner) = new;
            }));
        }
        note(self.log.reopen());
        count(&self.metrics.reloads);
        if !failed {
            ui::log::info("Reloaded.");
        }
        notify::ready();
    }

    fn is_writable(&self) -> bool {
        self.options.writable
    }

    fn access(&self) -> Arc<Access> {
        Arc::clone(&self.access.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn tls(&self) -> Option<Arc<rustls::ServerConfig>> {
        let tls = self.tls.as_ref()?;
        Some(Arc::clone(&tls.read().unwrap_or_else(PoisonError::into_inner)))
    }
}
