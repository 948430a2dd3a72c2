//! The first error of a pipeline, and the wish of a person to stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::error::{Cause, Error, Result};

/// Set by INT, TERM and HUP.
static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on INT, TERM and HUP make pipelines stop cleanly.
///
/// # Errors
///
/// If the handlers cannot be installed.
pub fn stop_on_signals() -> Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let flag = STOP.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(flag))?;
    }
    Ok(())
}

/// What has gone wrong in a pipeline so far.
#[derive(Debug, Default)]
pub(crate) struct Failure {
    failed: AtomicBool,
    first: Mutex<Option<Error>>,
}

impl Failure {
    /// Takes note of an error, if it is the first.
    pub(crate) fn set(&self, error: Error) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(error);
        self.failed.store(true, Ordering::Release);
    }

    /// Fails if something has gone wrong, or somebody wants to stop. Every stage asks this now and then.
    pub(crate) fn check(&self) -> Result<()> {
        if self.failed.load(Ordering::Acquire) {
            return Err(self.error());
        }
        if STOP.get().is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            self.set(Cause::Interrupted.into());
            return Err(self.error());
        }
        Ok(())
    }

    /// The first error, for whoever notices that a stage is gone.
    pub(crate) fn error(&self) -> Error {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.clone().unwrap_or_else(|| Error::new(rustix::io::Errno::IO, "a worker thread has died"))
    }

    /// Ends a stage: takes note of its error.
    pub(crate) fn note<T>(&self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.set(error)).ok()
    }

    /// Ends the pipeline.
    pub(crate) fn into_result(self) -> Result<()> {
        match self.first.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}
