//! The first error of a pipeline.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::stop;
use crate::error::{Error, Result};

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

    /// Ends the pipeline.
    pub(crate) fn into_result(self) -> Result<()> {
        match self.first.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}
