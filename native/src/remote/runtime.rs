//! The one asynchronous runtime, below blocking faces. All waits end when somebody wants to stop.

use std::cell::RefCell;
use std::future::Future;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::net::unix::pipe::Receiver;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::{Cause, Context as _, Result};
use crate::flow::stop;

/// Threads for the network: they move bytes and decrypt, the work on chunks is done elsewhere.
const THREADS_MAX: usize = 4;

struct Shared {
    runtime: Runtime,
    stopped: watch::Receiver<bool>,
}

thread_local! {
    /// What ends the waits of this thread, besides signals.
    static CANCELLED: RefCell<Option<watch::Receiver<bool>>> = const { RefCell::new(None) };
}

/// Lets somebody else end the waits of threads that run [`cancellable`].
#[derive(Debug)]
pub struct Cancel(watch::Sender<bool>);

impl Default for Cancel {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Cancel {
    /// Ends all waits, now and later.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }

    /// Whether they have been ended.
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }
}

/// Runs `work`; whatever waits for the network in it fails once `cancel` is set.
pub fn cancellable<T>(cancel: &Cancel, work: impl FnOnce() -> T) -> T {
    CANCELLED.set(Some(cancel.0.subscribe()));
    let done = work();
    CANCELLED.set(None);
    done
}

/// Waits for what `work` comes to.
///
/// # Errors
///
/// Those of `work`, and [`Cause::Interrupted`] once somebody wants to stop.
pub fn wait<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    stop::check()?;
    let shared = shared()?;
    let mut stopped = shared.stopped.clone();
    let mut cancelled = CANCELLED.with_borrow(Clone::clone);
    shared.runtime.block_on(async {
        tokio::select! {
            done = work => done,
            () = raised(Some(&mut stopped)) => Err(Cause::Interrupted.into()),
            () = raised(cancelled.as_mut()) => Err(Cause::Interrupted.into()),
        }
    })
}

/// Starts `work` beside the threads of this program.
///
/// # Errors
///
/// If there cannot be a runtime.
pub fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Result<()> {
    shared()?.runtime.spawn(work);
    Ok(())
}

/// Starts `work` beside the threads of this program, for who waits for what it comes to.
///
/// # Errors
///
/// If there cannot be a runtime.
pub(crate) fn start<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<JoinHandle<T>> {
    Ok(shared()?.runtime.spawn(work))
}

/// Waits for what cleans up, also when somebody wants to stop; but not for long.
pub(crate) fn at_last<T>(work: impl Future<Output = T>) {
    const PATIENCE: Duration = Duration::from_secs(5);
    if let Ok(shared) = shared() {
        let _ = shared.runtime.block_on(async { tokio::time::timeout(PATIENCE, work).await });
    }
}

/// Comes back once the flag is set; never if there is none.
async fn raised(flag: Option<&mut watch::Receiver<bool>>) {
    if let Some(flag) = flag
        && flag.wait_for(|raised| *raised).await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}

fn shared() -> Result<&'static Shared> {
    static SHARED: OnceLock<Result<Shared>> = OnceLock::new();
    SHARED.get_or_init(begin).as_ref().map_err(Clone::clone)
}

fn begin() -> Result<Shared> {
    // Whoever was first has chosen the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(THREADS_MAX));
    let runtime = Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("network")
        .enable_all()
        .build()
        .context(|| "start the threads for the network")?;
    let (stop, stopped) = watch::channel(false);
    match stop::wakes() {
        Some(wakes) => {
            let wakes = OwnedFd::from(wakes.try_clone()?);
            runtime.spawn(async move {
                if let Ok(wakes) = Receiver::from_owned_fd(wakes)
                    && wakes.readable().await.is_ok()
                {
                    stop.send_replace(true);
                }
            });
        }
        // Nobody will ever want to: the flag must outlive all who look at it.
        None => drop(runtime.spawn(async move { stop.closed().await })),
    }
    Ok(Shared { runtime, stopped })
}
