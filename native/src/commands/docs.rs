//! `docs`: writes man pages and completions.
//!
//! The program does this itself, not its build script: that would have to compile the definitions of all options, and so
//! most of the program, a second time, and `cargo install` throws away what a build script writes. This way whoever has the
//! program has them, packages are made with it (`native/package`), and there is one set of definitions.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::cli::{self, Options, Shell};
use crate::error::{Context as _, Error, Result};
use crate::locator;

pub(super) const HELP: &str = "\
Below the directory they have the places where man and the shells look for them, if it is a prefix like /usr/local or ~/.local:
share/man/man1, share/bash-completion/completions, share/zsh/site-functions and share/fish/vendor_completions.d.

Examples:
  casync docs ~/.local
      For one user
  casync docs debian/tmp/usr
      For a package";

/// `docs DIR`
#[derive(Debug, clap::Args)]
pub struct DocsArgs {
    #[command(flatten)]
    options: Options,
    /// The directory to write them below
    #[arg(value_name = "DIR", num_args = 0.., value_hint = clap::ValueHint::DirPath)]
    operands: Vec<OsString>,
}

pub(super) fn run(arguments: &DocsArgs) -> Result<()> {
    arguments.options.apply_logging();
    let [directory] = &arguments.operands[..] else {
        return Err(Error::headline("A directory to write to expected."));
    };
    let share = locator::to_path(directory).join("share");
    for page in cli::manual() {
        write(&share.join("man/man1").join(page.file), &page.text)?;
    }
    for shell in Shell::ALL {
        write(&share.join(shell.path()), &cli::completions(shell))?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let directories = path.parent().map_or(Ok(()), fs::create_dir_all);
    directories.and_then(|()| fs::write(path, bytes)).context(|| format!("write {path:?}"))
}
