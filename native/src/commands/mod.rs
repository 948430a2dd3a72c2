//! The verbs, one file each.

mod catab;
mod config;
mod diff;
mod digest;
mod docs;
mod extract;
mod fetch;
mod gc;
mod image;
mod input;
mod inspect;
mod list;
mod make;
mod mkdev;
mod mount;
mod mtree;
mod nbd_server;
mod plan;
mod product;
mod pull;
mod push;
mod seeds;
mod serve;
mod stat;
mod stores;
mod udev;
mod verify;

use std::ffi::OsString;

use clap::Subcommand;

use crate::error::Result;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make an archive, an archive index or a blob index
    #[command(after_help = make::HELP)]
    Make(make::MakeArgs),
    /// Extract an archive, an archive index or a blob index
    #[command(after_help = extract::HELP)]
    Extract(extract::ExtractArgs),
    /// List the paths of an archive, an archive index or a directory
    List(list::ListArgs),
    /// List an archive, an archive index or a directory as a manifest
    Mtree(mtree::MtreeArgs),
    /// Show all about one node of an archive, an archive index or a directory
    Stat(stat::StatArgs),
    /// Compute the digest of an archive, a blob, an index of either, or a directory
    Digest(digest::DigestArgs),
    /// Mount an archive or an archive index as a file system, or a blob index as a file
    #[command(after_help = mount::HELP)]
    Mount(mount::MountArgs),
    /// Make a block device of a blob, or of what the index of one describes
    #[command(after_help = mkdev::HELP)]
    Mkdev(mkdev::MkdevArgs),
    /// Remove chunks that no index uses from a store
    Gc(gc::GcArgs),
    /// Check an index and its chunks, a whole store, or a tree or blob against its archive or index
    Verify(verify::VerifyArgs),
    /// Show what differs between two trees or two blobs
    #[command(after_help = diff::HELP)]
    Diff(diff::DiffArgs),
    /// Show where the chunks of an index would come from
    #[command(after_help = plan::HELP)]
    Plan(plan::PlanArgs),
    /// Show what an index, an archive or a chunk is like
    Inspect(inspect::InspectArgs),
    /// Fill a cache with the chunks of indexes
    Fetch(fetch::FetchArgs),
    /// Show the configuration that is in effect
    Config(config::ConfigArgs),
    /// Serve a store and indexes over HTTP
    Serve(Box<serve::ServeArgs>),
    /// Serve an archive, an index and chunks to the casync at the other end of standard input and output
    #[command(after_help = pull::HELP)]
    Pull(pull::PullArgs),
    /// Take an archive, an index and chunks from the casync at the other end of standard input and output
    #[command(after_help = push::HELP)]
    Push(push::PushArgs),
    /// Serve blobs, or what their indexes describe, as network block devices
    #[command(after_help = nbd_server::HELP)]
    NbdServer(nbd_server::NbdServerArgs),
    /// Show what there is to know
    #[command(after_help = HELP)]
    Help(HelpArgs),
    /// Write the man pages, and completions for bash, zsh and fish
    // Hidden, since it is for those who package or install the program.
    #[command(hide = true, after_help = docs::HELP)]
    Docs(docs::DocsArgs),
    /// Tell udev what a block device is called
    // Hidden, since it is for the rule that is installed with the program.
    #[command(hide = true)]
    Udev(udev::UdevArgs),
}

/// `help [VERB]`
#[derive(Debug, clap::Args)]
pub struct HelpArgs {
    #[command(flatten)]
    _options: crate::cli::Options,
    /// The verb to show more about
    // compat: upstream takes any operands here.
    #[arg(value_name = "[VERB]", num_args = 0.., value_hint = clap::ValueHint::Other)]
    verbs: Vec<OsString>,
}

const HELP: &str = "\
Man pages say the same and more. A package of the program has them, and completions for shells; otherwise the program itself \
can write both.

Examples:
  casync help
      All verbs, options and features
  casync help extract
      One verb, with examples
  casync docs ~/.local
      Install man pages and completions for bash, zsh and fish below ~/.local/share";

impl Verb {
    /// Whether it does something else on signals than to stop.
    pub(crate) const fn handles_signals(&self) -> bool {
        matches!(self, Self::Serve(_))
    }
}

pub use pull::help_with_urls;

/// Runs a verb.
///
/// # Errors
///
/// Whatever keeps it from being done.
pub fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Make(arguments) => make::run(&arguments),
        Verb::Extract(arguments) => extract::run(&arguments),
        Verb::List(arguments) => list::run(&arguments),
        Verb::Mtree(arguments) => mtree::run(&arguments),
        Verb::Stat(arguments) => stat::run(&arguments),
        Verb::Mount(arguments) => mount::run(&arguments),
        Verb::Mkdev(arguments) => mkdev::run(&arguments),
        Verb::Udev(arguments) => udev::run(&arguments),
        Verb::Digest(arguments) => digest::run(&arguments),
        Verb::Gc(arguments) => gc::run(&arguments),
        Verb::Verify(arguments) => verify::run(&arguments),
        Verb::Diff(arguments) => diff::run(&arguments),
        Verb::Plan(arguments) => plan::run(&arguments),
        Verb::NbdServer(arguments) => nbd_server::run(&arguments),
        Verb::Docs(arguments) => docs::run(&arguments),
        Verb::Inspect(arguments) => inspect::run(&arguments),
        Verb::Fetch(arguments) => fetch::run(&arguments),
        Verb::Config(arguments) => config::run(&arguments),
        Verb::Serve(arguments) => serve::run(&arguments),
        Verb::Pull(arguments) => pull::run(&arguments),
        Verb::Push(arguments) => push::run(&arguments),
        Verb::Help(arguments) => crate::cli::help(arguments.verbs.first().map(OsString::as_os_str)),
    }
}
