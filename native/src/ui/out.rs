//! Standard output: buffered, and errors are noticed.

use std::fmt::Display;
use std::io::{self, BufWriter, Write as _};

use super::StandardOutput;
use crate::error::{Cause, Error, Result};

/// Writes results. Whoever is done calls [`Self::finish`].
#[derive(Debug)]
pub struct Out(Result<BufWriter<StandardOutput>>);

impl Out {
    /// Standard output.
    pub fn new() -> Self {
        let output = StandardOutput::new().map_err(failed);
        Self(output.map(|output| BufWriter::with_capacity(64 << 10, output)))
    }

    /// Writes a line.
    ///
    /// # Errors
    ///
    /// If nobody reads any more, or the disk is full.
    pub fn line(&mut self, line: impl Display) -> Result<()> {
        writeln!(self.writer()?, "{line}").map_err(failed)
    }

    /// Writes text as it is.
    ///
    /// # Errors
    ///
    /// As [`Self::line`].
    pub fn text(&mut self, text: impl Display) -> Result<()> {
        write!(self.writer()?, "{text}").map_err(failed)
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    ///
    /// As [`Self::line`].
    pub fn finish(mut self) -> Result<()> {
        self.writer()?.flush().map_err(failed)
    }

    fn writer(&mut self) -> Result<&mut BufWriter<StandardOutput>> {
        self.0.as_mut().map_err(|error| error.clone())
    }
}

impl Default for Out {
    fn default() -> Self {
        Self::new()
    }
}

/// Writes a text to standard output.
///
/// # Errors
///
/// As [`Out::line`].
pub fn print(text: &str) -> Result<()> {
    let mut out = Out::new();
    out.text(text)?;
    out.finish()
}

fn failed(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Cause::OutputClosed.into();
    }
    Error::from(error).titled("Failed to write to standard output")
}
