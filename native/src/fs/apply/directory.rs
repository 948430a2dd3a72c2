//! Directories that are being filled.

use std::collections::HashSet;
use std::ffi::CString;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use casync_core::Name;
use casync_core::archive::{FileType, Metadata};
use casync_core::record::FeatureFlags;
use rustix::fs::{self as os, Mode, OFlags, RawDir};
use rustix::io::Errno;

use super::ApplyOptions;
use super::place::Place;
use crate::error::{Context as _, Error, Result};
use crate::fs::meta::{Inherited, MetadataWriter, Node as Finished};
use crate::fs::remove;
use crate::sys;

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
    device: u64,
    inherited: Inherited,
}

impl OpenDirectory {
    /// The directory that the archive's root becomes.
    pub(super) fn root(fd: OwnedFd, fresh: bool, metadata: Metadata) -> Result<Self> {
        Ok(Self { metadata: Some(metadata), fresh, ..Self::container(fd)? })
    }

    /// A directory that is only the place for what is extracted.
    pub(super) fn container(fd: OwnedFd) -> Result<Self> {
        let stat = os::fstat(&fd)?;
        let inherited = Inherited::from_directory(fd.as_fd(), &stat);
        let device = stat.st_dev;
        Ok(Self { fd, place: None, metadata: None, fresh: false, seen: HashSet::new(), device, inherited })
    }

    /// Makes a directory in `parent`, or enters the one that is there.
    pub(super) fn make(parent: &Self, name: &Name, metadata: &Metadata, options: &ApplyOptions) -> Result<Self> {
        let subvolume = FeatureFlags::SUBVOLUME;
        let subvolume = options.features.contains(subvolume) && metadata.flags.contains(subvolume);
        let mut place = Place::final_name(name);
        let made = create(parent, &place, subvolume);
        let (fd, fresh) = match made {
            Ok(()) => (open(parent, &place)?, true),
            Err(Errno::EXIST) if !parent.fresh => match open(parent, &place) {
                Ok(fd) => (fd, false),
                // Something else is in the way; it goes when the directory is complete.
                Err(Errno::NOTDIR | Errno::LOOP) => {
                    place = Place::temporary(name);
                    create(parent, &place, subvolume)?;
                    (open(parent, &place)?, true)
                }
                Err(errno) => return Err(errno.into()),
            },
            Err(errno) => return Err(Error::from(errno).context("make the directory")),
        };
        let inherited = if fresh { parent.inherited.clone() } else { Self::inherited_of(&fd)? };
        let device = if fresh { parent.device } else { os::fstat(&fd)?.st_dev };
        Ok(Self {
            fd,
            place: Some(place),
            metadata: Some(metadata.clone()),
            fresh,
            seen: HashSet::new(),
            device,
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

    pub(super) const fn device(&self) -> u64 {
        self.device
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
    ) -> Result<()> {
        let Some(stored) = &self.metadata else { return Ok(()) };
        if options.delete && !self.fresh {
            self.delete_strangers(options)?;
        }
        let mode = metadata.mode(stored, FileType::Directory);
        let node = Finished { file: self.fd.as_fd(), file_type: FileType::Directory, metadata: stored, mode };
        // Whatever is there has to be compared: the root may be older than this run, and so may any other.
        metadata.finish(&node, None)?;
        if let (Some(place), Some(parent)) = (&mut self.place, parent) {
            place.install(parent, options)?;
        }
        metadata.late(&node, !self.fresh || self.inherited.flags)
    }

    /// Removes the directory if it has only a temporary name.
    pub(super) fn discard(&self, parent: &Self) {
        if let Some(place) = &self.place {
            place.discard(parent);
        }
    }

    fn delete_strangers(&self, options: &ApplyOptions) -> Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let listed = os::openat(&self.fd, c".", flags, Mode::empty())?;
        let mut strangers: Vec<CString> = Vec::new();
        let mut space = Vec::with_capacity(32 << 10);
        let mut entries = RawDir::new(&listed, space.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            if !matches!(name.to_bytes(), b"." | b"..") && !self.seen.contains(name.to_bytes()) {
                strangers.push(name.to_owned());
            }
        }
        for name in strangers {
            remove::entry(self.fd.as_fd(), &name, self.device, options.undo_immutable)
                .context(|| format!("remove {:?}, which is not in the archive", name.to_string_lossy()))?;
        }
        Ok(())
    }
}

fn create(parent: &OpenDirectory, place: &Place, subvolume: bool) -> Result<(), Errno> {
    if subvolume {
        sys::subvolume_create(parent.fd(), place.name().to_bytes())
    } else {
        os::mkdirat(parent.fd(), place.name(), Mode::from_raw_mode(0o700))
    }
}

fn open(parent: &OpenDirectory, place: &Place) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    os::openat(parent.fd(), place.name(), flags, Mode::empty())
}
