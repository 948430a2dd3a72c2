//! Takes from a seed table where wanted chunks are, without looking at anything else (format: [`casync_core::catab`]).

use std::collections::VecDeque;
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;

use casync_core::Limits;
use casync_core::archive::Timestamp;
use casync_core::cache::FileIdentity;
use casync_core::catab::{CatabEvent, CatabHeader, CatabReader, CatabStep, SeedRoot};
use casync_core::chunk::ChunkSizes;
use casync_core::hash::DigestAlgorithm;
use rustix::fs::{self as os, Mode, OFlags};
use rustix::io::Errno;

use super::reader::open_file;
use super::{Content, Keys, Layout, Places, Seed};
use crate::cache::Identifier;
use crate::error::{Context as _, Error, Result};
use crate::flow::stop;
use crate::ui::log;

/// Bytes that are read at once.
const PIECE: usize = 256 << 10;

/// What is known of the files that the next chunks may have bytes of.
#[derive(Debug, Default)]
struct Files {
    parts: VecDeque<FilePart>,
    identifier: Identifier,
}

#[derive(Debug)]
struct FilePart {
    start: u64,
    end: u64,
    /// What it was and where it is, until that was looked at.
    recorded: Option<(FileIdentity, CString)>,
    /// Whether it is as it was.
    fits: bool,
}

/// The seed that a table describes, with the places of those chunks of `wanted` whose files are what they were. What it is
/// made of goes into `layout`, which is empty, as far as it fits `memory`.
///
/// # Errors
///
/// If the table cannot be read, is damaged or of another digest, what it is about is gone, or somebody wants to stop.
pub fn load_table(
    table: &OwnedFd,
    sizes: &ChunkSizes,
    algorithm: DigestAlgorithm,
    wanted: &Keys,
    mut layout: Layout,
    memory: u64,
) -> Result<Seed> {
    let mut input = File::from(rustix::io::fcntl_dupfd_cloexec(table, 3)?);
    let mut reader = CatabReader::new(&Limits::default());
    let (mut root, mut files) = (None, Files::default());
    let places = Places::new(wanted);
    let mut buffer = vec![0; PIECE];
    'table: loop {
        stop::check()?;
        let filled = input.read(&mut buffer).context(|| "read it")?;
        if filled == 0 {
            reader.finish()?;
            break;
        }
        let mut piece = &buffer[..filled];
        while let CatabStep::Did { used, event } = reader.step(piece)? {
            piece = &piece[used..];
            match event {
                CatabEvent::Header(header) => {
                    if header.algorithm() != algorithm {
                        return Err(Error::new(Errno::INVAL, "its chunks have another digest"));
                    }
                    if header.sizes != *sizes {
                        log::info(format_args!("A seed table was made with another chunk size, it will hardly help."));
                    }
                    root = Some(open_root(&header)?);
                }
                CatabEvent::Records(bytes) => layout.push_records(bytes),
                CatabEvent::File { identity, path } => {
                    files.push(layout.size(), identity, path);
                    let (seconds, nanoseconds) = identity.mtime;
                    layout.push_file(path, identity.size, Timestamp::from_unix(seconds, nanoseconds));
                }
                CatabEvent::Gap(size) => {
                    let start = layout.size();
                    files.parts.push_back(FilePart { start, end: start + size, recorded: None, fits: false });
                    layout.push_gap(size);
                }
                CatabEvent::Chunk { id, start, size } => {
                    files.forget(start);
                    if let Some((root, kind)) = &root
                        && wanted.contains(&id)
                        && files.fit(start + size, root, *kind)
                    {
                        places.note(&id, start);
                    }
                }
            }
            if layout.memory() > memory {
                log::info(format_args!(
                    "Only the first {} bytes of what a seed table describes are used; --memory= bounds that.",
                    layout.size()
                ));
                break 'table;
            }
        }
    }
    let (root, kind) = root.ok_or_else(|| Error::from(Errno::BADMSG))?;
    let content = match kind {
        RootKind::Tree => Content::Tree(root, layout),
        RootKind::File => Content::Blob(root),
    };
    Ok(Seed::guided(content, places))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RootKind {
    Tree,
    File,
}

/// Opens what a table is about.
fn open_root(header: &CatabHeader) -> Result<(OwnedFd, RootKind)> {
    let path = OsStr::from_bytes(header.root.path());
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NOFOLLOW;
    let (kind, flags) = match header.root {
        SeedRoot::Tree(_) => (RootKind::Tree, flags | OFlags::DIRECTORY),
        SeedRoot::File(_) => (RootKind::File, flags | OFlags::NONBLOCK),
    };
    let fd = os::open(path, flags, Mode::empty()).context(|| format!("open {path:?}, which it is about"))?;
    Ok((fd, kind))
}

impl Files {
    fn push(&mut self, start: u64, identity: FileIdentity, path: &[u8]) {
        let end = start + identity.size;
        let recorded = CString::new(path).ok().map(|path| (identity, path));
        self.parts.push_back(FilePart { start, end, recorded, fits: false });
    }

    /// No chunk comes any more that has bytes from before `start`.
    fn forget(&mut self, start: u64) {
        while self.parts.front().is_some_and(|part| part.end <= start) {
            self.parts.pop_front();
        }
    }

    /// Whether all files are what they were that the chunk has bytes of that ends at `end`. Each is looked at once.
    fn fit(&mut self, end: u64, root: &OwnedFd, kind: RootKind) -> bool {
        let identifier = &mut self.identifier;
        self.parts.iter_mut().take_while(|part| part.start < end).all(|part| {
            if let Some((identity, path)) = part.recorded.take() {
                part.fits = match kind {
                    RootKind::File => present(identifier, root),
                    RootKind::Tree => open_file(root, &path).ok().and_then(|file| present(identifier, &file)),
                } == Some(identity);
            }
            part.fits
        })
    }
}

/// What identifies a file now.
fn present(identifier: &mut Identifier, file: &OwnedFd) -> Option<FileIdentity> {
    let stat = os::fstat(file).ok()?;
    Some(identifier.identify_as(file.as_fd(), &stat))
}
