//! Values of options, with upstream's messages (spec: commands.md 4).

use std::fmt;
use std::time::Duration;

use casync_core::chunk::ChunkSizes;
use casync_core::codec::Compression;
use casync_core::error::{ChunkSizesError, Error as CoreError, UsageError};
use casync_core::hash::DigestAlgorithm;
use casync_core::quantity::parse_size;
use casync_core::record::{FEATURE_GROUPS, FEATURES, FeatureFlags};
use clap::builder::{PossibleValue, TypedValueParser};

use crate::fs::output::Durability;
use crate::ui::{Style, log};

/// Why an option's value ends the run.
#[derive(Clone, Debug)]
pub(crate) enum ValueError {
    /// It is wrong.
    Refused(String),
    /// It asks for a list of what it could be.
    Print(String),
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(text) | Self::Print(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for ValueError {}

pub(crate) type Parsed<T> = Result<T, ValueError>;

fn refused<T>(message: String) -> Parsed<T> {
    Err(ValueError::Refused(message))
}

/// A parser that can also tell completions which words it takes, though it may take others.
#[derive(Clone, Debug)]
pub(super) struct Words<T> {
    words: fn() -> Vec<&'static str>,
    parse: fn(&str) -> Parsed<T>,
}

pub(super) const fn words<T>(words: fn() -> Vec<&'static str>, parse: fn(&str) -> Parsed<T>) -> Words<T> {
    Words { words, parse }
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Words<T> {
    type Value = T;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<T, clap::Error> {
        TypedValueParser::parse_ref(&self.parse, command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.words)().into_iter().map(PossibleValue::new)))
    }
}

/// Yes or no.
pub(super) const fn switch(parse: fn(&str) -> Parsed<bool>) -> Words<bool> {
    words(|| vec!["yes", "no"], parse)
}

/// What `--with=` and `--without=` take.
pub(super) fn feature_names() -> Vec<&'static str> {
    FEATURE_GROUPS.iter().map(|group| group.name).chain(FEATURES.iter().map(|feature| feature.name)).collect()
}

/// What `--what=` takes.
pub(super) fn selector_names() -> Vec<&'static str> {
    vec!["archive", "archive-index", "blob", "blob-index", "directory"]
}

/// What an operand is, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A `.catar`.
    Archive,
    /// A `.caidx`.
    ArchiveIndex,
    /// A file or device.
    Blob,
    /// A `.caibx`.
    BlobIndex,
    /// A directory.
    Directory,
}

/// Forms of trees besides directories and archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeForm {
    /// A tar file.
    Tar,
}

/// The number of `--uid-shift=` or `--uid-range=`, or only whether ids are shifted at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A number.
    Number(u64),
    /// Yes or no.
    Switch(bool),
}

pub(super) fn what(text: &str) -> Parsed<What> {
    match text {
        "archive" => Ok(What::Archive),
        "archive-index" => Ok(What::ArchiveIndex),
        "blob" => Ok(What::Blob),
        "blob-index" => Ok(What::BlobIndex),
        // Upstream's help says `dir`, its parser only knows the long form.
        "directory" | "dir" => Ok(What::Directory),
        "help" => {
            let names = "Allowed --what= selectors:\narchive-index\nblob\nblob-index\ndirectory\n";
            Err(ValueError::Print(names.to_owned()))
        }
        _ => refused(format!("Failed to parse --what= selector: {text}")),
    }
}

pub(crate) fn tree_form(text: &str) -> Parsed<TreeForm> {
    match text {
        "tar" => Ok(TreeForm::Tar),
        _ => refused(format!("{text:?} is not a form that trees can have; there is tar")),
    }
}

pub(super) fn with(text: &str) -> Parsed<FeatureFlags> {
    feature("with", text)
}

pub(super) fn without(text: &str) -> Parsed<FeatureFlags> {
    feature("without", text)
}

fn feature(option: &str, text: &str) -> Parsed<FeatureFlags> {
    if text == "help" {
        let mut list = "Supported --with= and --without= flags:\n".to_owned();
        for feature in FEATURES {
            list.push_str(feature.name);
            list.push('\n');
        }
        return Err(ValueError::Print(list));
    }
    FeatureFlags::parse(text).or_else(|_| refused(format!("Failed to parse --{option}= feature flag: {text}")))
}

pub(super) fn chunk_sizes(text: &str) -> Parsed<ChunkSizes> {
    text.parse().or_else(|error: CoreError| {
        let message = error.to_string();
        match error {
            CoreError::Usage(UsageError::ChunkSizes(
                ChunkSizesError::ParseMin | ChunkSizesError::ParseAvg | ChunkSizesError::ParseMax,
            )) => refused(format!("{message}: {text}")),
            _ => refused(message),
        }
    })
}

pub(super) fn digest(text: &str) -> Parsed<DigestAlgorithm> {
    text.parse().or_else(|_| refused(format!("Failed to parse --digest= parameter: {text}")))
}

pub(super) fn compression(text: &str) -> Parsed<Compression> {
    text.parse().or_else(|_| refused(format!("Failed to parse --compression= parameter: {text}")))
}

pub(super) fn log_level(text: &str) -> Parsed<u8> {
    match log::parse_level(text) {
        Some(level) => Ok(level),
        None => refused(format!("Failed to parse log level \"{text}\": Invalid argument")),
    }
}

pub(super) fn rate_limit(text: &str) -> Parsed<u64> {
    match parse_size(text) {
        Ok(0) => refused("Rate limit size cannot be zero.".to_owned()),
        Ok(limit) => Ok(limit),
        Err(CoreError::Usage(UsageError::SizeRange)) => {
            refused(format!("Unable to parse rate limit {text}: Numerical result out of range"))
        }
        Err(_) => refused(format!("Unable to parse rate limit {text}: Invalid argument")),
    }
}

pub(super) fn memory(text: &str) -> Parsed<u64> {
    amount("memory", text)
}

pub(super) fn cache_size(text: &str) -> Parsed<u64> {
    amount("cache-store-size", text)
}

/// A size that is not zero.
fn amount(option: &str, text: &str) -> Parsed<u64> {
    match parse_size(text) {
        Ok(size) if size > 0 => Ok(size),
        _ => refused(format!("Failed to parse --{option}= parameter: {text}")),
    }
}

/// A time: a number of seconds, or one with a unit from seconds to weeks.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let unit = text.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let seconds = match unit {
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        "w" => 7 * 24 * 60 * 60,
        _ => 0,
    };
    let number = text[..text.len() - unit.len()].parse::<u64>().ok().filter(|_| seconds > 0);
    let span = number.and_then(|number| number.checked_mul(seconds)).map(Duration::from_secs);
    span.ok_or_else(|| "expected a number with a unit, as in 90s, 15m, 1h or 2d".to_owned())
}

pub(super) fn jobs(text: &str) -> Parsed<usize> {
    match text.parse() {
        Ok(jobs @ 1..=4096) => Ok(jobs),
        _ => refused(format!("Failed to parse --jobs= parameter: {text}")),
    }
}

/// The names of the styles of progress.
pub(super) fn styles() -> Vec<&'static str> {
    Style::NAMES.iter().map(|(name, _)| *name).collect()
}

pub(super) fn progress(text: &str) -> Parsed<Style> {
    match Style::NAMES.iter().find(|(name, _)| *name == text) {
        Some((_, style)) => Ok(*style),
        None => refused(format!("Failed to parse --progress= parameter: {text}")),
    }
}

pub(super) fn fsync(text: &str) -> Parsed<Durability> {
    match text {
        "none" => Ok(Durability::None),
        "end" => Ok(Durability::End),
        "each" => Ok(Durability::Each),
        _ => refused(format!("Failed to parse --fsync= parameter: {text}")),
    }
}

/// Yes or no in any of the words that upstream knows.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "1" | "yes" | "y" | "true" | "t" | "on" => Some(true),
        "0" | "no" | "n" | "false" | "f" | "off" => Some(false),
        _ => None,
    }
}

macro_rules! switches {
    ($($function:ident $name:literal;)*) => {
        $(
            pub(super) fn $function(text: &str) -> Parsed<bool> {
                match parse_bool(text) {
                    Some(value) => Ok(value),
                    None => refused(format!("Failed to parse --{}= parameter: {text}", $name)),
                }
            }
        )*
    };
}

switches! {
    exclude_nodump "exclude-nodump";
    exclude_submounts "exclude-submounts";
    exclude_file "exclude-file";
    undo_immutable "undo-immutable";
    delete "delete";
    punch_holes "punch-holes";
    reflink "reflink";
    hardlink "hardlink";
    seed_output "seed-output";
    recursive "recursive";
    mkdir "mkdir";
}

pub(super) fn uid_shift(text: &str) -> Parsed<Owner> {
    // compat: 0 and 1 are ids here, not yes and no.
    match c_number(text) {
        Some(0xffff | 0xffff_ffff) => {}
        Some(id) if id < 1 << 32 => return Ok(Owner::Number(id)),
        _ => {
            if let Some(switch) = parse_bool(text) {
                return Ok(Owner::Switch(switch));
            }
        }
    }
    refused(format!("Failed to parse --uid-shift= parameter: {text}"))
}

pub(super) fn uid_range(text: &str) -> Parsed<Owner> {
    match c_number(text) {
        Some(range @ 1..=0x1_0000_0000) => Ok(Owner::Number(range)),
        _ => match parse_bool(text) {
            Some(switch) => Ok(Owner::Switch(switch)),
            None => refused(format!("Failed to parse --uid-range= parameter: {text}")),
        },
    }
}

/// A number as C reads them: decimal, `0x` hexadecimal, `0` octal, perhaps behind blanks and a plus sign.
fn c_number(text: &str) -> Option<u64> {
    let text = text.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == '\x0b');
    let text = text.strip_prefix('+').unwrap_or(text);
    // The parsers of Rust would take another one.
    if text.contains('+') {
        return None;
    }
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u64::from_str_radix(digits, 16).ok();
    }
    match text.strip_prefix('0') {
        Some(digits) if !digits.is_empty() => u64::from_str_radix(digits, 8).ok(),
        _ => text.parse().ok(),
    }
}
