//! The command line: from arguments to a verb and its options, and from an error to text and exit status.

mod argv;
mod completions;
mod help;
mod manual;
mod options;
mod output;
mod seeds;
mod values;

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};

pub use completions::Shell;
pub(crate) use help::wrapped;
pub use manual::Page;
pub(crate) use options::OURS;
pub use options::Options;
pub use output::OutputFormat;
pub use seeds::{SeedOption, SeedOptions};
pub(crate) use values::tree_form;
pub use values::{Owner, TreeForm, What};

pub(crate) use values::span;

use crate::commands::{self, Verb};
use crate::device;
use crate::error::{Cause, Error, Result};
use crate::flow::stop_on_signals;
use crate::mount;
use crate::sys;
use crate::ui::log;
use values::ValueError;

/// Content-addressed delivery of file trees and images.
#[derive(Debug, Parser)]
// The version is what `argv::version` says; clap only wants to know that there is one.
#[command(
    name = "casync",
    version,
    propagate_version = true,
    disable_version_flag = true,
    disable_help_flag = true,
    disable_help_subcommand = true
)]
#[command(infer_long_args = false, args_override_self = true)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    verb: Option<Verb>,
}

/// Runs the program; returns its exit status.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    // What this program is called as when it is not called by people.
    match argv::base_name(&arguments).as_str() {
        mount::guard::NAME => {
            mount::guard::run(&arguments);
            return ExitCode::SUCCESS;
        }
        device::holder::NAME => {
            device::holder::run(&arguments);
            return ExitCode::SUCCESS;
        }
        "mount.casync" => match mount::options::from_helper(&arguments) {
            Some(command) => arguments = command,
            None => return ExitCode::SUCCESS,
        },
        _ => {}
    }
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match error.cause() {
            // Somebody has seen enough.
            Cause::OutputClosed => ExitCode::SUCCESS,
            // The result is on standard output.
            Cause::Differs => ExitCode::FAILURE,
            Cause::Interrupted => {
                log::error("Got exit signal, quitting.");
                ExitCode::FAILURE
            }
            _ => {
                log::error(error.report());
                ExitCode::FAILURE
            }
        },
    }
}

fn dispatch(arguments: &[OsString]) -> Result<()> {
    sys::Reserve::fill()?;
    let command = Cli::command();
    let parsed = argv::normalize(&command, arguments);
    // The verb, if there is one, comes first.
    let verb = parsed.arguments.get(1).and_then(|verb| verb.to_str()).map(str::to_owned);
    let matches = match command.try_get_matches_from(parsed.arguments) {
        Ok(matches) => matches,
        Err(error) => return parse_error(&error, arguments, verb.as_deref()),
    };
    if let Some(message) = parsed.error {
        return Err(Error::headline(message));
    }
    let cli = Cli::from_arg_matches(&matches).map_err(|error| Error::headline(error.to_string()))?;
    // The C program starts it as a helper for URLs.
    if let Some(scheme) = helper_scheme(arguments) {
        stop_on_signals()?;
        return match cli.verb {
            Some(Verb::Pull(pull)) => commands::help_with_urls(&pull, scheme),
            _ => Err(Error::headline(format!("Unknown verb: {}", verb.unwrap_or_default()))),
        };
    }
    match cli.verb {
        None => Err(no_verb(arguments, parsed.unknown_verb.as_deref())),
        Some(verb) => {
            if !verb.handles_signals() {
                stop_on_signals()?;
            }
            sys::raise_open_files();
            commands::run(verb)
        }
    }
}

/// The scheme whose helper this program is called as.
fn helper_scheme(arguments: &[OsString]) -> Option<&'static str> {
    let name = argv::base_name(arguments);
    let scheme = name.strip_prefix("casync-")?;
    ["http", "https", "ftp", "sftp"].into_iter().find(|known| *known == scheme)
}

/// Turns clap's errors into upstream's words and exit status; help and version are no errors.
fn parse_error(error: &clap::Error, arguments: &[OsString], verb: Option<&str>) -> Result<()> {
    use std::error::Error as _;
    if let Some(value) = error.source().and_then(|source| source.downcast_ref::<ValueError>()) {
        return match value {
            ValueError::Refused(message) => Err(Error::headline(message.clone())),
            ValueError::Print(text) => crate::ui::print(text),
        };
    }
    match error.kind() {
        clap::error::ErrorKind::DisplayHelp => {
            let command = Cli::command();
            let verb = verb.and_then(|verb| command.find_subcommand(verb));
            crate::ui::print(&verb.map_or_else(|| help::for_program(&command), help::for_verb))
        }
        clap::error::ErrorKind::DisplayVersion => crate::ui::print(&argv::version(arguments)),
        _ => {
            let text = error.to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text);
            Err(Error::headline(format!("{}: {}", argv::program(arguments), text.trim_end())))
        }
    }
}

/// Prints what there is to know of the program, or of one verb.
///
/// # Errors
///
/// If there is no such verb, or nobody reads.
pub fn help(verb: Option<&OsStr>) -> Result<()> {
    let command = Cli::command();
    let text = match verb {
        None => help::for_program(&command),
        Some(verb) => match command.find_subcommand(verb) {
            Some(known) => help::for_verb(known),
            None => return Err(no_verb(&[OsString::from("casync")], Some(&verb.to_string_lossy()))),
        },
    };
    crate::ui::print(&text)
}

/// The man pages: one of the program, and one of each verb.
pub fn manual() -> Vec<Page> {
    manual::pages(&Cli::command())
}

/// What a shell needs to complete command lines.
pub fn completions(shell: Shell) -> Vec<u8> {
    completions::of(Cli::command(), shell)
}

fn no_verb(arguments: &[OsString], unknown: Option<&str>) -> Error {
    let program = argv::base_name(arguments);
    let hint = format!("(Invoke '{program} --help' for a list of available verbs.)");
    Error::headline(match unknown {
        Some(verb) => format!("Unknown verb '{verb}'. {hint}"),
        None => format!("Missing verb. {hint}"),
    })
}
