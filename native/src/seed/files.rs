//! The regular files of a tree, to be found by size and modification time.

use std::ffi::CStr;
use std::ops::Range;

use casync_core::archive::Timestamp;

/// Files of a tree: 24 bytes for each, and its path.
#[derive(Debug, Default)]
pub struct Files {
    /// In ascending order once they are [sealed](Self::seal).
    entries: Vec<Entry>,
    /// Paths from the root, each with a NUL.
    paths: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    size: u64,
    mtime: Timestamp,
    /// Where its path starts.
    path: usize,
}

impl Files {
    /// Adds a file; the path must not hold a NUL.
    pub fn push(&mut self, path: &[u8], size: u64, mtime: Timestamp) {
        self.entries.push(Entry { size, mtime, path: self.paths.len() });
        self.paths.extend_from_slice(path);
        self.paths.push(0);
    }

    /// To be called when all files are there, before the first is looked for.
    pub fn seal(&mut self) {
        self.entries.sort_unstable();
    }

    /// Numbers of the files of this size that were modified at one of these times.
    pub fn find(&self, size: u64, times: &Range<Timestamp>) -> Range<usize> {
        let start = self.entries.partition_point(|entry| (entry.size, entry.mtime) < (size, times.start));
        let end = self.entries.partition_point(|entry| (entry.size, entry.mtime) < (size, times.end));
        start..end.max(start)
    }

    /// The path of a file from the root.
    pub fn path(&self, number: usize) -> Option<&CStr> {
        CStr::from_bytes_until_nul(self.paths.get(self.entries.get(number)?.path..)?).ok()
    }

    /// Bytes of memory that they take.
    pub fn memory(&self) -> u64 {
        (self.entries.len() * size_of::<Entry>() + self.paths.len()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_size_and_time() {
        let mut files = Files::default();
        let time = |seconds| Timestamp::from_unix(seconds, 0);
        for (path, size, seconds) in [("b", 5, 9), ("a/x", 5, 7), ("c", 5, 8), ("d", 6, 8), ("empty", 0, 8)] {
            files.push(path.as_bytes(), size, time(seconds));
        }
        files.seal();
        let found = |size, times: Range<i64>| {
            let numbers = files.find(size, &(time(times.start)..time(times.end)));
            numbers.map(|number| files.path(number).unwrap().to_str().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(found(5, 0..100), ["a/x", "c", "b"]);
        assert_eq!(found(5, 8..9), ["c"]);
        assert_eq!(found(0, 8..9), ["empty"]);
        assert_eq!(found(6, 9..9), [""; 0]);
        assert_eq!(found(7, 0..100), [""; 0]);
        assert_eq!(files.path(5), None);
    }
}
