//! The sockets that connections come from: bound here, or handed over by a service manager.

use std::net::{SocketAddr, TcpListener as Blocking};
use std::sync::Arc;

use rustix::io::Errno;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::metrics::count;
use super::{Server, connection};
use crate::error::{Context as _, Error, Result};
use crate::sys;
use crate::ui::log;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// Binds the addresses, and takes over what the service manager has bound.
///
/// # Errors
///
/// If an address cannot be bound, or there is none.
pub(super) fn bind(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for fd in sys::listening() {
        let listener = Blocking::from(fd);
        listener.set_nonblocking(true)?;
        listeners.push(TcpListener::from_std(listener).context(|| "take over a socket")?);
    }
    for address in addresses {
        let socket = match address {
            SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4(),
            SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6(),
        };
        let bound = socket.and_then(|socket| {
            socket.set_reuseaddr(true)?;
            socket.bind(*address)?;
            socket.listen(BACKLOG as u32)
        });
        listeners.push(bound.context(|| format!("listen on {address}"))?);
    }
    if listeners.is_empty() {
        let error = Error::new(Errno::DESTADDRREQ, "there is no address to listen on");
        return Err(error.hint("name one, as in --listen=127.0.0.1:8080"));
    }
    Ok(listeners)
}

/// Accepts connections until `stop` says otherwise; the tasks that serve them go to `tasks`.
pub(super) async fn accept(
    server: Arc<Server>,
    listener: TcpListener,
    connections: Arc<Semaphore>,
    mut stop: watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    loop {
        while tasks.try_join_next().is_some() {}
        // Beyond the limit connections wait in the system's queue.
        let permit = tokio::select! {
            permit = Arc::clone(&connections).acquire_owned() => permit,
            _ = stop.wait_for(|stop| *stop) => return tasks,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return tasks,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Too many open files, or a client that has gone: neither ends the server, nor may it spin.
                log::debug(format_args!("Failed to accept a connection: {error}"));
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        let (server, stop) = (Arc::clone(&server), stop.clone());
        tasks.spawn(async move {
            count(&server.metrics.connections);
            count(&server.metrics.connections_open);
            if let Err(error) = connection::serve(Arc::clone(&server), stream, peer, stop).await {
                log::debug(format_args!("Connection from {peer}: {error}"));
            }
            server.metrics.connections_open.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
            drop(permit);
        });
    }
}
