//! Directories that are being filled.

use std::collections::HashSet;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use casync_core::Name;
use casync_core::archive::{FileType, Metadata};
use casync_core::record::FeatureFlags;
use rustix::fs::{self as os, Mode, OFlags};
use rustix::io::Errno;

use super::place::Place;
use super::{ApplyOptions, existing};
use crate::error::{Context as _, Error, Result};
use crate::fs::beneath::{self, Mounts};
use crate::fs::meta::{Inherited, MetadataWriter, Node as Finished};
use crate::fs::output::Durability;
use crate::sys;
use crate::ui::log;

/// A directory whose entries are coming.
#[derive(Debug)]
pub(super) struct OpenDirectory {
    fd: OwnedFd,
    place: Option<Place>,
    /// `None` if the directory itself is not part of the archive.
    metadata: Option<Metadata>,
    /// Whether this run has made it, so that nothing foreign is in it.
    fresh: bool,
    /// Names that the archive has, of a directory that was there before.
    seen: HashSet<Box<[u8]>>,
    /// Whether it lies on another file system than the target; nothing is removed from it then.
    foreign: bool,
    inherited: Inherited,
}

impl OpenDirectory {
    /// The directory that the archive's root becomes.
    pub(super) fn root(fd: OwnedFd, fresh: bool, metadata: Metadata) -> Result<Self> {
        Ok(Self { metadata: Some(metadata), fresh, ..Self::container(fd)? })
    }

    /// A directory that is only the place for what is extracted.
    pub(super) fn container(fd: OwnedFd) -> Result<Self> {
        let inherited = Self::inherited_of(&fd)?;
        Ok(Self { fd, place: None, metadata: None, fresh: false, seen: HashSet::new(), foreign: false, inherited })
    }

    /// Makes a directory in `parent`, or enters the one that is there.
    pub(super) fn make(parent: &Self, name: &Name, metadata: &Metadata, options: &ApplyOptions) -> Result<Self> {
        let subvolume = FeatureFlags::SUBVOLUME;
        let subvolume = options.features.contains(subvolume) && metadata.flags.contains(subvolume);
        let mut place = Place::final_name(name);
        let made = create(parent, &place, subvolume, options);
        let mut foreign = parent.foreign;
        let (fd, fresh) = match made {
            Ok(()) => (open(parent, &place, Mounts::Refuse)?, true),
            Err(Errno::EXIST) if !parent.fresh => match enter(parent, &place) {
                Ok((fd, is_mount)) => {
                    foreign |= is_mount;
                    existing::unlock(fd.as_fd(), options)?;
                    (fd, false)
                }
                // Something else is in the way; it goes when the directory is complete.
                Err(Errno::NOTDIR | Errno::LOOP) => {
                    place = Place::temporary(name);
                    create(parent, &place, subvolume, options)?;
                    (open(parent, &place, Mounts::Refuse)?, true)
                }
                Err(errno) => return Err(errno.into()),
            },
            Err(errno) if subvolume => {
                let hint = "leave it out with --without=subvolume --without=subvolume-ro, or see --best-effort";
                return Err(Error::from(errno).context("make the subvolume").hint(hint));
            }
            Err(errno) => return Err(Error::from(errno).context("make the directory")),
        };
        let inherited = if fresh { parent.inherited.clone() } else { Self::inherited_of(&fd)? };
        Ok(Self {
            fd,
            place: Some(place),
            metadata: Some(metadata.clone()),
            fresh,
            seen: HashSet::new(),
            foreign,
            inherited,
        })
    }

    fn inherited_of(fd: &OwnedFd) -> Result<Inherited> {
        Ok(Inherited::from_directory(fd.as_fd(), &os::fstat(fd)?))
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(super) const fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Whether nobody but its owner can reach what is in it: fresh directories get their mode at the end. The target
    /// itself may be fresh and open.
    pub(super) const fn is_closed(&self) -> bool {
        self.fresh && self.place.is_some()
    }

    pub(super) const fn inherited(&self) -> &Inherited {
        &self.inherited
    }

    /// Takes note of an entry of the archive.
    pub(super) fn saw(&mut self, name: &Name) {
        if !self.fresh && self.metadata.is_some() {
            self.seen.insert(name.as_bytes().into());
        }
    }

    /// Ends the directory: removes what the archive does not have, sets its metadata and gives it its name.
    pub(super) fn finish(
        &mut self,
        parent: Option<&Self>,
        metadata: &mut MetadataWriter,
        options: &ApplyOptions,
        path: &[u8],
    ) -> Result<()> {
        let Some(stored) = &self.metadata else { return Ok(()) };
        if options.delete && !self.fresh {
            let strangers = existing::strangers(self.fd(), &self.seen)?;
            if self.foreign && !strangers.is_empty() {
                let (count, path) = (strangers.len(), String::from_utf8_lossy(path));
                log::info(format_args!(
                    "Not removing {count} entries of {path:?}, another file system than the output."
                ));
            } else {
                existing::remove(self.fd(), &strangers, options)?;
            }
        }
        let mode = metadata.mode(stored, FileType::Directory);
        let node = Finished { file: self.fd.as_fd(), file_type: FileType::Directory, metadata: stored, mode };
        // Whatever is there has to be compared: the root may be older than this run, and so may any other.
        metadata.finish(&node, None)?;
        if let (Some(place), Some(parent)) = (&mut self.place, parent) {
            place.install(parent, options)?;
        }
        metadata.late(&node, !self.fresh || self.inherited.flags)?;
        if options.durability == Durability::Each {
            os::fsync(&self.fd).context(|| "write it to the disk")?;
        }
        Ok(())
    }

    /// Removes the directory if it has only a temporary name.
    pub(super) fn discard(&self, parent: &Self) {
        if let Some(place) = &self.place {
            place.discard(parent);
        }
    }
}

fn create(parent: &OpenDirectory, place: &Place, subvolume: bool, options: &ApplyOptions) -> Result<(), Errno> {
    if subvolume {
        match sys::subvolume_create(parent.fd(), place.name().to_bytes()) {
            // That it is none is counted when it is complete.
            Err(errno) if options.best_effort && errno != Errno::EXIST => {}
            made => return made,
        }
    }
    os::mkdirat(parent.fd(), place.name(), Mode::from_raw_mode(0o700))
}

fn open(parent: &OpenDirectory, place: &Place, mounts: Mounts) -> Result<OwnedFd, Errno> {
    beneath::open(parent.fd(), place.name(), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty(), mounts)
}

/// Opens a directory that was there before. True: something else is mounted there.
fn enter(parent: &OpenDirectory, place: &Place) -> Result<(OwnedFd, bool), Errno> {
    let mut entered = open(parent, place, Mounts::Refuse).map(|fd| (fd, false));
    if entered.as_ref().err() == Some(&Errno::ACCESS) {
        existing::make_readable(parent.fd(), place.name())?;
        entered = open(parent, place, Mounts::Refuse).map(|fd| (fd, false));
    }
    match entered {
        Err(Errno::XDEV) => open(parent, place, Mounts::Enter).map(|fd| (fd, true)),
        entered => entered,
    }
}
