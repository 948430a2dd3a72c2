//! Man pages, from what clap knows of verbs and options and what `help` shows besides.

use casync_core::record::{FEATURE_GROUPS, FEATURES};
use clap::{Arg, Command};
use clap_mangen::Man;
use roff::{Roff, bold, roman};

use super::help::{TOGETHER, usage};

/// The section of all pages: commands.
const SECTION: &str = "1";

/// One man page.
#[derive(Clone, Debug)]
pub struct Page {
    /// The name of its file: `casync.1`, `casync-make.1`.
    pub file: String,
    /// Its text, for man.
    pub text: Vec<u8>,
}

const ENVIRONMENT: &[(&str, &str)] = &[
    ("CASYNC_STORE", "The store where --store= is not given."),
    ("CASYNC_VERBOSE", "Yes or no, as --verbose."),
    ("CASYNC_LOG_LEVEL", "As --log-level=."),
    ("CASYNC_COMPRESSED_CHUNK_SUFFIX", "The suffix of chunk files, where it is not .cacnk."),
    ("NOTIFY_SOCKET", "Where a service manager waits for READY=1, when work begins, and STATUS=, how far it is."),
    ("TZ", "The time zone in which stat shows times."),
];

const STATUS: &str = "0 if all went well, 1 for any failure.";

const EXAMPLES: &str = "
  casync make home.caidx /home
      Cut a tree into chunks, which go to default.castr
  casync extract home.caidx /srv/home
      Make a tree of them again
  casync make disk.caibx /dev/vda
      The same with a block device
  casync verify home.caidx
      Can this be extracted?
  casync diff v1.caidx v2.caidx
      What has changed?
  casync gc *.caidx *.caibx
      Remove the chunks that none of these uses";

/// Of the program, and of each verb that is shown.
pub(super) fn pages(command: &Command) -> Vec<Page> {
    let mut command = command.clone().mut_args(without_values).subcommand_help_heading("COMMANDS");
    command.build();
    let verbs: Vec<&Command> = command.get_subcommands().filter(|verb| !verb.is_hide_set()).collect();
    let mut pages = vec![of_program(&command, &verbs)];
    pages.extend(verbs.iter().map(|verb| of_verb(&command, verb)));
    pages
}

fn of_program(command: &Command, verbs: &[&Command]) -> Page {
    let usages: Vec<String> = verbs.iter().map(|verb| usage(verb)).collect();
    let mut page = Writer::begin(command, "casync", &usages.join("\n"));
    page.section("DESCRIPTION");
    page.text(&format!(
        "{}. Archives of file trees, and files and block devices, are cut into chunks where their contents say so; \
         chunks are stored under their digests, so that what is there already is neither stored nor transferred again.",
        command.get_about().map(ToString::to_string).unwrap_or_default()
    ));
    page.text(
        "Options may stand before and after the command and its operands, and may be shortened as long as they are \
         unambiguous. Every command takes every option, whether it has an effect there or not.",
    );
    page.clap(|man, out| man.render_subcommands_section(out));
    page.clap(|man, out| man.render_options_section(out));
    page.section("FEATURES");
    page.text("What --with= and --without= take: sets of features,");
    page.entries(FEATURE_GROUPS.iter().map(|group| (group.name, group.help)));
    page.text("and features alone:");
    page.entries(FEATURES.iter().map(|feature| (feature.name, feature.help)));
    page.text("To leave these out of what is read from an archive takes --without= for all of:");
    page.entries(TOGETHER.iter().copied());
    page.end(EXAMPLES, verbs.iter().map(|verb| format!("casync-{}", verb.get_name())));
    page.into_page()
}

fn of_verb(program: &Command, verb: &Command) -> Page {
    let name = format!("casync-{}", verb.get_name());
    let common = |argument: &Arg| program.get_arguments().any(|known| known.get_id() == argument.get_id());
    let own = verb.clone().mut_args(|argument| {
        let is_common = common(&argument) || argument.is_positional();
        without_values(argument).hide(is_common).help_heading(None::<&str>)
    });
    let has_own = own.get_arguments().any(|argument| !argument.is_hide_set());
    let mut page = Writer::begin(&own, &name, &usage(verb));
    let after = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
    let (notes, examples) = after.split_once("Examples:\n").unwrap_or((&after, ""));
    page.section("DESCRIPTION");
    page.text(&format!("{}.", verb.get_about().map(ToString::to_string).unwrap_or_default()));
    for operand in verb.get_positionals() {
        page.text(&format!("Operands: {}.", operand.get_help().map(ToString::to_string).unwrap_or_default()));
    }
    page.notes(notes);
    if has_own {
        page.clap(|man, out| man.render_options_section(out));
        page.text("The options that all commands take are explained in casync(1).");
    } else {
        page.section("OPTIONS");
        page.text("Those that all commands take: see casync(1).");
    }
    page.end(examples, std::iter::once("casync".to_owned()));
    page.into_page()
}

/// What an option takes is explained where it has to be; the words for yes and no at each of a dozen do not help.
fn without_values(argument: Arg) -> Arg {
    let is_option = !argument.is_positional();
    let takes_value = argument.get_action().takes_values();
    if takes_value { argument.hide_possible_values(true).require_equals(is_option) } else { argument }
}

/// Puts sections of clap's and of our own together.
struct Writer {
    man: Man,
    file: String,
    own: Roff,
    text: Vec<u8>,
}

impl Writer {
    fn begin(command: &Command, name: &str, synopsis: &str) -> Self {
        let command = command.clone().display_name(name.to_owned()).override_usage(synopsis.to_owned());
        // No date: the same program has the same pages whenever they are made.
        let man = Man::new(command.bin_name("casync"))
            .title(name)
            .section(SECTION)
            .source(concat!("casync ", env!("CARGO_PKG_VERSION")));
        let mut writer = Self { man, file: format!("{name}.{SECTION}"), own: Roff::new(), text: Vec::new() };
        writer.clap(|man, out| man.render_title(out));
        writer.clap(|man, out| man.render_name_section(out));
        writer.clap(|man, out| man.render_synopsis_section(out));
        writer
    }

    /// A section as clap has it.
    fn clap(&mut self, render: impl FnOnce(&Man, &mut dyn std::io::Write) -> std::io::Result<()>) {
        self.flush();
        render(&self.man, &mut self.text).expect("memory takes all writes because it is no file");
    }

    fn flush(&mut self) {
        self.text.extend(std::mem::take(&mut self.own).to_roff().into_bytes());
    }

    fn section(&mut self, name: &str) {
        self.own.control("SH", [name]);
    }

    fn text(&mut self, text: &str) {
        self.own.control("PP", []);
        self.own.text([roman(text)]);
    }

    fn entries<'a>(&mut self, entries: impl Iterator<Item = (&'a str, &'a str)>) {
        for (name, meaning) in entries {
            self.own.control("TP", []);
            self.own.text([bold(name)]);
            self.own.text([roman(meaning)]);
        }
    }

    /// Paragraphs are filled, except lines that begin with blanks.
    fn notes(&mut self, notes: &str) {
        for paragraph in notes.split("\n\n").map(|paragraph| paragraph.trim_matches('\n')) {
            let mut is_table = false;
            self.own.control("PP", []);
            for line in paragraph.lines() {
                if line.starts_with(' ') != is_table {
                    is_table = !is_table;
                    self.own.control(if is_table { "nf" } else { "fi" }, []);
                }
                self.own.text([roman(line)]);
            }
            if is_table {
                self.own.control("fi", []);
            }
        }
    }

    /// What comes last on every page. Examples: a command by two blanks, what it is for by more, or nothing.
    fn end(&mut self, examples: &str, see: impl Iterator<Item = String>) {
        self.section("ENVIRONMENT");
        self.entries(ENVIRONMENT.iter().copied());
        self.section("EXIT STATUS");
        self.own.text([roman(STATUS)]);
        self.section("EXAMPLES");
        let depth = |line: &str| line.len() - line.trim_start().len();
        let commands = examples.lines().map(depth).filter(|depth| *depth > 0).min().unwrap_or(0);
        for line in examples.lines().filter(|line| !line.is_empty()) {
            if depth(line) <= commands {
                self.own.control("TP", []);
                self.own.text([bold(line.trim())]);
            } else {
                self.own.text([roman(line.trim())]);
            }
        }
        self.section("SEE ALSO");
        let see: Vec<String> = see.map(|name| format!("{name}({SECTION})")).collect();
        self.own.text([roman(see.join(", "))]);
    }

    fn into_page(mut self) -> Page {
        self.flush();
        Page { file: self.file, text: self.text }
    }
}
