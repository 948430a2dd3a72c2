//! The runtime below the blocking faces.

use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;

use rustix::io::Errno;
use tokio::runtime::{Builder, Runtime};

use crate::error::{Error, Result};
use crate::flow::stop;
use crate::remote::Settings;

fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().ok());
    runtime.as_ref().ok_or_else(|| Error::new(Errno::NOMEM, "no runtime"))
}

pub(super) fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    runtime()?.block_on(async {
        let mut future = std::pin::pin!(future);
        loop {
            stop::check()?;
            if let Ok(done) = tokio::time::timeout(Duration::from_millis(100), &mut future).await {
                return done;
            }
        }
    })
}

pub(super) fn client(_settings: &Settings) -> Result<reqwest::Client> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().build().map_err(|error| Error::new(Errno::IO, error.to_string()))
}

/// Lets something run beside.
pub(super) fn spawn<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> Result<tokio::task::JoinHandle<T>> {
    Ok(runtime()?.spawn(future))
}

/// Waits for something whether somebody wants to stop or not, but not for long.
pub(super) fn at_last<T>(future: impl Future<Output = T>) {
    if let Ok(runtime) = runtime() {
        let _ = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(5), future).await });
    }
}
