//! The programs that are compared, and the directory where they run.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use casync_tests::sandbox::{Outcome, Sandbox, outcome};
use casync_tests::skip::skip;
use casync_tests::tool;

use crate::interrupt;
use crate::machine;
use crate::options::Options;
use crate::rows::Row;
use crate::tree;

/// Who runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// This casync.
    Ours,
    /// The C casync.
    Upstream,
    /// `tar` or `zstd`, with both of which one does without a casync.
    Plain,
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ours => "ours",
            Self::Upstream => "C",
            Self::Plain => "plain",
        })
    }
}

/// Everything that runs, runs here: `data/`, and a directory for each program.
#[derive(Debug)]
pub(crate) struct Lab {
    sandbox: Sandbox,
    upstream: Option<&'static Path>,
    plain: bool,
}

impl Lab {
    /// Finds the programs and a place with enough room.
    pub(crate) fn new(options: &Options) -> Self {
        let tree = options.tree.as_ref().map(|tree| tree::size(tree));
        let need = options.scale().room(tree);
        let place = options.data.clone().unwrap_or_else(|| machine::place_for(need));
        let room = machine::room(&place);
        assert!(room >= need, "{} has room for {} MiB, needed are {}", place.display(), room >> 20, need >> 20);
        let mut sandbox = Sandbox::new_in(place);
        if options.keep {
            sandbox.keep();
            eprintln!("keeping {}", sandbox.path("").display());
        }
        // Not within the first run.
        tool::ours_optimised();
        fs::create_dir(sandbox.path("data")).expect("a directory for data");
        let missing = ["tar", "zstd"].into_iter().find(|name| tool::which(name).is_none());
        if let Some(name) = missing {
            skip(&format!("{name} is not installed: no rows without casync"));
        }
        Self { sandbox, upstream: tool::upstream(), plain: missing.is_none() }
    }

    /// The programs that run a row.
    pub(crate) fn tools(&self, row: &Row) -> Vec<Tool> {
        let upstream = self.upstream.map(|_| Tool::Upstream);
        let plain = (self.plain && !row.plain.is_empty()).then_some(Tool::Plain);
        [Some(Tool::Ours), upstream, plain].into_iter().flatten().collect()
    }

    /// Whether `tar` and `zstd` are there to compare with.
    pub(crate) fn has_plain(&self) -> bool {
        self.plain
    }

    /// The program and the arguments with which it runs a row.
    pub(crate) fn command(&self, tool: Tool, row: &Row) -> (&Path, &'static [&'static str]) {
        match tool {
            Tool::Ours => (tool::ours_optimised(), row.casync),
            Tool::Upstream => (self.upstream.expect("or it would not be among the tools"), row.casync),
            Tool::Plain => (Path::new(row.plain[0]), &row.plain[1..]),
        }
    }

    /// The casync that makes what rows begin with, and judges what they end with: the C one, where there is one.
    pub(crate) fn judge(&self) -> &Path {
        self.upstream.unwrap_or_else(|| tool::ours_optimised())
    }

    /// Where this program runs.
    pub(crate) fn directory(&self, tool: Tool) -> PathBuf {
        self.sandbox.path(tool.to_string())
    }

    /// Where data is.
    pub(crate) fn data(&self, name: &str) -> PathBuf {
        self.sandbox.path("data").join(name)
    }

    /// Where a program's standard output goes when it is looked at.
    pub(crate) fn printed(&self, tool: Tool) -> PathBuf {
        self.sandbox.path(format!("{tool}.stdout"))
    }

    /// Makes everything ready for one run.
    pub(crate) fn prepare(&self, tool: Tool, row: &Row) {
        interrupt::check();
        self.clear(tool);
        let directory = self.directory(tool);
        fs::create_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        if let Some(store) = row.store {
            link_files(&directory.join(store), &directory.join("store.castr"));
        }
        machine::flush(&directory);
    }

    /// Removes all that a run left.
    pub(crate) fn clear(&self, tool: Tool) {
        remove(&self.directory(tool));
    }

    /// A program in the environment of all measured ones.
    pub(crate) fn program(&self, program: &Path, directory: &Path) -> std::process::Command {
        let mut command = self.sandbox.command(program);
        command.current_dir(directory);
        command
    }

    /// Runs a program in `data/` to its end.
    pub(crate) fn run(&self, program: impl AsRef<Path>, args: &[&str]) -> Vec<u8> {
        interrupt::check();
        let program = program.as_ref();
        let ended = outcome(self.program(program, &self.sandbox.path("data")).args(args));
        self.expect_success(ended, program, args)
    }

    /// What a program printed that has ended well.
    pub(crate) fn expect_success(&self, ended: Outcome, program: &Path, args: &[&str]) -> Vec<u8> {
        // A signal from the terminal ends the program as well.
        interrupt::check();
        assert_eq!(ended.status, Some(0), "{} {}: {}", program.display(), args.join(" "), ended.stderr);
        ended.stdout
    }
}

/// Removes a file or a directory with all below, if it is there.
pub(crate) fn remove(path: &Path) {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => Ok(()),
    };
    removed.unwrap_or_else(|error| panic!("remove {}: {error}", path.display()));
}

/// A copy of a store without its bytes: chunks are never written to once they are there.
fn link_files(from: &Path, to: &Path) {
    let mut made = BTreeSet::new();
    for file in tree::files(from) {
        let link = to.join(file.strip_prefix(from).expect("below the store"));
        let parent = link.parent().expect("below the copy").to_path_buf();
        if made.insert(parent.clone()) {
            fs::create_dir_all(parent).expect("directories of the copy");
        }
        fs::hard_link(&file, &link).unwrap_or_else(|error| panic!("{}: {error}", link.display()));
    }
}
