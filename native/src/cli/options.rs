//! The options that every verb accepts, whether they have an effect there or not, as upstream does.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::OnceLock;

use casync_core::archive::IdShift;
use casync_core::chunk::ChunkSizes;
use casync_core::codec::Compression;
use casync_core::hash::DigestAlgorithm;
use casync_core::record::FeatureFlags;
use clap::{ArgAction, Args, ValueHint};

use super::seeds::SeedOptions;
use super::values::{self, Owner, What};
use crate::config::Config;
use crate::error::Result;
use crate::flow::Budget;
use crate::fs::output::Durability;
use crate::locator;
use crate::remote;
use crate::ui::{self, Style, log};

/// Heading of the options that upstream does not have.
pub(crate) const OURS: &str = "Options of this implementation";

/// Options, in the order of upstream's table: its messages about ambiguous abbreviations list them in this order.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Show this help
    #[arg(short = 'h', long, action = ArgAction::Help)]
    help: Option<bool>,
    /// Show the version of casync that this one stands in for
    #[arg(long, action = ArgAction::Version)]
    version: Option<bool>,
    /// Set the log level (debug, info, err)
    #[arg(short = 'l', long, value_name = "LEVEL", value_parser = values::words(|| vec!["err", "info", "debug"], values::log_level))]
    log_level: Option<u8>,
    /// Say what is done
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
    /// When collecting garbage, only say what would be removed
    #[arg(short = 'n', long, action = ArgAction::Count)]
    dry_run: u8,
    /// The store for chunks
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub store: Option<OsString>,
    /// Another store to look for chunks in
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath, action = ArgAction::Append)]
    pub extra_store: Vec<OsString>,
    /// Minimum, average and maximum number of bytes in a chunk
    #[arg(long, value_name = "[MIN:]AVG[:MAX]", value_parser = values::chunk_sizes)]
    chunk_size: Option<ChunkSizes>,
    #[command(flatten)]
    pub seeds: SeedOptions,
    /// A directory that speeds up making archives of what has not changed
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub cache: Option<OsString>,
    /// Choose that directory automatically
    #[arg(short = 'c', long, action = ArgAction::Count)]
    pub cache_auto: u8,
    /// Largest bandwidth for remote communication, in bytes per second
    #[arg(long, value_name = "LIMIT", value_parser = values::rate_limit)]
    pub rate_limit_bps: Option<u64>,
    /// Store or restore a kind of metadata
    #[arg(long, value_name = "FEATURE", action = ArgAction::Append, value_parser = values::words(values::feature_names, values::with))]
    with: Vec<FeatureFlags>,
    /// Do not store or restore a kind of metadata
    #[arg(long, value_name = "FEATURE", action = ArgAction::Append, value_parser = values::words(values::feature_names, values::without))]
    without: Vec<FeatureFlags>,
    /// What the operand is, whatever its suffix (archive, archive-index, blob, blob-index, directory)
    #[arg(long, value_name = "WHAT", value_parser = values::words(values::selector_names, values::what))]
    pub what: Option<What>,
    /// Leave out files with the nodump attribute (default yes)
    #[arg(long, value_name = "BOOL", value_parser = values::switch(values::exclude_nodump))]
    exclude_nodump: Option<bool>,
    /// Leave out what is mounted inside of the tree (default no)
    #[arg(long, value_name = "BOOL", value_parser = values::switch(values::exclude_submounts))]
    exclude_submounts: Option<bool>,
    /// Respect .caexclude files in the tree (default yes)
    #[arg(long, value_name = "BOOL", value_parser = values::switch(values::exclude_file))]
    exclude_file: Option<bool>,
    /// Clear the immutable attribute of what is replaced or removed (default no)
    #[arg(long, value_name = "BOOL", value_parser = values::switch(values::undo_immutable))]
    undo_immutable: Option<bool>,
    /// Remove what is in the output but not in the archive (default yes)
    #[arg(long, value_name = "BOOL", value_parser = values::switch(values::delete))]
    delete: Option<bool>,
    /// Make runs of zeros into holes (default yes)
    #[arg(long, value_name = "BOOL", value_parser = values::switch(values::punch_holes))]
    punch_holes: Option<bool>,
    /// Share data with seeds where the file system can (default yes)
    #[arg(long, value_name = "BOOL", value_parser = values::switch(values::reflink))]
    reflink: Option<bool>,
    /// Make equal files hard links to those of the seeds (default no)
    #[arg(long, value_name = "BOOL", value_parser = values::switch(values::hardlink))]
    hardlink: Option<bool>,
    /// Use the output itself as a seed (default yes)
    #[arg(long, value_name = "BOOL", value_parser = values::switch(values::seed_output))]
    seed_output: Option<bool>,
    /// Shift user and group ids
    #[arg(long, value_name = "yes|SHIFT", value_parser = values::uid_shift)]
    uid_shift: Option<Owner>,
    /// Wrap user and group ids
    #[arg(long, value_name = "RANGE", value_parser = values::uid_range)]
    uid_range: Option<Owner>,
    /// List what is below directories (default yes)
    #[arg(long, value_name = "BOOL", value_parser = values::switch(values::recursive))]
    recursive: Option<bool>,
    /// Make the mount point if it is missing (default yes)
    #[arg(long, value_name = "BOOL", value_parser = values::switch(values::mkdir))]
    mkdir: Option<bool>,
    /// Digest of archives and chunks (sha512-256 or sha256)
    #[arg(long, value_name = "DIGEST", value_parser = values::words(|| vec!["sha512-256", "sha256"], values::digest))]
    digest: Option<DigestAlgorithm>,
    /// Compression of new chunks (zstd, xz or gzip)
    #[arg(long, value_name = "COMPRESSION", value_parser = values::words(|| vec!["zstd", "xz", "gzip"], values::compression))]
    compression: Option<Compression>,
    /// A configuration file, in place of the usual ones (`casync config` shows what they say)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = OURS)]
    config: Option<OsString>,
    /// A directory that keeps the chunks of stores on other hosts; it is a store itself
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = OURS)]
    cache_store: Option<OsString>,
    /// Bytes that it may have: what nobody has wanted for the longest time goes (default: no limit)
    #[arg(long, value_name = "SIZE", value_parser = values::cache_size, help_heading = OURS)]
    cache_store_size: Option<u64>,
    /// Ask no other host for anything: use only what is on this one
    #[arg(long, action = ArgAction::SetTrue, help_heading = OURS)]
    offline: bool,
    /// Threads to work with (default: one for each core)
    #[arg(long, value_name = "N", value_parser = values::jobs, help_heading = OURS)]
    jobs: Option<usize>,
    /// Memory for buffers (default 64M)
    #[arg(long, value_name = "SIZE", value_parser = values::memory, help_heading = OURS)]
    memory: Option<u64>,
    /// How to show progress: auto (a bar on terminals), bar, plain (lines), json (an object a line), none
    #[arg(long, value_name = "STYLE", value_parser = values::words(values::styles, values::progress), help_heading = OURS)]
    progress: Option<Style>,
    /// Count metadata that cannot be restored instead of failing
    #[arg(long, action = ArgAction::SetTrue, help_heading = OURS)]
    pub best_effort: bool,
    /// When extracted data must be on the disk: "none" (default) leaves it to the system; "end" writes all of the output's
    /// file system before success is reported; "each" writes each file and directory when it is complete, before it takes
    /// the place of an older one
    #[arg(long, value_name = "none|end|each", value_parser = values::words(|| vec!["none", "end", "each"], values::fsync), help_heading = OURS)]
    fsync: Option<Durability>,
    /// Store all of a block device, even if the file system on it is smaller
    #[arg(long, action = ArgAction::SetTrue, help_heading = OURS)]
    pub whole_device: bool,
}

impl Options {
    /// Puts log level, verbosity and style of progress into effect.
    pub fn apply_logging(&self) {
        let environment = |name| std::env::var(name).ok();
        if let Some(level) = self.log_level {
            log::set_asked_level(level);
        }
        if let Some(level) =
            self.log_level.or_else(|| environment("CASYNC_LOG_LEVEL").and_then(|text| log::parse_level(&text)))
        {
            log::set_level(level);
        }
        log::set_verbose(self.is_verbose());
        ui::set_style(self.progress.unwrap_or_default());
    }

    /// `--verbose`, or the environment says so.
    pub fn is_verbose(&self) -> bool {
        let environment = || std::env::var("CASYNC_VERBOSE").ok();
        self.verbose > 0 || environment().and_then(|text| values::parse_bool(&text)).unwrap_or(false)
    }

    /// `--dry-run`
    pub const fn dry_run(&self) -> bool {
        self.dry_run > 0
    }

    /// Threads and memory.
    pub fn budget(&self) -> Budget {
        let default = Budget::default();
        Budget { jobs: self.jobs.unwrap_or(default.jobs), memory: self.memory.unwrap_or(default.memory) }
    }

    /// The configuration; read when first asked for.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or understood.
    pub fn config(&self) -> Result<&'static Config> {
        static CONFIG: OnceLock<Result<Config>> = OnceLock::new();
        CONFIG.get_or_init(|| Config::load(self.config.as_deref())).as_ref().map_err(Clone::clone)
    }

    /// The cache for chunks of other hosts and its size, if there is to be one.
    ///
    /// # Errors
    ///
    /// As [`Self::config`].
    pub fn cache_store(&self) -> Result<Option<(PathBuf, Option<u64>)>> {
        let said = &self.config()?.said;
        let path = self.cache_store.as_ref().map(|path| locator::to_path(path)).or_else(|| said.cache_store.clone());
        Ok(path.map(|path| (path, self.cache_store_size.or(said.cache_store_size))))
    }

    /// Whether no other host is to be asked for anything.
    ///
    /// # Errors
    ///
    /// As [`Self::config`].
    pub fn offline(&self) -> Result<bool> {
        Ok(self.offline || self.config()?.said.offline.unwrap_or(false))
    }

    /// How to talk to other hosts.
    ///
    /// # Errors
    ///
    /// As [`Self::config`].
    pub fn remote(&self) -> Result<remote::Settings> {
        let settings = self.config()?.settings();
        Ok(remote::Settings { rate_limit_bps: self.rate_limit_bps.or(settings.rate_limit_bps), ..settings })
    }

    /// How to cut.
    pub fn chunk_sizes(&self) -> ChunkSizes {
        self.chunk_size.unwrap_or_default()
    }

    /// The digest of new archives.
    pub fn digest(&self) -> DigestAlgorithm {
        self.digest.unwrap_or_default()
    }

    /// The digest that `--digest=` names, if it does.
    pub const fn named_digest(&self) -> Option<DigestAlgorithm> {
        self.digest
    }

    /// The compression of new chunks.
    pub fn compression(&self) -> Compression {
        self.compression.unwrap_or_default()
    }

    /// Feature flags for making; `default` if `--with=` says nothing.
    pub fn encoding_features(&self, default: FeatureFlags) -> FeatureFlags {
        let mut features = self.selected(default) | self.digest().flag();
        for (wanted, flag) in [
            (self.exclude_nodump.unwrap_or(true), FeatureFlags::EXCLUDE_NODUMP),
            (self.exclude_submounts.unwrap_or(false), FeatureFlags::EXCLUDE_SUBMOUNTS),
            (self.exclude_file.unwrap_or(true), FeatureFlags::EXCLUDE_FILE),
        ] {
            if wanted {
                features |= flag;
            }
        }
        features.normalized()
    }

    /// The mask of what is restored or shown of an archive.
    pub fn replay_mask(&self) -> FeatureFlags {
        self.selected(FeatureFlags::ALL)
    }

    fn selected(&self, default: FeatureFlags) -> FeatureFlags {
        let with = if self.with.is_empty() { default } else { FeatureFlags::union(&self.with) };
        with - FeatureFlags::union(&self.without)
    }

    /// How ids of the host differ from those of archives (spec: commands.md 6).
    pub fn id_shift(&self) -> IdShift {
        const RANGE: u64 = 0x1_0000;
        let mut on = false;
        let (mut shift, mut range) = (0, RANGE);
        match self.uid_shift {
            Some(Owner::Number(number)) => (on, shift) = (true, number as u32),
            Some(Owner::Switch(switch)) => on = switch,
            None => {}
        }
        match self.uid_range {
            Some(Owner::Number(number)) => (on, range) = (true, number),
            Some(Owner::Switch(switch)) => on = switch,
            None => {}
        }
        if on { IdShift::new(shift, range) } else { IdShift::default() }
    }

    /// `--fsync=`
    pub fn fsync(&self) -> Durability {
        self.fsync.unwrap_or_default()
    }

    /// `--delete=`
    pub fn delete(&self) -> bool {
        self.delete.unwrap_or(true)
    }

    /// `--reflink=`
    pub fn reflink(&self) -> bool {
        self.reflink.unwrap_or(true)
    }

    /// `--hardlink=`
    pub fn hardlink(&self) -> bool {
        self.hardlink.unwrap_or(false)
    }

    /// `--seed-output=`, if it was given.
    pub const fn seed_output(&self) -> Option<bool> {
        self.seed_output
    }

    /// `--punch-holes=`
    pub fn punch_holes(&self) -> bool {
        self.punch_holes.unwrap_or(true)
    }

    /// `--mkdir=`
    pub fn mkdir(&self) -> bool {
        self.mkdir.unwrap_or(true)
    }

    /// `--undo-immutable=`
    pub fn undo_immutable(&self) -> bool {
        self.undo_immutable.unwrap_or(false)
    }

    /// `--recursive=`
    pub fn recursive(&self) -> bool {
        self.recursive.unwrap_or(true)
    }
}
