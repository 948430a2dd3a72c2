//! The `casync` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    casync::cli::run(std::env::args_os())
}
