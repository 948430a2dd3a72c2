//! What the operand of a reading verb is, and how to read it (spec: commands.md 3).

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use casync_core::Limits;
use casync_core::archive::{Decoder, Event, Found, Located, Node, Tree};
use casync_core::record::FeatureFlags;
use rustix::fs::{self as os, Mode, OFlags};
use rustix::io::Errno;

use super::{seeds, stores};
use crate::cli::{Options, What};
use crate::error::{Context as _, Error, Result};
use crate::flow::Budget;
use crate::flow::input::{
    ByteSource, FileSource, Flow, Index, Pages, RandomSource, find, list_directory, pump, with_feed, with_remote,
    with_sparse,
};
use crate::flow::link::Linker;
use crate::flow::share::Sharer;
use crate::fs::blob::Kind;
use crate::locator::{self, Class, Suffix};
use crate::mount::Image;
use crate::remote::{self, RemoteFile, spool};
use crate::seed::Seeds;
use crate::store::{Chain, Loader};
use crate::sys;
use crate::ui::Counters;

/// An operand that is to be read.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    /// Nothing was named.
    Missing,
    /// `-`
    Standard,
    /// A path on this host.
    Path(OsString),
    /// Something on another host.
    Remote {
        /// As it was named, with the secrets in it.
        locator: OsString,
        file: Arc<dyn RemoteFile>,
    },
}

/// What an operand has turned out to be.
#[derive(Debug)]
pub(super) enum Input {
    /// On this host.
    Local(OwnedFd),
    /// On another one.
    Remote(Arc<dyn RemoteFile>),
}

impl Input {
    /// What kind of thing it is. What is elsewhere can only be a file.
    pub(super) fn kind(&self) -> Result<Kind> {
        match self {
            Self::Local(fd) => Kind::of(fd),
            Self::Remote(_) => Ok(Kind::File),
        }
    }

    /// A descriptor for all of it: what is elsewhere is fetched into memory, as is right for indexes.
    pub(super) fn into_fd(self) -> Result<OwnedFd> {
        match self {
            Self::Local(fd) => Ok(fd),
            Self::Remote(file) => spool::fetch(&*file),
        }
    }
}

impl Operand {
    /// Takes an operand; `file://` URLs become paths.
    pub(super) fn parse(text: Option<&OsString>, options: &Options, failed: &str) -> Result<Self> {
        let Some(text) = text else { return Ok(Self::Missing) };
        if text == "-" {
            return Ok(Self::Standard);
        }
        let text = locator::without_file_scheme(text);
        match locator::classify(&text) {
            None => Err(Error::from(Errno::INVAL).titled(failed)),
            Some(Class::Path) => Ok(Self::Path(text)),
            Some(Class::Url | Class::Ssh) => {
                if options.offline()? {
                    let text = format!("{:?} is on another host, which is not asked", remote::shown(&text));
                    return Err(
                        Error::new(Errno::NETDOWN, text).hint("leave out --offline, or name a copy on this host")
                    );
                }
                let file = remote::file(&text, &options.remote()?)?;
                Ok(Self::Remote { locator: text, file })
            }
        }
    }

    pub(super) fn suffix(&self) -> Option<Suffix> {
        match self {
            Self::Path(path) | Self::Remote { locator: path, .. } => locator::suffix(path),
            Self::Missing | Self::Standard => None,
        }
    }

    /// Where it is, for who looks for what belongs to it. There may be secrets in it.
    pub(super) fn locator(&self) -> Option<&OsStr> {
        match self {
            Self::Path(path) | Self::Remote { locator: path, .. } => Some(path),
            Self::Missing | Self::Standard => None,
        }
    }

    /// What people call it.
    pub(super) fn name(&self) -> Option<&OsStr> {
        match self {
            Self::Path(path) => Some(path),
            Self::Remote { file, .. } => Some(OsStr::new(file.name())),
            Self::Missing | Self::Standard => None,
        }
    }

    /// Opens it for reading, all of it; what is missing is `default`, or standard input.
    pub(super) fn open(&self, default: Option<&str>, quoted: bool) -> Result<OwnedFd> {
        self.input(default, quoted)?.into_fd()
    }

    /// Opens it for reading; what is missing is `default`, or standard input.
    pub(super) fn input(&self, default: Option<&str>, quoted: bool) -> Result<Input> {
        self.open_or(default, |path, errno| {
            let shown = path.to_string_lossy();
            let shown = if quoted { format!("\"{shown}\"") } else { shown.into_owned() };
            Error::from(errno).titled(format_args!("Failed to open {shown}"))
        })
    }

    /// Opens it for reading; what is missing is standard input. `title` is upstream's for archives that cannot be opened.
    pub(super) fn open_late(&self, what: Option<What>, title: &str) -> Result<Input> {
        self.open_or(None, |path, errno| {
            let error = Error::from(errno).context(format!("open {path:?}"));
            // compat: only archives are opened so early by upstream that there is a message of their own.
            if what == Some(What::Archive) { error.titled(title) } else { error }
        })
    }

    fn open_or(&self, default: Option<&str>, failed: impl FnOnce(&OsStr, Errno) -> Error) -> Result<Input> {
        let path = match (self, default) {
            (Self::Remote { file, .. }, _) => return Ok(Input::Remote(Arc::clone(file))),
            (Self::Path(path), _) => path.as_os_str(),
            (Self::Missing, Some(default)) => OsStr::new(default),
            _ => return standard_input().map(Input::Local),
        };
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY;
        os::open(path, flags, Mode::empty()).map(Input::Local).map_err(|errno| failed(path, errno))
    }
}

fn standard_input() -> Result<OwnedFd> {
    let input = sys::standard::input().map_err(|errno| Error::from(errno).titled("Failed to stat input"))?;
    rustix::io::fcntl_dupfd_cloexec(input, 3).context(|| "read standard input")
}

/// An archive that can be read, in whatever form it comes.
pub(super) struct Archive {
    form: Form,
    pub(super) counters: Arc<Counters>,
}

enum Form {
    File { fd: OwnedFd, seekable: bool },
    Remote { file: Arc<dyn RemoteFile>, pages: Pages },
    Index { index: Box<Index>, chain: Chain },
}

/// The part of an archive that a sub-path names.
#[derive(Debug)]
pub(super) struct Part {
    /// Path of the directory it is in; empty for the root.
    parent: Vec<u8>,
    pub(super) found: Found,
}

impl Part {
    /// Its path from the root of the archive.
    pub(super) fn path(&self) -> Vec<u8> {
        let name = self.found.name.as_ref().map(|name| name.as_bytes());
        let components = [Some(self.parent.as_slice()), name].into_iter().flatten();
        components.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(&b'/')
    }
}

impl Archive {
    /// A `.catar`, from a file or pipe, or from elsewhere.
    pub(super) fn from_file(input: Input) -> Result<Self> {
        let form = match input {
            Input::Local(fd) => {
                let seekable = Kind::of(&fd)? == Kind::File;
                Form::File { fd, seekable }
            }
            Input::Remote(file) => Form::Remote { file, pages: Pages::default() },
        };
        Ok(Self { form, counters: Arc::default() })
    }

    /// A `.caidx` with its stores; the default store is looked for beside `operand`.
    pub(super) fn from_index(input: Input, operand: &Operand, options: &Options) -> Result<Self> {
        Self::from_index_with(input, operand, options, None)
    }

    /// The same, with what stands in the output's place as a seed.
    pub(super) fn from_index_with(
        input: Input,
        operand: &Operand,
        options: &Options,
        existing: Option<seeds::Existing>,
    ) -> Result<Self> {
        // The stores first: one process on another host may serve both, if it is told so when it starts.
        let chain = stores::for_reading(options, operand.locator())?;
        let mut index = Box::new(open_index(input, operand)?);
        let seeds = seeds::find(options, &mut index, existing, None)?;
        let chain = chain.with_seeds(Arc::new(seeds));
        Ok(Self { form: Form::Index { index, chain }, counters: Arc::default() })
    }

    /// The same, to be read at random by many.
    pub(super) fn into_image(self, budget: Budget) -> Result<Image> {
        match self.form {
            Form::File { seekable: false, .. } => Err(Errno::SPIPE.into()),
            Form::File { fd, .. } => Image::from_file(fd),
            Form::Remote { file, .. } => Image::from_remote(file, budget),
            Form::Index { index, chain } => Image::from_index(index.into_table()?, chain, budget),
        }
    }

    /// Bytes in the archive, if that is known.
    pub(super) fn size(&self) -> Option<u64> {
        match &self.form {
            Form::File { fd, seekable: true } => os::fstat(fd).ok().map(|stat| stat.st_size as u64),
            Form::File { .. } => None,
            // To ask would take as long as to begin with it.
            Form::Remote { .. } => None,
            Form::Index { index, .. } => Some(index.stream_size()),
        }
    }

    /// What shares the data of extracted files with seeds; `None` without seeds that could do that.
    pub(super) fn sharer(&self) -> Option<Sharer> {
        let Form::Index { index, chain } = &self.form else { return None };
        let seeds = chain.shared_seeds().filter(|seeds| seeds.any_clonable())?;
        Some(Sharer::new(index.another()?, seeds, Arc::clone(&self.counters)))
    }

    /// What makes files links to those of seeds; `None` for what is not put together from chunks.
    pub(super) fn linker(&self) -> Option<Linker> {
        let Form::Index { chain, .. } = &self.form else { return None };
        Some(Linker::new(chain.shared_seeds()?, Arc::clone(&self.counters)))
    }

    /// Time that was spent on looking through seeds; `None` for what is not put together from chunks.
    pub(super) fn seeding(&self) -> Option<Duration> {
        match &self.form {
            Form::File { .. } | Form::Remote { .. } => None,
            Form::Index { chain, .. } => chain.seeds().map(Seeds::spent),
        }
    }

    /// Finds a sub-path. The whole archive is `None`.
    pub(super) fn find(&mut self, path: &OsStr) -> Result<Option<Part>> {
        use std::os::unix::ffi::OsStrExt as _;
        let bytes = path.as_bytes();
        let components: Vec<&[u8]> = bytes.split(|&byte| byte == b'/').filter(|part| !part.is_empty()).collect();
        let Some((_, parents)) = components.split_last() else { return Ok(None) };
        // compat: for chunks that cannot be had, and for what is no archive, upstream has its usual text.
        let seek_failed = |error: Error| match error.errno() {
            Errno::SPIPE | Errno::OPNOTSUPP => {
                error.titled(format_args!("Failed to seek to {}", path.to_string_lossy()))
            }
            _ => error,
        };
        let found = self.ask(|tree, source| find(tree, source, bytes)).map_err(seek_failed)?;
        let Some(found) = found else {
            return Err(Error::headline("Seek path not available in archive."));
        };
        Ok(Some(Part { parent: parents.join(&b'/'), found }))
    }

    /// The node that a sub-path names, or the root.
    pub(super) fn node(&mut self, path: &OsStr) -> Result<Part> {
        if let Some(part) = self.find(path)? {
            return Ok(part);
        }
        let found = self.ask(|tree, source| find(tree, source, b""))?;
        let found = found.ok_or_else(|| Error::headline("Seek path not available in archive."))?;
        Ok(Part { parent: Vec::new(), found })
    }

    /// Shows the entries of a directory, without what is below them.
    pub(super) fn entries(&mut self, directory: Located, show: impl FnMut(Found) -> Result<()>) -> Result<()> {
        self.ask(|tree, source| list_directory(tree, source, directory, show))
    }

    fn ask<T>(&mut self, question: impl FnOnce(&Tree, &mut RandomSource<'_>) -> Result<T>) -> Result<T> {
        let limits = Limits::default();
        if let Form::Remote { file, .. } = &self.form
            && file.size()?.is_none()
        {
            // There are no parts of it to be had, and what is wanted may be anywhere in it.
            let fd = spool::fetch_large(&**file)?;
            self.form = Form::File { fd, seekable: true };
        }
        match &mut self.form {
            Form::File { seekable: false, .. } => Err(Errno::SPIPE.into()),
            Form::File { fd, .. } => {
                let size = os::fstat(&*fd)?.st_size as u64;
                question(&Tree::new(size, &limits), &mut RandomSource::File { file: fd, size })
            }
            Form::Remote { file, pages } => {
                let size = file.size()?.unwrap_or_default();
                question(&Tree::new(size, &limits), &mut RandomSource::Remote { file: &**file, size, pages })
            }
            Form::Index { index, chain } => {
                let tree = Tree::new(index.stream_size(), &limits).expecting(index.features());
                let loader = Box::new(Loader::new(chain, index.algorithm())?);
                let cache = std::collections::VecDeque::new();
                question(&tree, &mut RandomSource::Chunks { index, loader, cache })
            }
        }
    }

    /// Decodes the archive, or a part of it, and hands every event on. `everything`: no payload will be passed over.
    pub(super) fn decode(
        &mut self,
        part: Option<Located>,
        everything: bool,
        options: &Options,
        mut consume: impl FnMut(Event<'_>) -> Result<Flow>,
    ) -> Result<()> {
        self.read(part, everything, options, |source, decoder| pump(source, decoder, &mut consume))
    }

    /// Hands source and decoder of the archive, or of a part of it, to `consume`.
    pub(super) fn read<T>(
        &mut self,
        part: Option<Located>,
        everything: bool,
        options: &Options,
        consume: impl FnOnce(&mut dyn ByteSource, &mut Decoder) -> Result<T>,
    ) -> Result<T> {
        let limits = Limits::default();
        let mut decoder = match part {
            Some(part) => Decoder::for_part(part.entry, part.end, &limits),
            None => Decoder::new(&limits),
        };
        match &mut self.form {
            Form::File { fd, .. } => {
                let fd = rustix::io::fcntl_dupfd_cloexec(fd.as_fd(), 3)?;
                let source = FileSource::new(fd)?;
                let mut source = match part {
                    Some(part) => source.part(part.entry, part.end),
                    None => source,
                };
                consume(&mut source, &mut decoder)
            }
            Form::Remote { file, .. } => with_remote(file, part, everything, |source| consume(source, &mut decoder)),
            Form::Index { index, chain } => {
                decoder = decoder.expecting(index.features());
                let (budget, counters) = (options.budget(), &*self.counters);
                if everything {
                    with_feed(index, chain, budget, counters, |feed| {
                        if let Some(part) = part {
                            feed.part(part.entry, part.end)?;
                        }
                        consume(feed, &mut decoder)
                    })
                } else {
                    with_sparse(index, chain, part, budget, counters, |sparse| consume(sparse, &mut decoder))
                }
            }
        }
    }
}

/// Reads an index, or opens it if it is a file here.
pub(super) fn open_index(input: Input, operand: &Operand) -> Result<Index> {
    let name = || operand.name().unwrap_or_else(|| OsStr::new("-"));
    input.into_fd().and_then(Index::open).map_err(|error| {
        // What is wrong with a place elsewhere has its name in it.
        if matches!(operand, Operand::Remote { .. }) && !error.is_format() {
            return error;
        }
        error.context(format!("read the index {:?}", name()))
    })
}

/// What counts of an archive's metadata, and its digest.
pub(super) fn replayed(features: FeatureFlags, options: &Options) -> FeatureFlags {
    features.replayed(options.replay_mask()) | (features & FeatureFlags::SHA512_256)
}

/// A node of an archive without file flags that do not count. compat: extended attributes and project ids always do.
pub(super) fn masked(node: &Node, features: FeatureFlags) -> Node {
    let mut node = node.clone();
    node.metadata.flags = node.metadata.flags & features;
    node
}

/// What a suffix says of an operand.
pub(super) fn what_of_suffix(suffix: Option<Suffix>) -> Option<What> {
    Some(match suffix? {
        Suffix::Archive => What::Archive,
        Suffix::ArchiveIndex => What::ArchiveIndex,
        Suffix::BlobIndex => What::BlobIndex,
        Suffix::SeedTable => return None,
    })
}
