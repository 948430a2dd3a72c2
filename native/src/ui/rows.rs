//! What people read on standard output: rows of a label and a value, no wider than the terminal.

use std::fmt::Display;

use crate::cli::wrapped;
use crate::error::Result;
use crate::ui::Out;

/// Columns of the terminal that standard output is; else what `COLUMNS` says, else 80.
pub fn columns() -> usize {
    const NARROWEST: usize = 40;
    let terminal = rustix::termios::tcgetwinsize(rustix::stdio::stdout()).ok().map(|size| usize::from(size.ws_col));
    let environment = || std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    terminal.filter(|columns| *columns > 0).or_else(environment).unwrap_or(80).max(NARROWEST)
}

/// Writes rows.
#[derive(Debug)]
pub struct Rows {
    out: Out,
    columns: usize,
}

impl Rows {
    /// Columns before the values.
    const LABEL: usize = 16;

    /// To standard output.
    pub fn new() -> Self {
        Self { out: Out::new(), columns: columns() }
    }

    /// A label and a value, which may take several lines.
    ///
    /// # Errors
    ///
    /// As [`Out::line`].
    pub fn row(&mut self, label: &str, value: impl Display) -> Result<()> {
        let label = if label.is_empty() { String::new() } else { format!("{label}:") };
        let value = wrapped(&value.to_string(), Self::LABEL, self.columns);
        self.out.line(format_args!("{label:width$}{value}", width = Self::LABEL))
    }

    /// A line as it is.
    ///
    /// # Errors
    ///
    /// As [`Out::line`].
    pub fn line(&mut self, line: impl Display) -> Result<()> {
        self.out.line(line)
    }

    /// A bar chart: each bar has a label, a number that it shows, and its length is the number's share of the highest.
    ///
    /// # Errors
    ///
    /// As [`Out::line`].
    pub fn bars(&mut self, bars: &[(String, u64)]) -> Result<()> {
        let highest = bars.iter().map(|(_, number)| *number).max().unwrap_or(0).max(1);
        let labels = bars.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
        let digits = highest.to_string().len();
        let room = self.columns.saturating_sub(labels + digits + 6).max(1);
        for (label, number) in bars {
            let length = (u128::from(*number) * room as u128).div_ceil(u128::from(highest)) as usize;
            let bar = "#".repeat(length);
            let line = format!("  {label:>labels$}  {number:>digits$}  {bar}");
            self.out.line(line.trim_end())?;
        }
        Ok(())
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    ///
    /// As [`Out::line`].
    pub fn finish(self) -> Result<()> {
        self.out.finish()
    }
}

impl Default for Rows {
    fn default() -> Self {
        Self::new()
    }
}

/// A number of things, in words.
pub fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
