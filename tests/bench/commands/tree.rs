//! Trees of files: made of nothing, changed into a second version, listed.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write as _;
use std::ops::RangeInclusive;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use casync_tests::content::{Content, Kind};
use casync_tests::random::Rng;

use crate::interrupt;

/// How many in a thousand files are of which size.
pub(crate) type Sizes = [(u64, RangeInclusive<usize>)];

/// As in an installed system: a mean of 52 KB, most files far smaller, most bytes in few large ones.
pub(crate) const MIXED: &Sizes =
    &[(4, 1_000_000..=8_000_000), (40, 65_536..=1_000_000), (256, 8_192..=65_536), (700, 100..=8_192)];

/// As in a source tree.
pub(crate) const SMALL: &Sizes = &[(20, 16_384..=100_000), (280, 4_096..=16_384), (700, 50..=4_096)];

/// Makes a tree of so many files. It is the same for the same seed, times included.
pub(crate) fn make(root: &Path, files: usize, sizes: &Sizes, seed: u64) {
    let rng = &mut Rng::new(seed);
    let mut directories = vec![root.to_path_buf()];
    for number in 1..=files / 12 {
        let parent = rng.pick(&directories);
        // A tree gets no deeper than installed systems are.
        let parent = if parent.components().count() > root.components().count() + 7 { root } else { parent };
        directories.push(parent.join(format!("directory-{number}")));
    }
    for directory in &directories {
        fs::create_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    }
    for number in 0..files {
        interrupt::check();
        let path = rng.pick(&directories).join(format!("file-{number}"));
        // Every twentieth is a copy of another one.
        let seed = if rng.once_in(20) { rng.below(number as u64 + 1) } else { number as u64 };
        write_file(&path, sizes, seed);
        if rng.once_in(16) {
            symlink(path.file_name().expect("it has one"), path.with_extension("link")).expect("a symbolic link");
        }
    }
    for directory in directories.iter().rev() {
        set_time(&File::open(directory).expect("a directory"), rng);
    }
}

/// Makes the second version of a tree out of a copy: one file in twelve is changed, replaced, removed or new.
pub(crate) fn change(root: &Path) {
    for (number, path) in files(root).iter().enumerate() {
        interrupt::check();
        let seed = 1_000_000_000 + number as u64;
        let inserted = Content::new(Kind::Text, seed);
        match number % 100 {
            10 | 30 | 50 | 70 => rewrite(path, |bytes| splice(bytes, |middle| middle..middle + 64, inserted)),
            20 | 80 => rewrite(path, |bytes| splice(bytes, |_| 0..0, inserted)),
            40 => rewrite(path, |bytes| splice(bytes, |_| 0..usize::MAX, Content::new(Kind::Program, seed))),
            60 => fs::remove_file(path).expect("files can be removed"),
            90 => write_file(&path.with_extension("new"), MIXED, seed),
            _ => {}
        }
    }
}

/// Puts 64 bytes in the place of a range of bytes; of a range to the end of the file, as many as there were.
fn splice(bytes: &mut Vec<u8>, range: impl FnOnce(usize) -> std::ops::Range<usize>, mut content: Content) {
    let range = range(bytes.len() / 2);
    let length = if range.end == usize::MAX { bytes.len() } else { 64 };
    let mut new = Vec::new();
    content.append(length, &mut new);
    bytes.splice(range.start..range.end.min(bytes.len()), new);
}

/// A new file in the place of another: that one may be read-only, or have more names.
fn rewrite(path: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
    let permissions = fs::metadata(path).expect("it is there").permissions();
    let mut bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    edit(&mut bytes);
    fs::remove_file(path).expect("files can be removed");
    fs::write(path, bytes).expect("files can be written");
    fs::set_permissions(path, permissions).expect("an own file");
}

fn write_file(path: &Path, sizes: &Sizes, seed: u64) {
    let rng = &mut Rng::new(seed.wrapping_mul(0x1000_0001));
    let mut place = rng.below(1000);
    let (_, size) = sizes
        .iter()
        .find(|(share, _)| {
            let here = place < *share;
            place = place.saturating_sub(*share);
            here
        })
        .expect("the shares add up to 1000");
    let kind =
        *rng.pick(&[Kind::Text, Kind::Text, Kind::Text, Kind::Program, Kind::Program, Kind::Program, Kind::Noise]);
    let mut bytes = Vec::new();
    Content::new(kind, seed).append(rng.number(size.clone()), &mut bytes);
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).expect("a new file");
    file.write_all(&bytes).expect("data can be written");
    if rng.once_in(8) {
        file.set_permissions(Permissions::from_mode(0o755)).expect("an own file");
    }
    set_time(&file, rng);
}

fn set_time(file: &File, rng: &mut Rng) {
    let since = Duration::new(1_600_000_000 + rng.below(100_000_000), rng.below(1_000_000_000) as u32);
    file.set_modified(SystemTime::UNIX_EPOCH + since).expect("an own file");
}

/// All regular files below, in the order of their paths.
pub(crate) fn files(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut directories = vec![root.to_path_buf()];
    while let Some(directory) = directories.pop() {
        let entries = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        for entry in entries {
            let entry = entry.expect("a directory entry");
            let kind = entry.file_type().expect("what it is");
            if kind.is_dir() {
                directories.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    files
}

/// Bytes of all files.
pub(crate) fn size(root: &Path) -> u64 {
    files(root).iter().map(|file| fs::metadata(file).map_or(0, |metadata| metadata.len())).sum()
}
