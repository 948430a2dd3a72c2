//! Which seeds a run uses (spec: seeds-and-cache.md 1).

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::time::Instant;

use casync_core::archive::{IdShift, Selection};
use casync_core::hash::DigestAlgorithm;
use casync_core::record::FeatureFlags;
use rustix::fs::{self as os, Mode, OFlags};
use rustix::io::Errno;

use crate::cli::{Options, SeedOption};
use crate::error::{Context as _, Error, Result};
use crate::flow::input::Index;
use crate::flow::placement::Placement;
use crate::flow::scan::{self, Scan};
use crate::flow::stop;
use crate::fs::blob::{self, Kind};
use crate::fs::walk::{Exclusions, Walk};
use crate::locator::{self, Suffix};
use crate::seed::{Content, Keys, Places, Seed, Seeds, load_table};
use crate::ui::log;

/// Less memory would make seeds useless, however little may be used.
const MEMORY_MIN: u64 = 1 << 20;

/// What stands in the output's place.
pub(super) struct Existing {
    /// Open for reading.
    pub(super) fd: OwnedFd,
    pub(super) kind: Kind,
    /// Whether it is wanted for its chunks. A tree that is not is only good for links to its files.
    pub(super) chunks: bool,
}

/// A seed that has been opened.
struct Opened {
    path: OsString,
    fd: OwnedFd,
    kind: Kind,
    index: Option<Index>,
    /// Whether it is a table of what is somewhere else.
    is_table: bool,
}

/// Looks through seeds for the chunks of one index.
struct Finder<'a> {
    options: &'a Options,
    target: &'a Index,
    wanted: &'a Keys,
    /// Where chunks are put as soon as they are found, if they are.
    placement: Option<&'a Placement<'a>>,
    /// Bytes that all seeds together may still take.
    memory: u64,
}

/// Finds out what `--seed=` and the output have of the chunks of `index`; with a `placement`, puts those in their places that
/// are come across on the way.
///
/// Memory: a quarter of the budget for the places of chunks, half of it for what is remembered of trees.
///
/// # Errors
///
/// If a seed is neither file, device nor directory, chunks cannot be written, or somebody wants to stop. Seeds that cannot be
/// opened are passed over.
pub(super) fn find(
    options: &Options,
    index: &mut Index,
    existing: Option<Existing>,
    placement: Option<&Placement<'_>>,
) -> Result<Seeds> {
    let started = Instant::now();
    let mut seeds = Seeds::new(&index.sizes(), index.algorithm());
    let mut opened = Vec::new();
    for seed in options.seeds.paired()? {
        opened.extend(open(seed, index)?);
    }
    let tables = opened.len() + usize::from(existing.is_some());
    if tables > 0 {
        let (wanted, _) = keys(options, index, tables as u64)?;
        let mut finder = Finder { options, target: index, wanted: &wanted, placement, memory: memory(options) };
        match existing {
            Some(Existing { fd, kind, chunks: true }) => seeds.push_output(finder.by_scan(fd, kind)?),
            Some(Existing { fd, .. }) => seeds.push_output(of_files(fd, finder.memory)?),
            None => {}
        }
        for seed in opened {
            if let Some(seed) = finder.look_through(seed)? {
                seeds.push(seed);
            }
        }
    }
    seeds.set_spent(started.elapsed());
    Ok(seeds)
}

/// Finds out which files the trees among `--seed=` have, and the output: for archives that are in one piece.
///
/// # Errors
///
/// As [`find`].
pub(super) fn find_files(options: &Options, existing: Option<Existing>) -> Result<Seeds> {
    let started = Instant::now();
    let mut seeds = Seeds::new(&options.chunk_sizes(), DigestAlgorithm::default());
    let mut memory = memory(options);
    if let Some(Existing { fd, .. }) = existing {
        seeds.push_output(of_files(fd, memory)?);
    }
    for seed in options.seeds.paired()? {
        if let Some((fd, kind)) = open_seed(seed)?
            && kind == Kind::Directory
        {
            let seed = of_files(fd, memory)?;
            memory = memory.saturating_sub(seed.memory());
            seeds.push(seed);
        }
    }
    seeds.set_spent(started.elapsed());
    Ok(seeds)
}

/// Opens the seeds of a run that has no use for them: those that cannot be opened are told about, as upstream does.
///
/// # Errors
///
/// If an index has no seed.
pub(super) fn tell_missing(options: &Options) -> Result<()> {
    for seed in options.seeds.paired()? {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        if let Err(errno) = os::open(&seed.path, flags, Mode::empty()) {
            ignored(seed, errno);
        }
    }
    Ok(())
}

fn ignored(seed: &SeedOption, errno: Errno) {
    let (name, text) = (seed.path.to_string_lossy(), Error::from(errno).errno_text());
    log::error(format_args!("Failed to add seed {name}, ignoring: {text}"));
}

/// What one seed has of the chunks of `index`; `None` if that cannot be found out.
///
/// # Errors
///
/// As [`find`].
pub(super) fn look_through(options: &Options, index: &mut Index, seed: &SeedOption) -> Result<Option<Seed>> {
    let Some(opened) = open(seed, index)? else { return Ok(None) };
    let (wanted, _) = keys(options, index, 1)?;
    let (placement, memory) = (None, memory(options));
    Finder { options, target: index, wanted: &wanted, placement, memory }.look_through(opened)
}

/// A tree that is walked and not read.
fn of_files(root: OwnedFd, memory: u64) -> Result<Seed> {
    let features = FeatureFlags::EMPTY;
    let layout = scan::layout(&mut walk(&root, features)?, features, true, memory)?;
    Ok(Seed::of_files(root, layout))
}

/// Bytes for what is remembered of trees.
fn memory(options: &Options) -> u64 {
    (options.budget().memory / 2).max(MEMORY_MIN)
}

/// The keys of the chunks that an index has more than once.
///
/// # Errors
///
/// If the index cannot be read.
pub(super) fn repeated(options: &Options, index: &mut Index) -> Result<Keys> {
    Ok(keys(options, index, 1)?.1)
}

/// The keys of the chunks of an index, as many as there is memory for, with so many tables; and of those that it has more
/// than once.
fn keys(options: &Options, index: &mut Index, tables: u64) -> Result<(Keys, Keys)> {
    let memory = (options.budget().memory / 4).max(MEMORY_MIN);
    let max = usize::try_from(memory / 8 / (tables + 1)).unwrap_or(usize::MAX);
    let chunks = index.len();
    if chunks > max as u64 {
        log::info(format_args!("Seeds are used for the first {max} of {chunks} chunks; --memory= bounds that."));
    }
    let mut number = 0;
    let ids = std::iter::from_fn(|| {
        let piece = index.get(number).transpose();
        number += 1;
        piece.map(|piece| piece.map(|piece| piece.id))
    });
    Keys::collect(ids, max)
}

/// Opens what a seed is in; `None` if that is not possible.
fn open_seed(seed: &SeedOption) -> Result<Option<(OwnedFd, Kind)>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let fd = match os::open(&seed.path, flags, Mode::empty()) {
        Ok(fd) => fd,
        Err(errno) => {
            ignored(seed, errno);
            return Ok(None);
        }
    };
    let kind = Kind::of(&fd)?;
    if matches!(kind, Kind::Pipe | Kind::Other) {
        let name = seed.path.display();
        return Err(Error::new(Errno::NOTTY, format!("seed \"{name}\" is no file, directory or block device")));
    }
    Ok(Some((fd, kind)))
}

/// Opens a seed and the index that belongs to it; `None` if that is not possible.
fn open(seed: &SeedOption, target: &Index) -> Result<Option<Opened>> {
    let Some((fd, kind)) = open_seed(seed)? else { return Ok(None) };
    let is_table = kind == Kind::File && locator::suffix(&seed.path) == Some(Suffix::SeedTable);
    let index = match &seed.index {
        _ if is_table => None,
        Some(path) => open_index(path, target)
            .map_err(|error| {
                let name = path.to_string_lossy();
                log::error(format_args!("Failed to use seed index {name}, ignoring: {error}"));
            })
            .ok(),
        None => beside(&seed.path, kind).and_then(|path| open_index(&path, target).ok()),
    };
    Ok(Some(Opened { path: seed.path.clone(), fd, kind, index, is_table }))
}

/// The path of the index of a seed that has one beside it.
fn beside(seed: &OsStr, kind: Kind) -> Option<OsString> {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    let suffix: &[u8] = if kind == Kind::Directory { b".caidx" } else { b".caibx" };
    let end = seed.as_bytes().iter().rposition(|&byte| byte != b'/')?;
    Some(OsString::from_vec([&seed.as_bytes()[..=end], suffix].concat()))
}

fn open_index(path: &OsStr, target: &Index) -> Result<Index> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let fd = os::open(path, flags, Mode::empty()).context(|| "open it")?;
    if Kind::of(&fd)? != Kind::File {
        return Err(Error::new(Errno::INVAL, "not a regular file"));
    }
    let index = Index::open(fd)?;
    if index.algorithm() != target.algorithm() {
        return Err(Error::new(Errno::INVAL, "its chunks have another digest"));
    }
    Ok(index)
}

impl Finder<'_> {
    /// What a seed has; `None` if that cannot be found out.
    fn look_through(&mut self, mut seed: Opened) -> Result<Option<Seed>> {
        if seed.is_table {
            return self.by_table(&seed);
        }
        if let Some(index) = seed.index.take()
            && let Some(guided) = self.by_index(&seed, index)?
        {
            return Ok(Some(guided));
        }
        self.by_scan(seed.fd, seed.kind).map(Some)
    }

    /// Reads all of a seed.
    fn by_scan(&mut self, fd: OwnedFd, kind: Kind) -> Result<Seed> {
        let (target, budget) = (self.target, self.options.budget());
        let places = Places::new(self.wanted);
        let (sizes, algorithm, files) = (target.sizes(), target.algorithm(), self.options.hardlink());
        let scan = Scan { sizes, algorithm, budget, memory: self.memory, files, placement: self.placement };
        let content = if kind == Kind::Directory {
            let features = target.features();
            let layout = scan.tree(&mut walk(&fd, features)?, features, &places)?;
            self.memory = self.memory.saturating_sub(layout.memory());
            Content::Tree(fd, layout)
        } else {
            let size = blob::stored_size(&fd, kind)?.unwrap_or(0);
            let placement = self.placement.filter(|placement| placement.suits(&fd));
            Scan { placement, ..scan }.blob(&fd, kind, size, &places)?;
            Content::Blob(fd)
        };
        Ok(Seed::scanned(content, places))
    }

    /// Takes the word of a table, as far as files are what it says.
    fn by_table(&mut self, seed: &Opened) -> Result<Option<Seed>> {
        let (sizes, algorithm) = (self.target.sizes(), self.target.algorithm());
        let layout = scan::empty(self.options.hardlink());
        match load_table(&seed.fd, &sizes, algorithm, self.wanted, layout, self.memory) {
            Ok(loaded) => {
                self.memory = self.memory.saturating_sub(loaded.memory());
                Ok(Some(loaded))
            }
            Err(error) => {
                stop::check()?;
                let name = seed.path.to_string_lossy();
                log::error(format_args!("Failed to use seed table {name}, ignoring: {error}"));
                Ok(None)
            }
        }
    }

    /// Takes the word of the seed's index; `None` if that is plainly of something else.
    fn by_index(&mut self, seed: &Opened, mut index: Index) -> Result<Option<Seed>> {
        let features = index.features();
        let fd = rustix::io::fcntl_dupfd_cloexec(&seed.fd, 3)?;
        let (content, size) = match seed.kind {
            Kind::Directory => {
                let layout = scan::layout(&mut walk(&fd, features)?, features, self.options.hardlink(), self.memory)?;
                let size = layout.size();
                (Content::Tree(fd, layout), size)
            }
            kind => {
                let size = blob::stored_size(&fd, kind)?.unwrap_or(0);
                (Content::Blob(fd), size)
            }
        };
        // What lies behind something that was inserted or removed is not where the index says. A device may be larger.
        let fits = seed.kind == Kind::BlockDevice || size == index.stream_size();
        let places = Places::new(self.wanted);
        if !fits || note_all(&mut index, &places).is_err() {
            let name = seed.path.to_string_lossy();
            log::info(format_args!("{name} is not what its index says, looking through all of it."));
            return Ok(None);
        }
        if let Content::Tree(_, layout) = &content {
            self.memory = self.memory.saturating_sub(layout.memory());
        }
        Ok(Some(Seed::guided(content, places)))
    }
}

fn walk(root: &OwnedFd, features: FeatureFlags) -> Result<Walk> {
    // compat: ids are not shifted, even if the extraction shifts them.
    let selection = Selection::new(features, IdShift::default());
    let root = rustix::io::fcntl_dupfd_cloexec(root, 3)?;
    Ok(Walk::from_directory(root, selection, Exclusions::default()))
}

fn note_all(index: &mut Index, places: &Places) -> Result<()> {
    let mut number = 0;
    while let Some(piece) = index.get(number)? {
        places.note(&piece.id, piece.start);
        number += 1;
    }
    Ok(())
}
