//! Makes files of an extracted tree links to equal files of seeds, for `--hardlink=yes` (spec: seeds-and-cache.md 5).
//!
//! ```text
//! complete file -> files of its size and time in seeds -> same metadata? -> same content? -> link to the open file
//! ```
//!
//! A file is a link only to what was found, right before, to have every byte and every restored attribute: seeds are
//! remembered by nothing but size and time, and what they have is looked at when it is needed. Nothing is ever set on a file
//! of a seed. Where a link is not possible the file stays a file.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::Arc;

use casync_core::hash::{Digest, DigestAlgorithm, Hasher};
use rustix::fs as os;

use super::stop;
use crate::error::Result;
use crate::fs::apply::{TreeWriter, Twin, Wanted};
use crate::fs::blob;
use crate::seed::{Files, Seeds, open_file};
use crate::ui::Counters;

/// Bytes that are compared at once.
const PIECE: usize = 128 << 10;
/// So many files of one size and time are compared one by one; more are told apart by their digests first.
const FEW: usize = 4;

/// Finds files of seeds that are equal to those of an archive.
#[derive(Debug)]
pub struct Linker {
    seeds: Arc<Seeds>,
    counters: Arc<Counters>,
    /// Digests of files that have size and time in common with many, by seed and first number. Each is read once.
    groups: HashMap<(usize, usize), BTreeMap<[u8; Digest::LEN], Vec<usize>>>,
    left: Vec<u8>,
    right: Vec<u8>,
}

impl Linker {
    /// For trees that are extracted with these seeds.
    pub fn new(seeds: Arc<Seeds>, counters: Arc<Counters>) -> Self {
        Self { seeds, counters, groups: HashMap::new(), left: vec![0; PIECE], right: vec![0; PIECE] }
    }

    /// Ends the file under way as a link to an equal one; false if there is none, or it cannot be linked.
    ///
    /// # Errors
    ///
    /// If the output cannot be read or changed, or somebody wants to stop.
    pub fn link(&mut self, writer: &mut TreeWriter) -> Result<bool> {
        let Some(Wanted { path, size, times, content }) = writer.wanted()? else { return Ok(false) };
        let path = CString::new(path).unwrap_or_default();
        let content = rustix::io::fcntl_dupfd_cloexec(content, 3)?;
        let seeds = Arc::clone(&self.seeds);
        for (seed, root, files) in seeds.files() {
            stop::check()?;
            let group = files.find(size, &times);
            if group.is_empty() {
                continue;
            }
            // What has the same name is most likely the same.
            let mut twin = self.compare(root, &path, size, &content, writer)?;
            let numbers = match twin {
                Some(_) => Vec::new(),
                None if group.len() <= FEW => group.collect(),
                None => self.of_digest(seed, root, files, group, &content),
            };
            let mut others =
                numbers.into_iter().filter_map(|number| files.path(number)).filter(|other| **other != *path);
            while twin.is_none()
                && let Some(other) = others.next()
            {
                twin = self.compare(root, other, size, &content, writer)?;
            }
            if let Some(twin) = twin
                && writer.leave_as_link(&twin)?
            {
                Counters::add(&self.counters.linked_bytes, size);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The file at `path` if it is what is being made.
    fn compare(
        &mut self,
        root: &OwnedFd,
        path: &CStr,
        size: u64,
        content: &OwnedFd,
        writer: &mut TreeWriter,
    ) -> Result<Option<Twin>> {
        let Ok(file) = open_file(root, path) else { return Ok(None) };
        let Ok(stat) = os::fstat(&file) else { return Ok(None) };
        if stat.st_size as u64 != size || !writer.accepts(file.as_fd(), &stat)? {
            return Ok(None);
        }
        let twin = Twin { file, stat };
        let same = self.same_content(twin.file.as_fd(), content.as_fd(), size) && twin.is_unchanged();
        Ok(same.then_some(twin))
    }

    fn same_content(&mut self, left: BorrowedFd<'_>, right: BorrowedFd<'_>, size: u64) -> bool {
        let mut offset = 0;
        while offset < size {
            let length = usize::try_from(size - offset).unwrap_or(PIECE).min(PIECE);
            let (left_bytes, right_bytes) = (&mut self.left[..length], &mut self.right[..length]);
            let read = |file, bytes: &mut [u8]| blob::read_at(file, bytes, offset).is_ok_and(|filled| filled == length);
            let both = read(left, left_bytes) && read(right, right_bytes);
            if !both || left_bytes != right_bytes || stop::check().is_err() {
                return false;
            }
            offset += length as u64;
        }
        true
    }

    /// Numbers of files of a large group that had the same content when they were first looked at.
    fn of_digest(
        &mut self,
        seed: usize,
        root: &OwnedFd,
        files: &Files,
        group: std::ops::Range<usize>,
        content: &OwnedFd,
    ) -> Vec<usize> {
        let key = (seed, group.start);
        if !self.groups.contains_key(&key) {
            let mut digests: BTreeMap<_, Vec<usize>> = BTreeMap::new();
            for number in group {
                let file = files.path(number).and_then(|path| open_file(root, path).ok());
                if let Some(digest) = file.and_then(|file| self.digest(file.as_fd())) {
                    digests.entry(digest).or_default().push(number);
                }
            }
            self.groups.insert(key, digests);
        }
        let wanted = self.digest(content.as_fd());
        let found = wanted.and_then(|digest| self.groups.get(&key)?.get(&digest));
        // Others of the same content and time may have another owner or mode; not all of thousands are tried.
        found.map(|numbers| numbers.iter().take(4 * FEW).copied().collect()).unwrap_or_default()
    }

    fn digest(&mut self, file: BorrowedFd<'_>) -> Option<[u8; Digest::LEN]> {
        let mut hasher = Hasher::new(DigestAlgorithm::default());
        let mut offset = 0;
        loop {
            stop::check().ok()?;
            let filled = blob::read_at(file, &mut self.left, offset).ok()?;
            if filled == 0 {
                return Some(*hasher.finish().as_bytes());
            }
            hasher.update(&self.left[..filled]);
            offset += filled as u64;
        }
    }
}
