//! The first error of a pipeline.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use super::stop;
use crate::error::{Context as _, Error, Result};

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
        stop::check().map_err(|error| {
            self.set(error);
            self.error()
        })
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

    /// Starts a stage in a thread of its own. If there cannot be another thread, that is the pipeline's error, and what the
    /// stage was to own is dropped, which its neighbours notice.
    pub(crate) fn spawn<'scope, T: Send + 'scope>(
        &self,
        scope: &'scope Scope<'scope, '_>,
        stage: impl FnOnce() -> T + Send + 'scope,
    ) -> Option<ScopedJoinHandle<'scope, T>> {
        self.note(Builder::new().spawn_scoped(scope, stage).context(|| "start a thread").map_err(|error| {
            error.hint("`ulimit -u` limits threads, and `ulimit -v` the memory for them; --jobs= takes fewer")
        }))
    }

    /// Ends the pipeline.
    pub(crate) fn into_result(self) -> Result<()> {
        match self.first.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}
