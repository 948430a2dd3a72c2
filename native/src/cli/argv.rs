//! GNU getopt's reading of the command line, on top of which clap sees only plain arguments (spec: commands.md 1).
//!
//! Options may stand anywhere, long ones may be shortened while they are unambiguous, `--` ends them. The result has the
//! verb first, then every option in its full form, then `--` and the operands.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use clap::Command;

/// What clap is to see.
#[derive(Debug)]
pub(super) struct Normalized {
    pub(super) arguments: Vec<OsString>,
    /// What getopt would say of the argument after those: reported only if they are good themselves.
    pub(super) error: Option<String>,
    /// The first operand, if it is no verb.
    pub(super) unknown_verb: Option<String>,
}

/// A long option, and whether it takes a value.
#[derive(Clone, Copy, Debug)]
struct Long<'a> {
    name: &'a str,
    short: Option<char>,
    takes_value: bool,
    /// Options that upstream has too; their abbreviations stay what they are whatever options are added.
    upstream: bool,
}

/// Rewrites the arguments for `command`.
pub(super) fn normalize(command: &Command, arguments: &[OsString]) -> Normalized {
    let table = table(command);
    let program = program(arguments);
    let mut options: Vec<OsString> = Vec::new();
    let mut operands: Vec<OsString> = Vec::new();
    let mut error = None;
    let posix = std::env::var_os("POSIXLY_CORRECT").is_some();
    let mut rest = arguments.iter().skip(1);
    while let Some(argument) = rest.next() {
        let bytes = argument.as_bytes();
        let taken = if bytes == b"--" {
            operands.extend(rest.by_ref().cloned());
            Ok(())
        } else if let Some(long) = bytes.strip_prefix(b"--") {
            take_long(&table, long, &mut rest, &mut options)
        } else if bytes.len() > 1 && bytes[0] == b'-' {
            take_shorts(&table, &bytes[1..], &mut rest, &mut options)
        } else {
            operands.push(argument.clone());
            if posix {
                operands.extend(rest.by_ref().cloned());
            }
            Ok(())
        };
        if let Err(message) = taken {
            error = Some(format!("{program}: {message}"));
            break;
        }
    }
    let verb = operands
        .first()
        .filter(|verb| command.get_subcommands().any(|known| verb.as_os_str() == OsStr::new(known.get_name())));
    let mut normalized = vec![OsString::from("casync")];
    let unknown_verb = match (verb, operands.first()) {
        (None, Some(unknown)) => Some(unknown.to_string_lossy().into_owned()),
        _ => None,
    };
    let has_verb = verb.is_some();
    normalized.extend(verb.cloned());
    normalized.extend(options);
    if has_verb && error.is_none() {
        normalized.push(OsString::from("--"));
        normalized.extend(operands.into_iter().skip(1));
    }
    Normalized { arguments: normalized, error, unknown_verb }
}

/// All options of all verbs, upstream's first and in its order.
fn table(command: &Command) -> Vec<Long<'_>> {
    let mut table: Vec<Long<'_>> = Vec::new();
    let verbs = command.get_subcommands().flat_map(Command::get_arguments);
    for argument in command.get_arguments().chain(verbs) {
        let Some(name) = argument.get_long() else { continue };
        if table.iter().any(|known| known.name == name) {
            continue;
        }
        table.push(Long {
            name,
            short: argument.get_short(),
            takes_value: argument.get_action().takes_values(),
            upstream: argument.get_help_heading() != Some(super::options::OURS),
        });
    }
    table
}

fn take_long<'a>(
    table: &[Long<'_>],
    text: &[u8],
    rest: &mut impl Iterator<Item = &'a OsString>,
    options: &mut Vec<OsString>,
) -> Result<(), String> {
    let equals = text.iter().position(|&byte| byte == b'=');
    let (name, value) = match equals {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    // All that was typed, value and all, as getopt shows it.
    let shown = String::from_utf8_lossy(text);
    let option = find(table, name, &shown)?;
    let value = match (option.takes_value, value) {
        (true, Some(value)) => Some(OsStr::from_bytes(value).to_owned()),
        (true, None) => match rest.next() {
            Some(value) => Some(value.clone()),
            None => return Err(format!("option '--{}' requires an argument", option.name)),
        },
        (false, Some(_)) => return Err(format!("option '--{}' doesn't allow an argument", option.name)),
        (false, None) => None,
    };
    options.push(spelled(option, value));
    Ok(())
}

fn find<'a, 'b>(table: &'a [Long<'b>], name: &[u8], shown: &str) -> Result<&'a Long<'b>, String> {
    if let Some(exact) = table.iter().find(|option| option.name.as_bytes() == name) {
        return Ok(exact);
    }
    let all: Vec<&Long<'_>> = table.iter().filter(|option| option.name.as_bytes().starts_with(name)).collect();
    let upstream: Vec<&Long<'_>> = all.iter().copied().filter(|option| option.upstream).collect();
    match (&upstream[..], &all[..]) {
        ([only], _) | ([], [only]) => Ok(only),
        ([], []) => Err(format!("unrecognized option '--{shown}'")),
        (candidates @ [_, ..], _) | ([], candidates) => {
            let names: Vec<String> = candidates.iter().map(|option| format!("'--{}'", option.name)).collect();
            Err(format!("option '--{shown}' is ambiguous; possibilities: {}", names.join(" ")))
        }
    }
}

fn take_shorts<'a>(
    table: &[Long<'_>],
    cluster: &[u8],
    rest: &mut impl Iterator<Item = &'a OsString>,
    options: &mut Vec<OsString>,
) -> Result<(), String> {
    for (at, &letter) in cluster.iter().enumerate() {
        let short = char::from(letter);
        let Some(option) = table.iter().find(|option| option.short == Some(short)) else {
            return Err(format!("invalid option -- '{short}'"));
        };
        if !option.takes_value {
            options.push(spelled(option, None));
            continue;
        }
        let value = match &cluster[at + 1..] {
            [] => rest.next().cloned(),
            value => Some(OsStr::from_bytes(value).to_owned()),
        };
        let value = value.ok_or_else(|| format!("option requires an argument -- '{short}'"))?;
        options.push(spelled(option, Some(value)));
        break;
    }
    Ok(())
}

/// An option with its value in one argument, so that nothing in the value can be mistaken.
fn spelled(option: &Long<'_>, value: Option<OsString>) -> OsString {
    let mut text = format!("--{}", option.name).into_bytes();
    if let Some(value) = value {
        text.push(b'=');
        text.extend_from_slice(value.as_bytes());
    }
    OsString::from_vec(text)
}

/// The program as it was called.
pub(super) fn program(arguments: &[OsString]) -> String {
    arguments.first().map_or_else(|| "casync".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// The same without directories.
pub(super) fn base_name(arguments: &[OsString]) -> String {
    let program = program(arguments);
    program.rsplit('/').next().unwrap_or_default().to_owned()
}

/// compat: the version of the C program that this one stands in for; scripts look at it.
pub(super) fn version(arguments: &[OsString]) -> String {
    format!("{} 2\n", base_name(arguments))
}
