//! What commands run on: made when first needed, gone when no longer.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use casync_tests::content::{Content, Kind};

use crate::lab::{Lab, remove};
use crate::options::Options;
use crate::{interrupt, report, tree};

/// Something in the directory `data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// `first`: a tree.
    First,
    /// `second`: a later version of it.
    Second,
    /// `small`: a tree of small files.
    Small,
    /// `image`: a disk image with the files of the first tree.
    Image,
    /// `next`: a later version of the image.
    Next,
    /// `random`: noise.
    Random,
    /// `zeros`: little among many zeros.
    Zeros,
    /// `first.caidx` with `first.castr`.
    FirstIndex,
    /// `first.catar`.
    FirstArchive,
    /// `small.caidx` with `small.castr`.
    SmallIndex,
    /// `image.caibx` with `image.castr`.
    ImageIndex,
    /// `next.caibx` with `next.castr`.
    NextIndex,
    /// `second.caidx` with `second.castr`.
    SecondIndex,
    /// `first.tar.zst`.
    FirstTar,
    /// `small.tar.zst`.
    SmallTar,
    /// `image.zst`.
    ImageZst,
}

impl Data {
    /// What it is made of.
    fn source(self) -> Option<Self> {
        match self {
            Self::Second | Self::Image | Self::FirstIndex | Self::FirstArchive | Self::FirstTar => Some(Self::First),
            Self::SmallIndex | Self::SmallTar => Some(Self::Small),
            Self::ImageIndex | Self::ImageZst | Self::Next => Some(Self::Image),
            Self::NextIndex => Some(Self::Next),
            Self::SecondIndex => Some(Self::Second),
            Self::First | Self::Small | Self::Random | Self::Zeros => None,
        }
    }

    /// Files and directories of it.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::First => &["first"],
            Self::Second => &["second"],
            Self::Small => &["small"],
            Self::Image => &["image"],
            Self::Next => &["next"],
            Self::Random => &["random"],
            Self::Zeros => &["zeros"],
            Self::FirstIndex => &["first.caidx", "first.castr"],
            Self::FirstArchive => &["first.catar"],
            Self::SmallIndex => &["small.caidx", "small.castr"],
            Self::ImageIndex => &["image.caibx", "image.castr"],
            Self::NextIndex => &["next.caibx", "next.castr"],
            Self::SecondIndex => &["second.caidx", "second.castr"],
            Self::FirstTar => &["first.tar.zst"],
            Self::SmallTar => &["small.tar.zst"],
            Self::ImageZst => &["image.zst"],
        }
    }
}

/// How much of everything.
#[derive(Debug)]
pub(crate) struct Scale {
    /// Files of the tree.
    files: usize,
    /// Files of the tree of small files.
    small_files: usize,
    /// Bytes of noise.
    random: u64,
    /// Bytes that are mostly zeros.
    zeros: u64,
}

impl Scale {
    /// Just enough for every command to have something to do.
    pub(crate) const SMOKE: Self = Self { files: 150, small_files: 150, random: 4 << 20, zeros: 16 << 20 };
    /// Seconds for each run of the slower program.
    pub(crate) const SMALL: Self = Self { files: 3_200, small_files: 4_000, random: 128 << 20, zeros: 512 << 20 };
    /// As the goals were set for.
    pub(crate) const FULL: Self = Self { files: 32_000, small_files: 17_000, random: 1 << 30, zeros: 4 << 30 };

    /// Bytes that data and results take at most at one time, with a tree of this size in the place of the own one.
    pub(crate) fn room(&self, tree: Option<u64>) -> u64 {
        let tree = tree.unwrap_or(self.files as u64 * 53_000);
        // The tree or an image of it, packed by both kinds of programs, and what two of them extract.
        (tree * 9 / 2).max(3 * self.random) + (32 << 20)
    }
}

/// What is there at the moment.
#[derive(Debug)]
pub(crate) struct Shelf<'a> {
    lab: &'a Lab,
    scale: &'a Scale,
    /// A tree of the user's.
    tree: Option<PathBuf>,
    there: Vec<Data>,
}

impl<'a> Shelf<'a> {
    /// Nothing.
    pub(crate) fn new(lab: &'a Lab, options: &Options) -> Self {
        let tree = options.tree.as_ref().map(|tree| tree.canonicalize().expect("the tree is there"));
        Self { lab, scale: options.scale(), tree, there: Vec::new() }
    }

    /// Makes what is missing.
    pub(crate) fn fetch(&mut self, wanted: &[Data]) {
        for &data in wanted {
            if self.there.contains(&data) {
                continue;
            }
            if let Some(source) = data.source() {
                self.fetch(&[source]);
            }
            report::progress(format_args!("making {}", data.names()[0]));
            self.make(data);
            self.there.push(data);
        }
    }

    /// Removes all but what is wanted, and what that is made of.
    pub(crate) fn clear(&mut self, wanted: impl Iterator<Item = Data>) {
        let sources = |data: Data| std::iter::successors(Some(data), |data| data.source());
        let wanted: Vec<Data> = wanted.flat_map(sources).collect();
        self.there.retain(|data| {
            let keep = wanted.contains(data);
            if !keep {
                data.names().iter().for_each(|name| remove(&self.lab.data(name)));
            }
            keep
        });
    }

    fn make(&self, data: Data) {
        let (lab, scale) = (self.lab, self.scale);
        let path = lab.data(data.names()[0]);
        match data {
            Data::First => match &self.tree {
                Some(tree) => symlink(tree, &path).expect("a symbolic link"),
                None => tree::make(&path, scale.files, tree::MIXED, 10),
            },
            Data::Second => {
                lab.run("cp", &["-a", "first/.", "second"]);
                tree::change(&path);
            }
            Data::Small => tree::make(&path, scale.small_files, tree::SMALL, 11),
            Data::Image => image(&lab.data("first"), &path),
            Data::Next => {
                lab.run("cp", &["--sparse=always", "image", "next"]);
                update(&path);
            }
            Data::Random => write(Content::new(Kind::Noise, 12), scale.random, &mut create(&path)),
            Data::Zeros => zeros(scale.zeros, &path),
            Data::FirstIndex => self.index("first.castr", "first.caidx", "first"),
            Data::FirstArchive => drop(lab.run(lab.judge(), &["make", "first.catar", "first"])),
            Data::SmallIndex => self.index("small.castr", "small.caidx", "small"),
            Data::ImageIndex => self.index("image.castr", "image.caibx", "image"),
            Data::NextIndex => self.index("next.castr", "next.caibx", "next"),
            Data::SecondIndex => self.index("second.castr", "second.caidx", "second"),
            // Only what is not casync reads these.
            Data::FirstTar | Data::SmallTar | Data::ImageZst if !lab.has_plain() => {}
            Data::FirstTar => self.tar("first.tar.zst", "first"),
            Data::SmallTar => self.tar("small.tar.zst", "small"),
            Data::ImageZst => drop(lab.run("zstd", &["-T0", "-q", "image", "-o", "image.zst"])),
        }
    }

    fn index(&self, store: &str, index: &str, source: &str) {
        self.lab.run(self.lab.judge(), &["make", &format!("--store={store}"), index, source]);
    }

    fn tar(&self, tar: &str, source: &str) {
        self.lab.run("tar", &["-I", "zstd -T0", "-cf", tar, "-C", source, "."]);
    }
}

/// An image as of a file system: files at whole blocks, tables between them, a part that was never written.
fn image(source: &Path, path: &Path) {
    const BLOCK: u64 = 4096;
    let mut image = create(path);
    for (number, file) in tree::files(source).iter().enumerate() {
        if number % 512 == 0 {
            write(Content::new(Kind::Program, number as u64), 64 * BLOCK, &mut image);
            image.seek(SeekFrom::Current(256 * BLOCK as i64)).expect("files can have holes");
        }
        let mut file = File::open(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        std::io::copy(&mut file, &mut image).expect("files can be copied");
        let end = image.stream_position().expect("a file has positions").next_multiple_of(BLOCK);
        image.seek(SeekFrom::Start(end)).expect("files can have holes");
    }
    let end = image.stream_position().expect("a file has positions");
    image.set_len((end + end / 5).next_multiple_of(BLOCK)).expect("files can have holes");
}

/// An image after some days of use: every so often a few blocks are others.
fn update(path: &Path) {
    const DISTANCE: u64 = 4 << 20;
    let mut image = fs::OpenOptions::new().write(true).open(path).expect("the image is there");
    let size = image.metadata().expect("the image is there").len();
    for (number, start) in (DISTANCE / 2..size.saturating_sub(1 << 16)).step_by(DISTANCE as usize).enumerate() {
        image.seek(SeekFrom::Start(start)).expect("a file has positions");
        write(Content::new(Kind::Program, 1000 + number as u64), 1 << 14, &mut image);
    }
}

/// One part in sixty-four is not zero.
fn zeros(size: u64, path: &Path) {
    const ISLAND: u64 = 1 << 18;
    let mut file = create(path);
    for (number, start) in (0..size).step_by(64 * ISLAND as usize).enumerate() {
        file.seek(SeekFrom::Start(start + 3 * ISLAND)).expect("files can have holes");
        write(Content::new(Kind::Text, number as u64), ISLAND, &mut file);
    }
    file.set_len(size).expect("files can have holes");
}

/// Writes the first bytes of a stream.
fn write(mut content: Content, mut length: u64, file: &mut File) {
    const PIECE: u64 = 1 << 20;
    let mut piece = Vec::new();
    while length > 0 {
        interrupt::check();
        piece.clear();
        content.append(length.min(PIECE) as usize, &mut piece);
        file.write_all(&piece).expect("data can be written");
        length -= piece.len() as u64;
    }
}

fn create(path: &Path) -> File {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
