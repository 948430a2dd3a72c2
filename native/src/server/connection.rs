//! One connection: its handshake, its requests, and its end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_rustls::TlsAcceptor;

use super::Server;
use super::answer::answer;
use super::exchange::Pulse;
use super::metrics::count;

/// How often it is looked whether a connection gets on.
const TICK: Duration = Duration::from_secs(1);
/// Bytes of the headers of a request, all together.
const HEADERS_MAX: usize = 16 << 10;
/// Requests of one HTTP/2 connection at once.
const STREAMS_MAX: u32 = 128;
/// Bytes that a connection holds of what it sends and receives.
const BUFFER: usize = 64 << 10;

/// Serves a connection to its end. `stop` says when no more requests are taken.
pub(super) async fn serve(
    server: Arc<Server>,
    stream: TcpStream,
    peer: SocketAddr,
    stop: watch::Receiver<bool>,
) -> io::Result<()> {
    // Small answers are not to wait for others.
    stream.set_nodelay(true)?;
    let Some(tls) = server.tls() else { return serve_on(server, stream, peer, stop).await };
    let handshake = timeout(server.options.header_timeout, TlsAcceptor::from(tls).accept(stream));
    match handshake.await {
        Ok(Ok(stream)) => serve_on(server, stream, peer, stop).await,
        Ok(Err(error)) => {
            count(&server.metrics.handshakes_failed);
            Err(error)
        }
        Err(_) => {
            count(&server.metrics.handshakes_failed);
            Err(io::ErrorKind::TimedOut.into())
        }
    }
}

async fn serve_on(
    server: Arc<Server>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let pulse = Arc::new(Pulse::new());
    let options = &server.options;
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_buf_size(BUFFER)
        .max_headers(64);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEADERS_MAX as u32)
        .max_concurrent_streams(STREAMS_MAX)
        .max_send_buf_size(BUFFER)
        .keep_alive_interval(options.idle_timeout)
        .keep_alive_timeout(options.header_timeout);
    let service = service_fn(|request| answer(Arc::clone(&server), peer.ip(), Arc::clone(&pulse), request));
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stopping = *stop.borrow();
    if stopping {
        connection.as_mut().graceful_shutdown();
    }
    loop {
        tokio::select! {
            done = connection.as_mut() => return done.map_err(io::Error::other),
            _ = stop.wait_for(|stop| *stop), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            _ = tick.tick() => {
                let silence = pulse.silence();
                if pulse.is_open() && silence > options.stall_timeout {
                    server.metrics.connections_stalled.fetch_add(1, Ordering::Relaxed);
                    return Err(io::ErrorKind::TimedOut.into());
                }
                if !pulse.is_open() && silence > options.idle_timeout {
                    // Who opens connections and says nothing holds them against others.
                    if silence > options.idle_timeout + options.header_timeout {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}
