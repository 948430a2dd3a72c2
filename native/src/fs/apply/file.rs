//! Regular files that are being written.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use casync_core::Name;
use casync_core::archive::{FileType, Metadata};
use rustix::fs::{self as os, Mode, OFlags, Stat};

use super::directory::OpenDirectory;
use super::place::Place;
use super::{ApplyOptions, Twin};
use crate::error::{Context as _, Result};
use crate::fs::beneath::{self, Mounts};
use crate::fs::meta::{Created, MetadataWriter, Node as Finished};
use crate::fs::output::Durability;
use crate::fs::{blob, holes};

/// A file whose payload is coming.
#[derive(Debug)]
pub(super) struct OutputFile {
    fd: OwnedFd,
    place: Place,
    metadata: Metadata,
    /// Permission bits that it is to have.
    mode: u32,
    /// Permission bits that it was made with.
    created_mode: u32,
    size: u64,
    written: u64,
    /// Where the file ends so far; behind lie holes.
    length: u64,
}

impl OutputFile {
    pub(super) fn create(
        parent: &OpenDirectory,
        name: &Name,
        metadata: &Metadata,
        size: u64,
        mode: u32,
    ) -> Result<Self> {
        let place = Place::choose(parent, name);
        // Read as well: by who compares it with files of seeds.
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOCTTY;
        // The final permissions at once where nobody else can reach the file before it is complete; set-id bits never.
        let created_mode = if parent.is_closed() { mode & 0o777 | 0o200 } else { 0o600 };
        let fd = beneath::open(parent.fd(), place.name(), flags, Mode::from_raw_mode(created_mode), Mounts::Refuse)
            .context(|| "create the file")?;
        Ok(Self { fd, place, metadata: metadata.clone(), mode, created_mode, size, written: 0, length: 0 })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Writes the next payload; returns how many bytes of it became holes.
    pub(super) fn write(&mut self, bytes: &[u8], punch_holes: bool) -> Result<u64> {
        let start = self.written;
        self.written += bytes.len() as u64;
        if !punch_holes {
            self.write_at(bytes, start)?;
            return Ok(0);
        }
        let mut data = 0;
        for range in holes::data_ranges(bytes, start) {
            data += range.len() as u64;
            self.write_at(&bytes[range.clone()], start + range.start as u64)?;
        }
        Ok(bytes.len() as u64 - data)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> Result<()> {
        if !bytes.is_empty() {
            blob::write_all_at(&self.fd, bytes, offset)?;
            self.length = offset + bytes.len() as u64;
        }
        Ok(())
    }

    /// Ends the file: its size, its metadata, its name.
    pub(super) fn finish(
        &mut self,
        parent: &OpenDirectory,
        metadata: &mut MetadataWriter,
        options: &ApplyOptions,
    ) -> Result<()> {
        self.extend()?;
        let node =
            Finished { file: self.fd.as_fd(), file_type: FileType::Regular, metadata: &self.metadata, mode: self.mode };
        metadata.finish(&node, Some(&Created { mode: self.created_mode, inherited: parent.inherited() }))?;
        if options.durability == Durability::Each {
            os::fsync(&self.fd).context(|| "write it to the disk")?;
        }
        self.place.install(parent, options)?;
        metadata.late(&node, parent.inherited().flags)
    }

    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    pub(super) const fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Whether another file could stand here as well: whether its metadata is all that this one is to have.
    pub(super) fn is_like(
        &self,
        file: BorrowedFd<'_>,
        stat: &Stat,
        parent: &OpenDirectory,
        metadata: &mut MetadataWriter,
    ) -> Result<bool> {
        metadata.is_finished(file, stat, &self.metadata, self.mode, parent.inherited())
    }

    /// Makes the name a link to another file. False: that is not possible.
    pub(super) fn link(&mut self, twin: &Twin, parent: &OpenDirectory, options: &ApplyOptions) -> Result<bool> {
        if options.durability == Durability::Each {
            os::fsync(&twin.file).context(|| "write it to the disk")?;
        }
        self.place.link(twin, parent, options)
    }

    /// Sets the size, whatever was written.
    pub(super) fn extend(&mut self) -> Result<()> {
        if self.length < self.size {
            os::ftruncate(&self.fd, self.size).context(|| "set the size")?;
            self.length = self.size;
        }
        Ok(())
    }

    /// Removes what was written.
    pub(super) fn discard(self, parent: &OpenDirectory) {
        if parent.is_fresh() {
            // It has its final name already, but not its contents.
            let _ = os::unlinkat(parent.fd(), self.place.name(), os::AtFlags::empty());
        } else {
            self.place.discard(parent);
        }
    }
}
