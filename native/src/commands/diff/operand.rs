//! What is compared.

use std::ffi::OsString;
use std::os::fd::OwnedFd;

use super::super::input::{Input, Operand, what_of_suffix};
use super::super::stores;
use crate::cli::{Options, What};
use crate::error::{Context as _, Error, Result};
use crate::flow::input::Index;
use crate::fs::blob::{self, Kind};
use crate::remote::spool;
use crate::store::Chain;

/// One side of a comparison.
pub(super) enum Compared {
    Tree(Tree),
    Blob(Blob),
}

pub(super) enum Tree {
    Directory(OwnedFd),
    Archive(OwnedFd),
    Index { index: Box<Index>, chain: Chain },
}

pub(super) enum Blob {
    File { fd: OwnedFd, size: u64 },
    Index { index: Box<Index>, chain: Chain },
}

impl Compared {
    /// Opens an operand; its suffix or `--what=` says what it is, else the type of what is there.
    pub(super) fn open(operand: &OsString, options: &Options) -> Result<Self> {
        let shown = operand.to_string_lossy();
        let operand = Operand::parse(Some(operand), options, "Failed to determine type of locator")?;
        let what = options.what.or_else(|| what_of_suffix(operand.suffix()));
        let fd = match (operand.input(None, true)?, what) {
            (Input::Local(fd), _) => fd,
            (Input::Remote(file), Some(What::ArchiveIndex | What::BlobIndex)) => spool::fetch(&*file)?,
            // Archives and images may be large.
            (Input::Remote(file), _) => spool::fetch_large(&*file)?,
        };
        let kind = Kind::of(&fd)?;
        let what = what.filter(|_| kind != Kind::Directory);
        let index = |fd| -> Result<(Box<Index>, Chain)> {
            let index = Index::open(fd).context(|| format!("read the index {shown:?}"))?;
            Ok((Box::new(index), stores::for_reading(options, operand.locator())?))
        };
        Ok(match (what, kind) {
            (_, Kind::Other) => return Err(refused(&shown)),
            (_, Kind::Directory) => Self::Tree(Tree::Directory(fd)),
            (Some(What::Directory), _) => {
                return Err(Error::headline("Input is a regular file, but attempted to list it as directory."));
            }
            (Some(What::Archive), _) => Self::Tree(Tree::Archive(fd)),
            (Some(What::ArchiveIndex), _) => {
                let (index, chain) = index(fd)?;
                Self::Tree(Tree::Index { index, chain })
            }
            (Some(What::BlobIndex), _) => {
                let (index, chain) = index(fd)?;
                Self::Blob(Blob::Index { index, chain })
            }
            (Some(What::Blob) | None, Kind::File | Kind::BlockDevice) => {
                let size = blob::stored_size(&fd, kind)?.unwrap_or_default();
                Self::Blob(Blob::File { fd, size })
            }
            (Some(What::Blob) | None, Kind::Pipe) => return Err(refused(&shown)),
        })
    }
}

fn refused(shown: &str) -> Error {
    Error::headline(format!("{shown} is neither a directory, a regular file, nor a block device. Refusing."))
}
