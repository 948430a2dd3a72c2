//! What `make` makes, until it is complete: on standard output, in a file, or on another host.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Result;
use crate::flow::make::Output;
use crate::fs::output::AtomicFile;
use crate::locator;
use crate::remote::{self, Settings, Upload};
use crate::ui::StandardOutput;

/// An index or archive that is being made. Dropped before it is finished, it leaves no trace.
pub(super) enum Product {
    /// It goes to standard output.
    Standard,
    /// It becomes a file.
    File(AtomicFile),
    /// It becomes a file on another host.
    Remote(SharedUpload),
}

impl Product {
    /// A file with this mode, less the umask.
    pub(super) fn create(path: &OsStr, mode: u32) -> Result<Self> {
        AtomicFile::create(&locator::to_path(path), mode).map(Self::File)
    }

    /// A file on another host.
    pub(super) fn upload(locator: &OsStr, settings: &Settings) -> Result<Self> {
        let upload = remote::file(locator, settings)?.write()?;
        Ok(Self::Remote(SharedUpload(Arc::new(Mutex::new(Some(upload))))))
    }

    /// Where its bytes are to be written.
    pub(super) fn output(&self) -> Result<Output> {
        Ok(match self {
            Self::Standard => Box::new(StandardOutput::new()?),
            Self::File(file) => Box::new(file.file().try_clone()?),
            Self::Remote(upload) => Box::new(upload.clone()),
        })
    }

    /// The file, if it is one.
    pub(super) const fn file(&self) -> Option<&AtomicFile> {
        match self {
            Self::File(file) => Some(file),
            _ => None,
        }
    }

    /// Gives it its name.
    pub(super) fn finish(self) -> Result<()> {
        match self {
            Self::Standard => Ok(()),
            Self::File(file) => file.install(),
            Self::Remote(SharedUpload(upload)) => {
                let upload = upload.lock().unwrap_or_else(PoisonError::into_inner).take();
                upload.map_or(Ok(()), |upload| upload.finish())
            }
        }
    }
}

/// An upload that one thread writes to, and another finishes after that.
#[derive(Clone)]
pub(super) struct SharedUpload(Arc<Mutex<Option<Box<dyn Upload>>>>);

impl SharedUpload {
    fn with<T>(&self, act: impl FnOnce(&mut dyn Upload) -> io::Result<T>) -> io::Result<T> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).as_deref_mut() {
            Some(upload) => act(upload),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Write for SharedUpload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|upload| upload.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.with(|upload| upload.flush())
    }
}
