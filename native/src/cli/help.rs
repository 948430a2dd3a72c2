//! The text of `--help`: laid out as upstream's, which scripts and man pages quote, from what clap knows of the options.

use casync_core::record::{FEATURE_GROUPS, FEATURES};
use clap::{Arg, Command};

use super::options::OURS;

/// Column of the descriptions.
const DESCRIPTIONS: usize = 29;
/// Columns of a line.
const WIDTH: usize = 79;

/// What `--what=` takes.
const SELECTORS: &[(&str, &str)] = &[
    ("archive", "an archive (.catar)"),
    ("archive-index", "the index of an archive (.caidx)"),
    ("blob", "a file or a block device"),
    ("blob-index", "the index of a blob (.caibx)"),
    ("directory", "a directory"),
    ("help", "list these names"),
];

/// Of what is read, some features stay unless others are left out with them.
pub(super) const TOGETHER: &[(&str, &str)] = &[
    ("times", "sec-time usec-time nsec-time 2sec-time"),
    ("owners", "16bit-uids 32bit-uids user-names acl"),
    ("modes", "read-only permissions acl"),
    ("subvolumes", "subvolume subvolume-ro"),
];

/// Help for the program.
pub(super) fn for_program(command: &Command) -> String {
    let mut text = Text::default();
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        text.line(&usage(verb));
    }
    text.paragraph(&about(command));
    text.options(command.get_arguments());
    text.heading("Input/output selector:");
    for (name, help) in SELECTORS {
        text.entry(&format!("     --what={name}"), help);
    }
    text.heading("Archive feature sets:");
    for group in FEATURE_GROUPS {
        text.entry(&format!("     --with={}", group.name), group.help);
    }
    text.line("     (and --without=best, --without=unix, ...)");
    text.heading("Individual archive features:");
    for feature in FEATURES {
        text.entry(&format!("     --with={}", feature.name), feature.help);
    }
    text.line("     (and --without=16bit-uids, --without=32bit-uids, ...)");
    text.heading("To leave these out of what is read from an archive takes --without= for all of:");
    for (what, features) in TOGETHER {
        text.entry(&format!("     {what}"), features);
    }
    text.0
}

/// Help for one verb. Every verb takes every option.
pub(super) fn for_verb(verb: &Command) -> String {
    let mut text = Text::default();
    text.line(&usage(verb));
    text.paragraph(&about(verb));
    for operand in verb.get_positionals() {
        text.line(&wrapped(&format!("Operands: {}.", help(operand)), 0, WIDTH));
        text.0.push('\n');
    }
    text.options(verb.get_arguments());
    let after = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
    for paragraph in after.split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
        text.0.push('\n');
        // Examples and lists stand as they are; what is before, between and behind them is broken anew.
        let mut flowing = String::new();
        for line in paragraph.lines() {
            if line.starts_with(' ') {
                text.flow(&mut flowing);
                text.line(line);
            } else {
                flowing.push_str(line);
                flowing.push(' ');
            }
        }
        text.flow(&mut flowing);
    }
    text.0
}

pub(super) fn usage(verb: &Command) -> String {
    let names = verb.get_positionals().flat_map(|operand| operand.get_value_names().unwrap_or_default());
    let operands: String = names.map(|name| format!(" {name}")).collect();
    format!("casync [OPTIONS...] {}{operands}", verb.get_name())
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

fn help(argument: &Arg) -> String {
    argument.get_help().map(ToString::to_string).unwrap_or_default()
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn paragraph(&mut self, text: &str) {
        self.line(&format!("\n{}\n", wrapped(text, 0, WIDTH)));
    }

    /// A text without blank lines around it; nothing if there is none.
    fn flow(&mut self, text: &mut String) {
        let text = std::mem::take(text);
        if !text.is_empty() {
            self.line(&wrapped(&text, 0, WIDTH));
        }
    }

    fn heading(&mut self, heading: &str) {
        self.line(&format!("\n{heading}"));
    }

    /// The options that upstream has, then our own.
    fn options<'a>(&mut self, arguments: impl Iterator<Item = &'a Arg>) {
        let options = arguments.filter(|argument| !argument.is_positional() && !argument.is_hide_set());
        let (ours, upstream): (Vec<&Arg>, Vec<&Arg>) =
            options.partition(|option| option.get_help_heading() == Some(OURS));
        for option in upstream {
            self.entry(&spelled(option), &help(option));
        }
        self.heading(&format!("{OURS}:"));
        for option in ours {
            self.entry(&spelled(option), &help(option));
        }
    }

    /// What to type, and what it means; the latter on lines of its own where the former is long.
    fn entry(&mut self, typed: &str, meaning: &str) {
        let meaning = wrapped(meaning, DESCRIPTIONS, WIDTH);
        if typed.len() < DESCRIPTIONS {
            self.line(&format!("{typed:DESCRIPTIONS$}{meaning}"));
        } else {
            self.line(typed);
            self.line(&format!("{:DESCRIPTIONS$}{meaning}", ""));
        }
    }
}

/// `  -s --long=VALUE`
fn spelled(option: &Arg) -> String {
    let short = option.get_short().map_or_else(|| "   ".to_owned(), |short| format!("-{short} "));
    let value = option.get_value_names().filter(|_| option.get_action().takes_values()).unwrap_or_default();
    let value: String = value.iter().map(|name| format!("={name}")).collect();
    format!("  {short}--{}{value}", option.get_long().unwrap_or_default())
}

/// Breaks a text so that no line ends behind `width`; all but the first begin at `indent`, where the first is assumed to.
pub(crate) fn wrapped(text: &str, indent: usize, width: usize) -> String {
    let mut lines = String::new();
    let mut column = indent;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > indent {
            if column + 1 + length > width {
                lines.push('\n');
                lines.extend(std::iter::repeat_n(' ', indent));
                column = indent;
            } else {
                lines.push(' ');
                column += 1;
            }
        }
        lines.push_str(word);
        column += length;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_broken_between_words() {
        for (text, indent, width, expected) in [
            ("", 0, 4, ""),
            ("aa bb", 0, 5, "aa bb"),
            ("aa bb", 0, 4, "aa\nbb"),
            ("aa bb cc", 2, 7, "aa bb\n  cc"),
            ("longer x", 0, 3, "longer\nx"),
        ] {
            assert_eq!(wrapped(text, indent, width), expected, "{text:?}");
        }
    }
}
