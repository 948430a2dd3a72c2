//! The entries of one directory, sorted as archives have them.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use casync_core::archive::FileType;
use rustix::fs::{FileType as OsFileType, RawDir};
use rustix::io::Errno;

/// Names and types, in ascending order of the names' bytes.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// All names, each with its NUL.
    names: Vec<u8>,
    entries: Vec<Entry>,
    next: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    start: usize,
    /// Length of the name without its NUL.
    length: usize,
    /// `None` if the file system does not tell.
    file_type: Option<FileType>,
}

impl Listing {
    /// Reads a directory to its end.
    pub(super) fn read(directory: &OwnedFd) -> Result<Self, Errno> {
        // As large as getdents64 fills in one call.
        let mut space = [MaybeUninit::uninit(); 32 << 10];
        let mut listing = Self::default();
        let mut entries = RawDir::new(directory, &mut space);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let start = listing.names.len();
            listing.names.extend_from_slice(name.to_bytes_with_nul());
            let file_type = file_type(entry.file_type());
            listing.entries.push(Entry { start, length: name.to_bytes().len(), file_type });
        }
        let names = &listing.names;
        let name = |entry: &Entry| &names[entry.start..entry.start + entry.length];
        listing.entries.sort_unstable_by(|a, b| name(a).cmp(name(b)));
        Ok(listing)
    }

    /// Whether there is an entry of this name.
    pub(super) fn contains(&self, name: &[u8]) -> bool {
        let found = |entry: &Entry| self.names[entry.start..entry.start + entry.length].cmp(name);
        self.entries.binary_search_by(found).is_ok()
    }

    /// The next entry.
    pub(super) fn next(&mut self) -> Option<(&CStr, Option<FileType>)> {
        let entry = *self.entries.get(self.next)?;
        self.next += 1;
        let name = &self.names[entry.start..=entry.start + entry.length];
        let name = CStr::from_bytes_with_nul(name).expect("because names were copied with their NUL");
        Some((name, entry.file_type))
    }
}

const fn file_type(found: OsFileType) -> Option<FileType> {
    match found {
        OsFileType::RegularFile => Some(FileType::Regular),
        OsFileType::Directory => Some(FileType::Directory),
        OsFileType::Symlink => Some(FileType::Symlink),
        OsFileType::Fifo => Some(FileType::Fifo),
        OsFileType::Socket => Some(FileType::Socket),
        OsFileType::CharacterDevice => Some(FileType::Character),
        OsFileType::BlockDevice => Some(FileType::Block),
        OsFileType::Unknown => None,
    }
}
