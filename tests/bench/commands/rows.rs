//! The table of what is measured: a new row here is all that a new measurement takes.
//!
//! Commands run in a directory of their own, beside `../data`; what they leave there goes after each run.

use crate::data::Data;

/// One command, as all programs run it.
#[derive(Debug)]
pub(crate) struct Row {
    /// For `--only` and reports.
    pub(crate) name: &'static str,
    /// In a few words.
    pub(crate) what: &'static str,
    /// How many times as fast as the C casync this one shall be on two cores; 1 where it is only not to be slower.
    pub(crate) goal: f64,
    /// What must be there.
    pub(crate) needs: &'static [Data],
    /// A store of which each run gets a copy as `store.castr`.
    pub(crate) store: Option<&'static str>,
    /// Arguments of both casyncs.
    pub(crate) casync: &'static [&'static str],
    /// The nearest that one does without casync, if there is such a thing.
    pub(crate) plain: &'static [&'static str],
    /// What must be equal, besides what is printed.
    pub(crate) result: Outcome,
}

/// What a command leaves in its directory.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// Nothing.
    Printed,
    /// An index of this name, and chunks in `store.castr`.
    Index(&'static str),
    /// A tree named `out`, equal to this one.
    Tree(&'static str),
    /// A file named `out`, equal to this one.
    File(&'static str),
}

const ZSTD: &str = "zstd -T0";

/// Rows with common data are neighbours, so that as little as possible lies around.
pub(crate) const ROWS: [Row; 17] = [
    Row {
        name: "make-tree",
        what: "make of a tree, fresh store",
        goal: 2.6,
        needs: &[Data::First],
        store: None,
        casync: &["make", "--store=store.castr", "out.caidx", "../data/first"],
        plain: &["tar", "-I", ZSTD, "-cf", "out.tar.zst", "-C", "../data/first", "."],
        result: Outcome::Index("out.caidx"),
    },
    Row {
        name: "make-second",
        what: "make of the second version, store of the first",
        goal: 2.8,
        needs: &[Data::Second, Data::FirstIndex],
        store: Some("../data/first.castr"),
        casync: &["make", "--store=store.castr", "out.caidx", "../data/second"],
        plain: &[],
        result: Outcome::Index("out.caidx"),
    },
    Row {
        name: "make-again",
        what: "make, all chunks in the store",
        goal: 3.0,
        needs: &[Data::First, Data::FirstIndex],
        store: Some("../data/first.castr"),
        casync: &["make", "--store=store.castr", "out.caidx", "../data/first"],
        plain: &[],
        result: Outcome::Index("out.caidx"),
    },
    Row {
        name: "update-tree",
        what: "extract of the second version of a tree, the first as seed",
        goal: 6.0,
        needs: &[Data::First, Data::Second, Data::SecondIndex],
        store: None,
        casync: &["extract", "--store=../data/second.castr", "--seed=../data/first", "../data/second.caidx", "out"],
        plain: &[],
        result: Outcome::Tree("../data/second"),
    },
    Row {
        name: "extract-tree",
        what: "extract of a tree",
        goal: 2.4,
        needs: &[Data::First, Data::FirstIndex, Data::FirstTar],
        store: None,
        casync: &["extract", "--store=../data/first.castr", "../data/first.caidx", "out"],
        plain: &["tar", "-I", ZSTD, "-xpf", "../data/first.tar.zst"],
        result: Outcome::Tree("../data/first"),
    },
    Row {
        name: "digest-index",
        what: "digest of an index",
        goal: 2.5,
        needs: &[Data::FirstIndex],
        store: None,
        casync: &["digest", "--store=../data/first.castr", "../data/first.caidx"],
        plain: &[],
        result: Outcome::Printed,
    },
    Row {
        name: "digest-archive",
        what: "digest of an archive",
        goal: 1.0,
        needs: &[Data::FirstArchive],
        store: None,
        casync: &["digest", "../data/first.catar"],
        plain: &[],
        result: Outcome::Printed,
    },
    Row {
        name: "mtree",
        what: "mtree of an index",
        goal: 4.0,
        needs: &[Data::FirstIndex],
        store: None,
        casync: &["mtree", "--store=../data/first.castr", "../data/first.caidx"],
        plain: &[],
        result: Outcome::Printed,
    },
    Row {
        name: "list",
        what: "list of an index",
        goal: 2.0,
        needs: &[Data::FirstIndex, Data::FirstTar],
        store: None,
        casync: &["list", "--store=../data/first.castr", "../data/first.caidx"],
        plain: &["tar", "-I", ZSTD, "-tvf", "../data/first.tar.zst"],
        result: Outcome::Printed,
    },
    Row {
        name: "make-image",
        what: "make of an image, fresh store",
        goal: 2.6,
        needs: &[Data::Image],
        store: None,
        casync: &["make", "--store=store.castr", "out.caibx", "../data/image"],
        plain: &["zstd", "-T0", "-q", "../data/image", "-o", "out.zst"],
        result: Outcome::Index("out.caibx"),
    },
    Row {
        name: "update-image",
        what: "extract of the next version of an image, the one before as seed",
        goal: 6.0,
        needs: &[Data::Image, Data::Next, Data::NextIndex],
        store: None,
        casync: &["extract", "--store=../data/next.castr", "--seed=../data/image", "../data/next.caibx", "out"],
        plain: &[],
        result: Outcome::File("../data/next"),
    },
    Row {
        name: "update-guided",
        what: "the same, with the index of the seed beside it",
        goal: 6.0,
        needs: &[Data::Image, Data::ImageIndex, Data::Next, Data::NextIndex],
        store: None,
        casync: &["extract", "--store=../data/next.castr", "--seed=../data/image", "../data/next.caibx", "out"],
        plain: &[],
        result: Outcome::File("../data/next"),
    },
    Row {
        name: "extract-image",
        what: "extract of an image",
        goal: 2.3,
        needs: &[Data::Image, Data::ImageIndex, Data::ImageZst],
        store: None,
        casync: &["extract", "--store=../data/image.castr", "../data/image.caibx", "out"],
        plain: &["zstd", "-T0", "-q", "-d", "../data/image.zst", "-o", "out"],
        result: Outcome::File("../data/image"),
    },
    Row {
        name: "make-random",
        what: "make of random data, fresh store",
        goal: 2.5,
        needs: &[Data::Random],
        store: None,
        casync: &["make", "--store=store.castr", "out.caibx", "../data/random"],
        plain: &["zstd", "-T0", "-q", "../data/random", "-o", "out.zst"],
        result: Outcome::Index("out.caibx"),
    },
    Row {
        name: "make-zeros",
        what: "make of mostly zeros, fresh store",
        goal: 4.0,
        needs: &[Data::Zeros],
        store: None,
        casync: &["make", "--store=store.castr", "out.caibx", "../data/zeros"],
        plain: &["zstd", "-T0", "-q", "../data/zeros", "-o", "out.zst"],
        result: Outcome::Index("out.caibx"),
    },
    Row {
        name: "extract-small",
        what: "extract of a tree of small files",
        goal: 2.0,
        needs: &[Data::Small, Data::SmallIndex, Data::SmallTar],
        store: None,
        casync: &["extract", "--store=../data/small.castr", "../data/small.caidx", "out"],
        plain: &["tar", "-I", ZSTD, "-xpf", "../data/small.tar.zst"],
        result: Outcome::Tree("../data/small"),
    },
    Row {
        name: "make-cached",
        what: "make of small files, all known to the cache",
        goal: 2.0,
        needs: &[Data::Small, Data::SmallIndex],
        store: Some("../data/small.castr"),
        // The first round, which does not count, fills it: each program has files of its own there.
        casync: &["make", "--store=store.castr", "--cache=../data/small.cache", "out.caidx", "../data/small"],
        plain: &[],
        result: Outcome::Index("out.caidx"),
    },
];
