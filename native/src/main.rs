//! The `casync` program.

use std::process::ExitCode;

/// No memory is an error like others.
#[global_allocator]
static MEMORY: casync::Reserve = casync::Reserve;

fn main() -> ExitCode {
    casync::cli::run(std::env::args_os())
}
