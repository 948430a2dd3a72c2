//! Which file each byte of a tree's archive is in.

use std::ffi::CStr;
use std::ops::Range;

use casync_core::archive::Timestamp;

use super::Files;

/// The archive of a tree as a list of parts: payload, which stays in the files, and the records between them, which are
/// held.
#[derive(Debug, Default)]
pub struct Layout {
    parts: Vec<(u64, Place)>,
    records: Vec<u8>,
    /// Paths of files from the root, each with a NUL.
    paths: Vec<u8>,
    size: u64,
    /// The files by size and time, if whole files are wanted.
    files: Option<Files>,
}

/// Where the bytes of a part are.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// At an offset of `records`.
    Records(usize),
    /// In the file whose path is at an offset of `paths`, from its start.
    File(usize),
    /// Nowhere.
    Gap,
}

/// A piece of an archive.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// These bytes.
    Records(&'a [u8]),
    /// So many bytes of a file.
    File {
        /// Path from the root of the tree.
        path: &'a CStr,
        /// Where they are in the file.
        range: Range<u64>,
    },
    /// So many bytes that cannot be had.
    Gap(u64),
}

impl Layout {
    /// An empty archive whose files can be found as a whole, too.
    pub fn with_files() -> Self {
        Self { files: Some(Files::default()), ..Self::default() }
    }

    /// Adds records.
    pub fn push_records(&mut self, bytes: &[u8]) {
        if !matches!(self.parts.last(), Some((_, Place::Records(_)))) && !bytes.is_empty() {
            self.parts.push((self.size, Place::Records(self.records.len())));
        }
        self.records.extend_from_slice(bytes);
        self.size += bytes.len() as u64;
    }

    /// Adds a file, and its payload; the path must not hold a NUL.
    pub fn push_file(&mut self, path: &[u8], size: u64, mtime: Timestamp) {
        if let Some(files) = &mut self.files {
            files.push(path, size, mtime);
        }
        if size > 0 {
            self.parts.push((self.size, Place::File(self.paths.len())));
            self.paths.extend_from_slice(path);
            self.paths.push(0);
            self.size += size;
        }
    }

    /// Adds bytes that cannot be had.
    pub fn push_gap(&mut self, size: u64) {
        if size > 0 {
            self.parts.push((self.size, Place::Gap));
            self.size += size;
        }
    }

    /// Bytes in the archive.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// To be called when everything was added.
    pub fn seal(&mut self) {
        self.files.iter_mut().for_each(Files::seal);
    }

    /// The files, if whole files are wanted.
    pub const fn files(&self) -> Option<&Files> {
        self.files.as_ref()
    }

    /// Bytes of memory that it takes.
    pub fn memory(&self) -> u64 {
        let parts = self.parts.len() * size_of::<(u64, Place)>();
        (parts + self.records.len() + self.paths.len()) as u64 + self.files.as_ref().map_or(0, Files::memory)
    }

    /// What a range of the archive is made of; ends early where the archive does.
    pub fn parts(&self, range: Range<u64>) -> impl Iterator<Item = Part<'_>> {
        let first = self.parts.partition_point(|(start, _)| *start <= range.start).saturating_sub(1);
        let ends = self.parts.iter().skip(first + 1).map(|(start, _)| *start).chain([self.size]);
        let parts = self.parts[first.min(self.parts.len())..].iter().zip(ends);
        let Range { start: from, end: to } = range;
        parts.take_while(move |((start, _), _)| *start < to).filter_map(move |((start, place), end)| {
            let range = from.max(*start) - start..to.min(end).checked_sub(*start)?;
            if range.is_empty() {
                return None;
            }
            Some(match place {
                Place::Records(at) => {
                    Part::Records(self.records.get(at + range.start as usize..at + range.end as usize)?)
                }
                Place::Gap => Part::Gap(range.end - range.start),
                Place::File(at) => Part::File { path: CStr::from_bytes_until_nul(self.paths.get(*at..)?).ok()?, range },
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Layout {
        let mut layout = Layout::default();
        layout.push_records(b"root");
        layout.push_records(b"-a:");
        layout.push_file(b"a", 10, Timestamp::default());
        layout.push_file(b"empty", 0, Timestamp::default());
        layout.push_file(b"dir/b", 5, Timestamp::default());
        layout.push_gap(0);
        layout.push_gap(4);
        layout.push_records(b"bye");
        layout
    }

    fn shown(range: Range<u64>) -> String {
        let layout = layout();
        let parts = layout.parts(range).map(|part| match part {
            Part::Records(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Part::File { path, range } => format!("{}[{}..{}]", path.to_string_lossy(), range.start, range.end),
            Part::Gap(size) => format!("({size})"),
        });
        parts.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn ranges_are_made_of_records_and_pieces_of_files() {
        assert_eq!(layout().size(), 29);
        assert_eq!(shown(0..29), "root-a: a[0..10] dir/b[0..5] (4) bye");
        assert_eq!(shown(0..3), "roo");
        assert_eq!(shown(5..7), "a:");
        assert_eq!(shown(7..17), "a[0..10]");
        assert_eq!(shown(9..18), "a[2..10] dir/b[0..1]");
        assert_eq!(shown(21..27), "dir/b[4..5] (4) b");
        assert_eq!(shown(23..25), "(2)");
        assert_eq!(shown(28..100), "e");
        assert_eq!(shown(29..100), "");
        assert_eq!(shown(8..8), "");
        assert_eq!(Layout::default().parts(0..9).count(), 0);
    }

    #[test]
    fn every_range_has_as_many_bytes_as_it_says() {
        let layout = layout();
        for start in 0..=layout.size() {
            for end in start..=layout.size() {
                let length = |part| match part {
                    Part::Records(bytes) => bytes.len() as u64,
                    Part::File { range, .. } => range.end - range.start,
                    Part::Gap(size) => size,
                };
                assert_eq!(layout.parts(start..end).map(length).sum::<u64>(), end - start, "{start}..{end}");
            }
        }
    }
}
