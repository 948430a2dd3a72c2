//! `extract`: to a tree, a file, a device or standard output.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use casync_core::record::FeatureFlags;
use rustix::fs::{self as os, Mode, OFlags};
use rustix::io::Errno;

use super::input::{Archive, Input, Operand, open_index, what_of_suffix};
use super::{seeds, stores};
use crate::cli::{OURS, Options, OutputFormat, TreeForm, What, tree_form};
use crate::error::{Context as _, Error, Result};
use crate::flow::blob::BlobTarget;
use crate::flow::input::Index;
use crate::flow::link::Linker;
use crate::flow::placement::Placement;
use crate::flow::{self, extract};
use crate::fs::apply::{ApplyOptions, TreeWriter};
use crate::fs::blob::{self, Kind};
use crate::fs::output::{self, AtomicFile, Durability};
use crate::locator::{self, Class};
use crate::seed::Seeds;
use crate::store::Chain;
use crate::tar::{TarOptions, TarWriter};
use crate::ui::json::{self, Field, Message};
use crate::ui::narrate::Extraction;
use crate::ui::{Counters, Out, Progress, StandardOutput, log, narrate, notify};

/// `extract [INPUT [OUTPUT [SUBPATH]]]`
#[derive(Debug, clap::Args)]
pub struct ExtractArgs {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    format: OutputFormat,
    /// The archive or index, where to extract it to, and the path of a node in it
    #[arg(value_name = "[ARCHIVE|ARCHIVE_INDEX|BLOB_INDEX] [PATH]", num_args = 0.., value_hint = clap::ValueHint::AnyPath)]
    operands: Vec<OsString>,
    /// Write a tree in this form (tar), whatever the name of the output
    #[arg(long, value_name = "FORM", value_parser = tree_form, help_heading = OURS)]
    to: Option<TreeForm>,
    /// Go on with a blob's file that an interrupted run of this option has left, and leave one if this run is interrupted
    #[arg(long, action = clap::ArgAction::SetTrue, help_heading = OURS)]
    resume: bool,
}

pub(super) const HELP: &str = "\
The chunks of an index come from the store, --store=, $CASYNC_STORE, or default.castr beside the index, and from those of \
--extra-store=. Every chunk is checked.

A run that was interrupted goes on where it was: what is in a cache (--cache-store=), on the device, or, if the store is on \
another host, in the tree, is not fetched again. With --resume the same is true of files: what is there so far stays beside the \
output as .#NAME.part.

A tree is made equal to the archive: what is in the output but not in the archive is removed, unless --delete=no is given. A \
file appears under its name when it is complete.

A .catar or .caidx is extracted to a tar file instead of a directory if the output is none and its name ends in .tar, or with \
--to=tar, which also writes to standard output. The tar has ustar headers, with pax headers where these are too small: long \
names, large files and ids, fractions of seconds, extended attributes, ACLs, file capabilities, SELinux labels. Equal archives \
give equal tars. What tar files cannot hold is left out: chattr flags, project ids, subvolumes, sockets.

Examples:
  casync extract home.caidx /srv/home
      A tree
  casync extract home.caidx /srv/home alice/projects
      What is below a path in it
  casync extract --delete=no --without=privileged home.caidx here
      Leave alone what else is there, and set only what takes no privileges
  casync extract disk.caibx /dev/vda
      A block device
  casync extract disk.caibx - | sha256sum
      To standard output
  casync extract home.caidx home.tar
      To a tar file
  casync extract --to=tar home.caidx - alice | tar -t
      A part of it, as a tar, to standard output";

/// What stands where the output is to go.
enum Existing {
    Nothing,
    Open(OwnedFd, Kind),
}

/// Where the output goes.
#[derive(Clone, Debug)]
enum Target {
    /// Not named.
    Missing,
    /// `-`
    Standard,
    Path(OsString),
}

pub(super) fn run(arguments: &ExtractArgs) -> Result<()> {
    let options = &arguments.options;
    let operands = &arguments.operands;
    options.apply_logging();
    if operands.len() > 3 {
        return Err(Error::headline("Input path/URL, output path, and subtree path expected."));
    }
    let named = operands.first().filter(|operand| *operand != "-");
    let subpath = operands.get(2).cloned().unwrap_or_default();
    let what = match options.what {
        Some(what @ (What::Archive | What::ArchiveIndex | What::BlobIndex)) => Some(what),
        Some(_) => {
            return Err(Error::headline(
                "\"extract\" operation may only be combined with --what=archive, --what=archive-index, \
                 --what=blob-index.",
            ));
        }
        None => match named.map(|input| what_of_suffix(locator::suffix(&locator::without_file_scheme(input)))) {
            Some(None) => {
                return Err(Error::headline(
                    "File to read from does not have valid suffix, refusing. (May be one of: .catar, .caidx, .caibx)",
                ));
            }
            Some(what) => what,
            None => None,
        },
    };
    let input = Operand::parse(operands.first(), options, "Failed to determine locator class")?;
    let target = target(operands.get(1))?;
    let opened = input.open_late(what, "Failed to set sync archive")?;
    let target = match (target, what) {
        (Target::Missing, Some(What::Archive | What::ArchiveIndex)) => Target::Missing,
        (Target::Missing, _) => Target::Standard,
        (target, _) => target,
    };
    let is_tar = is_tar(arguments.to, what, &target);
    let target = if is_tar && matches!(target, Target::Missing) { Target::Standard } else { target };
    if arguments.format.json && matches!(target, Target::Standard) {
        return Err(Error::headline("Standard output cannot have both what is extracted and JSON.")
            .hint("name a file or directory to extract to"));
    }
    let existing = look(&target)?;
    if is_tar && !matches!(existing, Existing::Open(_, Kind::Directory)) {
        stores::check_named(options)?;
        let archive = match what {
            Some(What::Archive) => Archive::from_file(opened)?,
            _ => Archive::from_index(opened, &input, options)?,
        };
        return to_tar(archive, &target, existing, &subpath, arguments);
    }
    if arguments.to.is_some() {
        return Err(Error::headline("--to=tar takes an archive, and no directory to extract to. Refusing."));
    }
    let what = decide(what, &existing)?;
    check(what, &existing)?;
    stores::check_named(options)?;
    if what == What::BlobIndex && !subpath.is_empty() {
        return Err(Error::headline("Subtree path only supported when extracting archive or archive index."));
    }
    if what == What::BlobIndex {
        return to_blob(opened, &input, &target, existing, arguments);
    }
    refuse_deleting_here(&target, options)?;
    let old = old_tree(&existing, options, stores::is_far(options, input.locator())?)?;
    let (archive, linker) = match what {
        // An archive in one piece takes no chunks from seeds, but whole files.
        What::Archive => {
            let archive = Archive::from_file(opened)?;
            let linker = if options.hardlink() {
                let seeds = seeds::find_files(options, old)?;
                Some(Linker::new(Arc::new(seeds), Arc::clone(&archive.counters)))
            } else {
                seeds::tell_missing(options)?;
                None
            };
            (archive, linker)
        }
        _ => {
            let archive = Archive::from_index_with(opened, &input, options, old)?;
            let linker = if options.hardlink() { archive.linker() } else { None };
            (archive, linker)
        }
    };
    to_tree(archive, linker, &target, existing, &subpath, arguments)
}

/// Whether an archive is to become a tar, unless the output is a directory.
fn is_tar(to: Option<TreeForm>, what: Option<What>, target: &Target) -> bool {
    let is_tree = matches!(what, Some(What::Archive | What::ArchiveIndex));
    let is_named = matches!(target, Target::Path(path) if locator::is_tar(path));
    is_tree && (is_named || to == Some(TreeForm::Tar))
}

fn target(operand: Option<&OsString>) -> Result<Target> {
    let Some(text) = operand else { return Ok(Target::Missing) };
    if text == "-" {
        return Ok(Target::Standard);
    }
    let path = locator::without_file_scheme(text);
    match locator::classify(&path) {
        None => Err(Error::from(Errno::INVAL).titled("Failed to determine locator class")),
        Some(Class::Path) => Ok(Target::Path(path)),
        Some(Class::Url | Class::Ssh) => {
            Err(Error::headline(format!("Output must be local path: {}", text.to_string_lossy())))
        }
    }
}

/// Opens what is there already.
fn look(target: &Target) -> Result<Existing> {
    let path = match target {
        Target::Standard => {
            let failed = |error: std::io::Error| Error::from(error).titled("Failed to stat output");
            let fd = StandardOutput::new().map_err(failed)?.into_fd();
            let kind = Kind::of(&fd)?;
            return Ok(Existing::Open(fd, kind));
        }
        Target::Missing => OsStr::new("."),
        Target::Path(path) => path,
    };
    let failed = |errno: Errno| Error::from(errno).titled(format_args!("Failed to open {}", path.to_string_lossy()));
    let flags = OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let fd = match os::open(path, flags | OFlags::RDONLY, Mode::empty()) {
        Ok(fd) => fd,
        Err(Errno::NOENT) => return Ok(Existing::Nothing),
        Err(errno) => return Err(failed(errno)),
    };
    let kind = Kind::of(&fd)?;
    if kind == Kind::Directory || kind == Kind::File {
        return Ok(Existing::Open(fd, kind));
    }
    let fd = os::open(path, (flags - OFlags::NONBLOCK) | OFlags::WRONLY, Mode::empty()).map_err(failed)?;
    Ok(Existing::Open(fd, kind))
}

/// What is extracted if neither option nor suffix say so.
fn decide(what: Option<What>, existing: &Existing) -> Result<What> {
    match (what, existing) {
        (Some(what), _) => Ok(what),
        (None, Existing::Open(_, Kind::Directory)) => Ok(What::ArchiveIndex),
        (None, Existing::Open(..)) => Ok(What::BlobIndex),
        (None, Existing::Nothing) => Err(Error::headline(
            "Couldn't figure out what to extract. Refusing. Use --what=archive, --what=archive-index or \
             --what=blob-index.",
        )),
    }
}

fn check(what: What, existing: &Existing) -> Result<()> {
    let Existing::Open(_, kind) = existing else { return Ok(()) };
    match (what, kind) {
        (What::BlobIndex, Kind::Directory) => {
            Err(Error::headline("Output is a directory, but attempted to extract blob index. Refusing."))
        }
        (What::BlobIndex, Kind::File | Kind::BlockDevice | Kind::Pipe) | (_, Kind::Directory) => Ok(()),
        (_, Kind::File | Kind::BlockDevice) => {
            Err(Error::headline("Output is a regular file or block device, but attempted to extract an archive."))
        }
        (What::BlobIndex, Kind::Other) | (_, Kind::Pipe | Kind::Other) => {
            Err(Error::headline("Output is neither a directory, a regular file, nor a block device. Refusing."))
        }
    }
}

/// Upstream takes the current directory for an output that was not named, and empties it of everything that is not in the
/// archive, the archive included.
fn refuse_deleting_here(target: &Target, options: &Options) -> Result<()> {
    if matches!(target, Target::Missing) && options.delete() {
        return Err(Error::headline(
            "No output was named, and extracting to the current directory would remove all else that is in it.",
        )
        .hint("name the directory to extract to, or keep what is there with --delete=no"));
    }
    Ok(())
}

fn to_tree(
    mut archive: Archive,
    linker: Option<Linker>,
    target: &Target,
    existing: Existing,
    subpath: &OsStr,
    arguments: &ExtractArgs,
) -> Result<()> {
    let options = &arguments.options;
    let started = Instant::now();
    // A missing sub-path is found before anything is made.
    let part = archive.find(subpath)?;
    let (directory, fresh) = match existing {
        Existing::Open(fd, _) => (fd, false),
        Existing::Nothing => {
            let Target::Path(path) = target else { return Err(Errno::NOENT.into()) };
            make_directory(path)?
        }
    };
    archive.counters.total.store(archive.size().unwrap_or(0), Ordering::Relaxed);
    notify::ready();
    let progress = Progress::start("extract", Arc::clone(&archive.counters));
    let located = part.as_ref().map(|part| part.found.located);
    let sharer = if options.reflink() { archive.sharer() } else { None };
    let extracted = archive.read(located, true, options, |source, decoder| {
        let apply = |features| ApplyOptions {
            features,
            shift: options.id_shift(),
            delete: options.delete(),
            punch_holes: options.punch_holes(),
            undo_immutable: options.undo_immutable(),
            best_effort: options.best_effort,
            durability: options.fsync(),
        };
        let mask = options.replay_mask();
        extract::tree(source, decoder, linker, sharer, |features: FeatureFlags| {
            let apply = apply(features.replayed(mask));
            match &part {
                None => TreeWriter::new(directory, fresh, apply),
                Some(part) => TreeWriter::into_directory(directory, part.found.name.clone(), apply),
            }
        })
    });
    drop(progress);
    let applied = extracted?;
    if let (Target::Path(path), true) = (target, fresh && options.fsync() == Durability::Each) {
        output::sync_directory_of(&locator::to_path(path))?;
    }
    let extraction = Extraction {
        holes: options.punch_holes().then_some(applied.holes),
        reflink: options.reflink(),
        hardlink: options.hardlink(),
        seeding: told_seeding(&archive, options),
        decoding: None,
        total: started.elapsed(),
    };
    narrate::extracted(&archive.counters, &extraction);
    if applied.unset > 0 {
        log::error(format_args!("{} attributes could not be set.", applied.unset));
    }
    report(arguments.format, target, &archive.counters, applied.holes, applied.unset)
}

/// What is told of the time for seeds. compat: of an archive in one piece that is none, unless seeds were named.
fn told_seeding(archive: &Archive, options: &Options) -> Option<Duration> {
    archive.seeding().or_else(|| options.seeds.all().is_empty().then_some(Duration::ZERO))
}

/// Says with `--json` what was done.
fn report(format: OutputFormat, target: &Target, counters: &Counters, holes: u64, unset: u64) -> Result<()> {
    if !format.json {
        return Ok(());
    }
    let output = match target {
        Target::Path(path) => path.as_bytes(),
        Target::Missing | Target::Standard => b".",
    };
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let message = Message::Extracted {
        output: Field::bytes("output", output),
        store_chunks: count(&counters.store_chunks),
        store_bytes: count(&counters.store_bytes),
        seed_chunks: count(&counters.seed_chunks),
        seed_bytes: count(&counters.seed_bytes),
        cloned_bytes: count(&counters.cloned_bytes),
        linked_bytes: count(&counters.linked_bytes),
        holes,
        unset,
    };
    let mut out = Out::new();
    json::print(&mut out, &message)?;
    out.finish()
}

fn to_tar(
    mut archive: Archive,
    target: &Target,
    existing: Existing,
    subpath: &OsStr,
    arguments: &ExtractArgs,
) -> Result<()> {
    let options = &arguments.options;
    const BUFFER: usize = 256 << 10;
    let started = Instant::now();
    let part = archive.find(subpath)?;
    let (file, output): (_, Box<dyn Write>) = match (target, existing) {
        // A pipe there does not wait by itself.
        (Target::Standard | Target::Missing, _) => (None, Box::new(StandardOutput::new()?)),
        (Target::Path(path), existing @ (Existing::Nothing | Existing::Open(_, Kind::File))) => {
            let file = sibling(&locator::to_path(path), &existing, AtomicFile::create)?;
            let output = file.file().try_clone()?;
            (Some(file), Box::new(output))
        }
        (_, Existing::Open(fd, _)) => (None, Box::new(File::from(fd))),
    };
    archive.counters.total.store(archive.size().unwrap_or(0), Ordering::Relaxed);
    notify::ready();
    let progress = Progress::start("extract", Arc::clone(&archive.counters));
    let located = part.as_ref().map(|part| part.found.located);
    let name = part.and_then(|part| part.found.name);
    let written = archive.read(located, true, options, |source, decoder| {
        extract::tar(source, decoder, |features| {
            let tar = TarOptions { features: features.replayed(options.replay_mask()), shift: options.id_shift() };
            TarWriter::new(BufWriter::with_capacity(BUFFER, output), name, tar)
        })
    });
    drop(progress);
    let sockets = written?;
    if let Some(file) = file {
        file.install()?;
    }
    let (seeding, total) = (told_seeding(&archive, options), started.elapsed());
    let extraction = Extraction { holes: None, reflink: false, hardlink: false, seeding, decoding: None, total };
    narrate::extracted(&archive.counters, &extraction);
    if sockets > 0 {
        log::error(format_args!("Sockets that were left out, as tar files hold none: {sockets}"));
    }
    report(arguments.format, target, &archive.counters, 0, 0)
}

/// An existing tree as a seed, such as one that an interrupted run has left. Reading it all takes longer than loading its
/// chunks from a store on this host, so that is only done for those who ask for it, or whose store is far away. Links to its
/// files take no more than a walk.
fn old_tree(existing: &Existing, options: &Options, is_far: bool) -> Result<Option<seeds::Existing>> {
    let chunks = options.seed_output().unwrap_or(is_far);
    let files = options.hardlink() && options.seed_output() != Some(false);
    match existing {
        Existing::Open(fd, kind) if chunks || files => {
            let fd = rustix::io::fcntl_dupfd_cloexec(fd, 3)?;
            Ok(Some(seeds::Existing { fd, kind: *kind, chunks }))
        }
        _ => Ok(None),
    }
}

fn make_directory(path: &OsStr) -> Result<(OwnedFd, bool)> {
    match os::mkdir(path, Mode::from_raw_mode(0o777)) {
        // A link that leads nowhere: opening it says so.
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(Error::from(errno).context(format!("create the directory {path:?}"))),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok((os::open(path, flags, Mode::empty()).context(|| format!("open the directory {path:?}"))?, true))
}

fn to_blob(opened: Input, input: &Operand, target: &Target, existing: Existing, arguments: &ExtractArgs) -> Result<()> {
    let options = &arguments.options;
    let started = Instant::now();
    let chain = stores::for_reading(options, input.locator())?;
    let mut index = open_index(opened, input)?;
    let old = if options.seed_output() == Some(false) { None } else { old_blob(target, &existing)? };
    let counters = Arc::new(Counters::default());
    counters.total.store(index.stream_size(), Ordering::Relaxed);
    let budget = options.budget();
    let new = match target {
        Target::Path(path) if !matches!(existing, Existing::Open(_, Kind::Pipe | Kind::BlockDevice)) => {
            Some(NewBlob::create(&locator::to_path(path), &existing, index.stream_size(), arguments)?)
        }
        _ => None,
    };
    let placement = match &new {
        Some(new) if old.is_some() || !options.seeds.all().is_empty() => {
            Placement::new(&index, new.target(options), budget.memory / 4, &counters)?
        }
        _ => None,
    };
    let found = seeds::find(options, &mut index, old, placement.as_ref());
    let mut seeds = found.map_err(|error| match &new {
        Some(new) if placement.as_ref().is_some_and(|placement| placement.check().is_err()) => new.context(error),
        _ => error,
    })?;
    let seeding = seeds.spent();
    let decoding = Instant::now();
    notify::ready();
    let progress = Progress::start("extract", Arc::clone(&counters));
    let holes = match (target, existing, &new) {
        (_, _, Some(new)) => {
            seeds.push_written(new.output.try_clone()?, &seeds::repeated(options, &mut index)?);
            let chain = chain.with_seeds(Arc::new(seeds));
            let target = new.target(options);
            flow::blob::write(&mut index, &chain, target, placement.as_ref(), budget, &counters)
                .map_err(|error| new.context(error))?
        }
        (Target::Path(path), Existing::Open(_, Kind::BlockDevice), None) => {
            to_device(&mut index, chain, seeds, path, options, &counters)?;
            0
        }
        (_, Existing::Open(fd, _), None) => {
            let chain = chain.with_seeds(Arc::new(seeds));
            extract::stream(&mut index, &chain, &fd, budget, &counters)?;
            0
        }
        (_, Existing::Nothing, None) => return Err(Errno::NOENT.into()),
    };
    drop(placement);
    if let Some(new) = new {
        new.file.install_durably(options.fsync())?;
    }
    drop(progress);
    let extraction = Extraction {
        holes: options.punch_holes().then_some(holes),
        reflink: options.reflink(),
        hardlink: false,
        seeding: Some(seeding),
        decoding: Some(decoding.elapsed()),
        total: started.elapsed(),
    };
    narrate::extracted(&counters, &extraction);
    report(arguments.format, target, &counters, holes, 0)
}

/// A blob that takes the place of another once it is complete.
struct NewBlob {
    path: PathBuf,
    file: AtomicFile,
    output: OwnedFd,
    /// Whether a run that was interrupted wrote to it.
    resumed: bool,
}

impl NewBlob {
    fn create(path: &Path, existing: &Existing, size: u64, arguments: &ExtractArgs) -> Result<Self> {
        let open = if arguments.resume { AtomicFile::resume } else { AtomicFile::create };
        let file = sibling(path, existing, open)?;
        let resumed = file.file().metadata()?.len() > 0;
        file.file().set_len(size).context(|| format!("make {path:?} {size} bytes long"))?;
        let output = OwnedFd::from(file.file().try_clone()?);
        Ok(Self { path: path.to_owned(), file, output, resumed })
    }

    fn target(&self, options: &Options) -> BlobTarget<'_> {
        BlobTarget {
            fd: &self.output,
            sparse: options.punch_holes(),
            in_place: false,
            resumed: self.resumed,
            reflink: options.reflink(),
        }
    }

    fn context(&self, error: Error) -> Error {
        error.context(format!("extract to {:?}", self.path))
    }
}

/// A new file beside the output. What is there keeps its contents until the new one is complete; the new one takes over its
/// mode and owner.
fn sibling(path: &Path, existing: &Existing, open: fn(&Path, u32) -> Result<AtomicFile>) -> Result<AtomicFile> {
    let Existing::Open(fd, _) = existing else { return open(path, 0o666) };
    // A link to the output stays one.
    let path = std::fs::canonicalize(path).context(|| format!("look at {path:?}"))?;
    let old = File::from(fd.try_clone()?).metadata()?;
    let file = open(&path, 0o600)?;
    let new = file.file().metadata()?;
    if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
        std::os::unix::fs::fchown(file.file(), Some(old.uid()), Some(old.gid()))
            .context(|| format!("keep the owner of {path:?}"))?;
    }
    let permissions = std::fs::Permissions::from_mode(old.mode() & 0o7777);
    file.file().set_permissions(permissions).context(|| format!("keep the mode of {path:?}"))?;
    Ok(file)
}

/// The file or device that is in the output's place, as a seed.
fn old_blob(target: &Target, existing: &Existing) -> Result<Option<seeds::Existing>> {
    let (Target::Path(path), Existing::Open(fd, kind)) = (target, existing) else { return Ok(None) };
    let fd = match kind {
        Kind::File => rustix::io::fcntl_dupfd_cloexec(fd, 3)?,
        // It is open for writing only. Who may not read it can still write it.
        Kind::BlockDevice => match os::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) {
            Ok(fd) => fd,
            Err(_) => return Ok(None),
        },
        _ => return Ok(None),
    };
    Ok(Some(seeds::Existing { fd, kind: *kind, chunks: true }))
}

fn to_device(
    index: &mut Index,
    chain: Chain,
    mut seeds: Seeds,
    path: &OsStr,
    options: &Options,
    counters: &Counters,
) -> Result<()> {
    let in_place = seeds.has_output();
    let access = if in_place { OFlags::RDWR } else { OFlags::WRONLY };
    let device = os::open(path, access | OFlags::CLOEXEC, Mode::empty()).context(|| format!("open {path:?}"))?;
    let (room, size) = (blob::device_size(&device)?, index.stream_size());
    if size > room {
        let message = format!("the device has {room} bytes, the image {size}");
        return Err(Error::new(Errno::NOSPC, message));
    }
    if in_place {
        seeds.push_written(device.try_clone()?, &seeds::repeated(options, index)?);
    }
    let chain = chain.with_seeds(Arc::new(seeds));
    let target = BlobTarget { fd: &device, sparse: false, in_place, resumed: false, reflink: false };
    flow::blob::write(index, &chain, target, None, options.budget(), counters)?;
    os::fsync(device.as_fd()).context(|| "write to the device")
}
