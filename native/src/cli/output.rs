//! The options that choose how results are printed, for verbs that can print them in several ways.

use clap::{ArgAction, Args};

use super::OURS;

/// Text for people, or JSON for programs.
#[derive(Args, Clone, Copy, Debug)]
pub struct OutputFormat {
    /// Print one JSON object a line; what is no UTF-8 in field x comes as base64 in field x_bytes
    #[arg(long, action = ArgAction::SetTrue, help_heading = OURS)]
    pub json: bool,
}
