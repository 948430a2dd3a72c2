//! A link of a certain length and width: what passes through it comes later, and not all at once.
//!
//! The kernels that tests run on may have no netem, so this is a proxy: bytes wait in it as long as they would be on their
//! way, all connections share the width, and a new one takes a round trip more, as a handshake does.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use crate::network;

/// What a link is like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conditions {
    /// There and back.
    pub round_trip: Duration,
    /// Bytes a second in each direction; `None` is as many as come.
    pub width: Option<u64>,
}

/// A link to a server. It is gone when this is dropped.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

/// One direction, for all connections.
#[derive(Debug)]
struct Direction {
    delay: Duration,
    width: Option<u64>,
    /// When all that was sent so far has been put on the wire.
    free: Mutex<Instant>,
}

impl Link {
    /// A link to a server on this host.
    pub fn to(server: SocketAddr, conditions: Conditions) -> Self {
        let listener = network::run(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let direction = || {
            let (delay, width) = (conditions.round_trip / 2, conditions.width);
            Arc::new(Direction { delay, width, free: Mutex::new(Instant::now()) })
        };
        let (up, down) = (direction(), direction());
        let task = network::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::Relaxed);
                let (up, down) = (Arc::clone(&up), Arc::clone(&down));
                tokio::spawn(async move {
                    sleep(conditions.round_trip).await;
                    let Ok(server) = TcpStream::connect(server).await else { return };
                    let _ = (client.set_nodelay(true), server.set_nodelay(true));
                    let (from_client, to_client) = client.into_split();
                    let (from_server, to_server) = server.into_split();
                    tokio::join!(up.carry(from_client, to_server), down.carry(from_server, to_client));
                });
            }
        });
        Self { address, connections, task }
    }

    /// Where it begins.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections that have been made so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Direction {
    /// Carries all that comes, until one side ends.
    async fn carry(&self, mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin) {
        /// What the buffers of routers hold at most, in time.
        const QUEUE: Duration = Duration::from_millis(100);
        let (sender, mut way) = mpsc::channel::<(Instant, Vec<u8>)>(1024);
        let read = async move {
            let mut buffer = vec![0; 16 << 10];
            while let Ok(count @ 1..) = from.read(&mut buffer).await {
                let sent = self.sent(count);
                if sender.send((sent + self.delay, buffer[..count].to_vec())).await.is_err() {
                    return;
                }
                // Who sends faster than the link carries has to wait.
                sleep_until(sent - QUEUE.min(sent.duration_since(Instant::now()))).await;
            }
        };
        let write = async {
            while let Some((due, bytes)) = way.recv().await {
                sleep_until(due).await;
                if to.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            let _ = to.shutdown().await;
        };
        tokio::join!(read, write);
    }

    /// Puts bytes on the wire; returns when the last of them is.
    fn sent(&self, bytes: usize) -> Instant {
        let Some(width) = self.width else { return Instant::now() };
        let mut free = self.free.lock().expect("nothing panics here");
        *free = (*free).max(Instant::now()) + Duration::from_secs_f64(bytes as f64 / width as f64);
        *free
    }
}
