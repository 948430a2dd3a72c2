//! `make`: an archive, an archive index or a blob index.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use casync_core::archive::Selection;
use casync_core::record::FeatureFlags;
use rustix::fs as os;

use super::catab;
use super::input::{Operand, what_of_suffix};
use super::product::Product;
use super::stores::{self, ChunkTarget};
use crate::cache::{Clock, EncoderCache};
use crate::cli::{OURS, Options, OutputFormat, TreeForm, What, tree_form};
use crate::error::{Context as _, Error, Result};
use crate::flow::Cached;
use crate::flow::make::Make;
use crate::flow::source::{self, Words};
use crate::fs::blob::{self, Kind};
use crate::fs::output::AtomicFile;
use crate::fs::walk::{Exclusions, Walk};
use crate::locator::{self, Class, Suffix};
use crate::store::LocalStore;
use crate::tar::{self, TarTree};
use crate::ui::json::{self, Field, Message};
use crate::ui::{Counters, Out, Progress, log, narrate, notify};

/// `make [OUTPUT [INPUT]]`
#[derive(Debug, clap::Args)]
pub struct MakeArgs {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    format: OutputFormat,
    /// The archive or index to make, and what to make it of
    #[arg(value_name = "[ARCHIVE|ARCHIVE_INDEX|BLOB_INDEX] [PATH]", num_args = 0.., value_hint = clap::ValueHint::AnyPath)]
    operands: Vec<OsString>,
    /// The input holds a tree in this form (tar), whatever its name
    #[arg(long, value_name = "FORM", value_parser = tree_form, help_heading = OURS)]
    from: Option<TreeForm>,
}

pub(super) const HELP: &str = "\
What is made is told by the suffix of its name: .catar an archive, all in one file; .caidx an archive cut into chunks, which go \
to a store; .caibx a file or block device cut into chunks. Without a name, or for -, it goes to standard output. The store is \
--store=, $CASYNC_STORE, or default.castr beside the index. Equal trees make equal archives and equal digests, which are printed.

Whatever is made appears under its name when it is complete.

A .catar or .caidx can also be made of the tree that a tar file holds: PATH is taken for one if its name ends in .tar, or with \
--from=tar. A .caibx is always made of the bytes of PATH itself. Headers in the ustar, GNU and pax formats are understood, with \
long names, fractions of seconds, extended attributes, ACLs and sparse files. What is made is what making an archive of the \
extracted tree would give, .caexclude files and all, except for metadata that tar files do not have: chattr flags, project \
ids, subvolumes. Of members with one name the last counts; hard links become files of their own; directories that are missing \
belong to root and have mode 0755 and no date. Absolute names and names with .. are refused. The tar must be a regular file, \
not compressed, since archives are sorted and tar files not.

An output TABLE.catab is a seed table: which chunks are where in a directory or file, for --seed=TABLE.catab. Nothing is \
stored. Later runs take chunks from the files that are unchanged without looking through them; the table names the directory \
or file by its absolute path. --chunk-size=, --digest=, --with= and --without= should be those of the indexes that it is to \
help with. Make it again when much has changed.

Examples:
  casync make home.caidx /home
      An index of a tree; its chunks go to default.castr
  casync make --store=/srv/default.castr --with=unix home.caidx /home
      To another store, and only what every Unix has of the metadata
  casync make disk.caibx /dev/vda
      An index of a block device
  casync make home.catar /home
      One file, no chunks
  tar --create . | casync make backup.caibx -
      Whatever comes from standard input
  casync make rootfs.caidx rootfs.tar
      The tree in a tar file
  casync make --from=tar rootfs.catar layer.blob
      One whose name does not say so
  casync make home.catab /home
      A seed table of it, for extract --seed=home.catab
  casync make --cache=home.cacac home.caidx /home
      Read only what has changed since it was made the last time";

/// Where the result goes.
enum Target {
    Standard,
    Path(OsString),
    /// A URL or `HOST:PATH`.
    Remote(OsString),
}

impl Target {
    fn locator(&self) -> Option<&OsStr> {
        match self {
            Self::Standard => None,
            Self::Path(locator) | Self::Remote(locator) => Some(locator),
        }
    }
}

pub(super) fn run(arguments: &MakeArgs) -> Result<()> {
    let options = &arguments.options;
    options.apply_logging();
    if arguments.operands.len() > 2 {
        return Err(Error::headline("A pair of output and input path/URL expected."));
    }
    let target = target(arguments.operands.first(), options)?;
    if let (None, Target::Path(path)) = (options.what, &target)
        && locator::suffix(path) == Some(Suffix::SeedTable)
    {
        let clock = Clock::start();
        let input = input(arguments.operands.get(1), &arguments.options)?;
        return catab::make(options, path, clock, input.open(Some("."), false)?);
    }
    if arguments.format.json && matches!(target, Target::Standard) {
        return Err(
            Error::headline("Standard output cannot have both what is made and JSON.").hint("name a file to make")
        );
    }
    let what = match options.what {
        Some(what @ (What::Archive | What::ArchiveIndex | What::BlobIndex)) => Some(what),
        Some(_) => {
            return Err(Error::headline(
                "\"make\" operation may only be combined with --what=archive, --what=archive-index or \
                 --what=blob-index.",
            ));
        }
        None => match target.locator() {
            None => None,
            Some(locator) => Some(what_of_suffix(locator::suffix(locator)).ok_or_else(no_suffix)?),
        },
    };
    let input = input(arguments.operands.get(1), &arguments.options)?;
    let directory = matches!(what, Some(What::Archive | What::ArchiveIndex)).then_some(".");
    let fd = input.open(directory, false)?;
    let kind = Kind::of(&fd)?;
    let is_tar = is_tar(arguments.from, what, &input, &fd, kind)?;
    let what = if is_tar {
        what.unwrap_or(What::Archive)
    } else {
        check(what, kind).map_err(|error| unlike_tar(&input, error))?
    };
    let source = if is_tar { Source::Tar } else { Source::Plain(kind) };
    let cache = cache(options, what, &input, source)?;
    make(arguments, &target, what, fd, source, cache.as_deref())
}

/// What an input is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// The tree in a tar file.
    Tar,
    /// What it is.
    Plain(Kind),
}

/// Whether the input is the tree in a tar file: by option, or by its name if archives are made of it.
fn is_tar(from: Option<TreeForm>, what: Option<What>, input: &Operand, fd: &OwnedFd, kind: Kind) -> Result<bool> {
    let is_tree = matches!(what, Some(What::Archive | What::ArchiveIndex));
    match from {
        Some(TreeForm::Tar) if what == Some(What::BlobIndex) => {
            Err(Error::headline("--from=tar makes a directory archive, not a blob index. Refusing."))
        }
        Some(TreeForm::Tar) if kind == Kind::File => Ok(true),
        Some(TreeForm::Tar) => Err(Error::headline("A tar can only be read from a regular file.")
            .hint("archives are sorted and tar files are not: they are read here and there, not from start to end")),
        None => {
            let is_named = input.name().is_some_and(locator::is_tar);
            Ok(is_tree && kind == Kind::File && is_named && TarTree::is_tar(fd))
        }
    }
}

/// What to say of a file that is only named like a tar file.
fn unlike_tar(input: &Operand, error: Error) -> Error {
    if input.locator().is_some_and(locator::is_tar) {
        return error.hint("it is named like a tar file and is none; one that is compressed has to be unpacked first");
    }
    error
}

/// The directory of the cache.
fn cache(options: &Options, what: What, input: &Operand, source: Source) -> Result<Option<PathBuf>> {
    if options.cache.is_none() && options.cache_auto == 0 {
        return Ok(None);
    }
    if what == What::BlobIndex || source == Source::Tar {
        return Err(Error::headline("Caching only supported when archiving files trees."));
    }
    let directory = match (&options.cache, input) {
        (Some(directory), _) => PathBuf::from(directory),
        (None, Operand::Standard) => {
            return Err(Error::headline("Can't automatically derive cache path if no input path is given."));
        }
        (None, Operand::Missing) => PathBuf::from(".cacac"),
        (None, Operand::Path(path) | Operand::Remote { locator: path, .. }) => Path::new(path).join(".cacac"),
    };
    Ok(Some(directory))
}

fn no_suffix() -> Error {
    Error::headline("File to create does not have valid suffix, refusing. (May be one of: .catar, .caidx, .caibx)")
}

fn target(operand: Option<&OsString>, options: &Options) -> Result<Target> {
    let Some(operand) = operand.filter(|operand| *operand != "-") else { return Ok(Target::Standard) };
    let operand = locator::without_file_scheme(operand);
    match locator::classify(&operand) {
        None if options.what.is_none() => Err(no_suffix()),
        None => Err(Error::from(rustix::io::Errno::INVAL).titled("Failed to determine class of locator")),
        Some(Class::Path) => Ok(Target::Path(operand)),
        Some(Class::Url | Class::Ssh) => Ok(Target::Remote(operand)),
    }
}

fn input(operand: Option<&OsString>, options: &Options) -> Result<Operand> {
    if let Some(text) = operand {
        let path = locator::without_file_scheme(text);
        if text != "-" && matches!(locator::classify(&path), Some(Class::Url | Class::Ssh)) {
            return Err(Error::headline(format!("Input must be local path: {}", text.to_string_lossy())));
        }
    }
    Operand::parse(operand, options, "Failed to determine class of locator")
}

/// Brings together what was asked for and what was opened.
fn check(what: Option<What>, kind: Kind) -> Result<What> {
    match (what, kind) {
        (_, Kind::Other) => {
            Err(Error::headline("Input is a neither a directory, a regular file, nor a block device. Refusing."))
        }
        (None, Kind::Directory) => Ok(What::Archive),
        (None, _) => Ok(What::BlobIndex),
        (Some(What::BlobIndex), Kind::Directory) => {
            Err(Error::headline("Input is a directory, but attempted to make blob index. Refusing."))
        }
        (Some(What::Archive | What::ArchiveIndex), Kind::File | Kind::BlockDevice | Kind::Pipe) => {
            Err(Error::headline(
                "Input is a regular file or block device, but attempted to make a directory archive. Refusing.",
            ))
        }
        (Some(what), _) => Ok(what),
    }
}

fn make(
    arguments: &MakeArgs,
    target: &Target,
    what: What,
    fd: OwnedFd,
    input: Source,
    cache_directory: Option<&Path>,
) -> Result<()> {
    let options = &arguments.options;
    let is_tree = what != What::BlobIndex;
    let index_name = target.locator().filter(|_| what != What::Archive);
    let settings = stores::settings(options)?;
    let store = if what != What::Archive || options.store.is_some() {
        Some(stores::for_writing(options, index_name, &settings)?)
    } else {
        None
    };
    let product = match target {
        Target::Standard => Product::Standard,
        Target::Path(path) => Product::create(path, os::fstat(&fd)?.st_mode & 0o666)?,
        Target::Remote(locator) => Product::upload(locator, &settings)?,
    };
    let output = Some(product.output()?);
    let (index, archive) = if what == What::Archive { (None, output) } else { (output, None) };

    let default = if is_tree { FeatureFlags::ALL } else { FeatureFlags::EMPTY };
    let features = options.encoding_features(default);
    let sizes = options.chunk_sizes();
    narrate::chunk_sizes(&sizes);
    // compat: nothing is printed with a cache, since upstream then reads too little to digest it.
    let wants_digest = cache_directory.is_none();
    // compat: without a store there are no chunks, and the cache is not even made.
    let cache = match cache_directory.filter(|_| store.is_some()) {
        Some(directory) => Some(EncoderCache::open(directory, &fd, features, sizes, options.id_shift())?),
        None => None,
    };
    let mut recorder = cache.as_ref().and_then(EncoderCache::record);
    let counters = Arc::new(Counters::default());
    let pipeline = Make {
        features,
        sizes,
        compression: options.compression(),
        store: store.as_ref().map(ChunkTarget::store),
        index,
        archive,
        digest: wants_digest && !matches!(product, Product::Standard),
        recorder: recorder.as_mut(),
        budget: options.budget(),
        counters: Arc::clone(&counters),
    };
    let mut counts = None;
    notify::ready();
    let (made, supported) = match input {
        Source::Tar => {
            let tree = TarTree::read(fd).context(|| "read the tar")?;
            counters.total.store(tree.size(), Ordering::Relaxed);
            let _progress = Progress::start("make", counters);
            let selection = Selection::new(features, options.id_shift());
            (pipeline.run(|stream| tar::pack(tree, selection, Words("Packing", "Packed"), stream))?, tar::SUPPORTED)
        }
        Source::Plain(_) if is_tree => {
            let local = store.as_ref().and_then(ChunkTarget::local);
            let exclusions = exclusions(target.locator(), product.file(), local, cache.as_ref())?;
            let mut walk = Walk::from_directory(fd, Selection::new(features, options.id_shift()), exclusions);
            let _progress = Progress::start("make", counters);
            let words = Words("Packing", "Packed");
            let made = pipeline.run(|stream| match (&cache, store.as_ref().map(ChunkTarget::store)) {
                (Some(cache), Some(store)) => {
                    // compat: with a whole archive to write everything is read, and the cache only written.
                    let table = if what == What::ArchiveIndex { cache.load() } else { None };
                    let mut cached = Cached::new(stream, table, store, cache.clock());
                    source::tree(&mut walk, features, words, &mut cached)?;
                    counts = Some(cached.finish(&walk)?);
                    Ok(())
                }
                _ => source::tree(&mut walk, features, words, stream),
            })?;
            (made, walk.supported())
        }
        Source::Plain(kind) => {
            let size = size_to_store(&fd, kind, options)?;
            counters.total.store(size.unwrap_or(0), Ordering::Relaxed);
            let _progress = Progress::start("make", counters);
            if size != Some(0) {
                narrate::features(features);
            }
            (pipeline.run(|stream| source::blob(&fd, kind, size, stream))?, FeatureFlags::EMPTY)
        }
    };
    if let Some(store) = &store {
        store.store().finish()?;
    }
    product.finish()?;
    if let (Some(cache), Some(recorder)) = (&cache, recorder) {
        cache.install(recorder);
    }
    // Not before: until the index has its name, garbage collection must wait.
    drop(store);
    narrate::made(features, supported, made.size, (what != What::Archive).then_some((made.chunks, made.reused)));
    if let Some(counts) = counts {
        narrate::cache(&counts);
    }
    let mut out = Out::new();
    if let (true, Some(locator)) = (arguments.format.json, target.locator()) {
        let chunks = (what != What::Archive).then_some(made.chunks);
        let output = Field::bytes("output", locator.as_bytes());
        let digest = made.digest.map(|digest| digest.to_string());
        let reused = chunks.map(|_| made.reused);
        json::print(&mut out, &Message::Made { output, bytes: made.size, digest, chunks, reused })?;
        out.finish()?;
    } else if let Some(digest) = made.digest {
        out.line(digest)?;
        out.finish()?;
    }
    Ok(())
}

/// What is being made must not be part of itself.
pub(super) fn exclusions(
    target: Option<&OsStr>,
    file: Option<&AtomicFile>,
    store: Option<&LocalStore>,
    cache: Option<&EncoderCache>,
) -> Result<Exclusions> {
    let mut own = Vec::new();
    if let Some(file) = file {
        own.push(file.identity()?);
        own.extend(target.and_then(identity));
    }
    if let Some(store) = store {
        // A tree always has chunks, so the store will be there.
        store.create()?;
        own.extend(store.identity());
    }
    if let Some(cache) = cache {
        own.push(cache.identity()?);
    }
    Ok(Exclusions { own })
}

fn identity(path: &OsStr) -> Option<(u64, u64)> {
    let metadata = Path::new(path).symlink_metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

fn size_to_store(fd: &OwnedFd, kind: Kind, options: &Options) -> Result<Option<u64>> {
    let size = blob::stored_size(fd, kind)?;
    if kind != Kind::BlockDevice {
        return Ok(size);
    }
    let device = blob::device_size(fd)?;
    if options.whole_device {
        return Ok(Some(device));
    }
    if let Some(size) = size.filter(|size| *size < device) {
        log::info(format_args!(
            "Storing {size} of the device's {device} bytes: as much as the file system at its start claims to have. \
             Use --whole-device to store all.",
        ));
    }
    Ok(size)
}
