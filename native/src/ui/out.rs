//! Standard output: buffered, and errors are noticed.

use std::fmt::Display;
use std::io::{self, BufWriter, Stdout, Write as _};

use crate::error::{Cause, Error, Result};

/// Writes results. Whoever is done calls [`Self::finish`].
#[derive(Debug)]
pub struct Out(BufWriter<Stdout>);

impl Out {
    /// Standard output.
    pub fn new() -> Self {
        Self(BufWriter::with_capacity(64 << 10, io::stdout()))
    }

    /// Writes a line.
    ///
    /// # Errors
    ///
    /// If nobody reads any more, or the disk is full.
    pub fn line(&mut self, line: impl Display) -> Result<()> {
        writeln!(self.0, "{line}").map_err(failed)
    }

    /// Writes text as it is.
    ///
    /// # Errors
    ///
    /// As [`Self::line`].
    pub fn text(&mut self, text: impl Display) -> Result<()> {
        write!(self.0, "{text}").map_err(failed)
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    ///
    /// As [`Self::line`].
    pub fn finish(mut self) -> Result<()> {
        self.0.flush().map_err(failed)
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
