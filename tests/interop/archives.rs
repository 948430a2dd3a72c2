//! Archives and archive indexes of random trees.

use casync_tests::disk::{Scope, Shape};
use casync_tests::random::{Rng, for_each_seed};

use crate::pair::Pair;

/// What is stored of a tree. Some need more of the tree than it has (16 bits for each owner): both refuse those alike.
const SELECTIONS: &[&[&str]] = &[
    &[],
    &["--digest=sha256"],
    &["--with=best"],
    &["--with=all"],
    &["--with=unix"],
    &["--with=fat"],
    &["--with=chattr"],
    &["--with=fuse"],
    &["--with=privileged"],
    &["--with=acl"],
    &["--with=xattrs", "--with=selinux", "--with=fcaps"],
    &["--with=permissions", "--with=usec-time", "--with=user-names", "--with=32bit-uids"],
    &["--with=2sec-time", "--with=symlinks", "--with=read-only"],
    &["--with=subvolume", "--with=subvolume-ro", "--with=quota-projid", "--with=sec-time"],
    &["--without=all"],
    &["--without=privileged"],
    &["--without=permissions", "--without=acl"],
    &["--without=fifos", "--without=sockets", "--without=device-nodes", "--without=symlinks"],
    &["--without=nsec-time", "--without=32bit-uids", "--without=user-names"],
    &["--exclude-nodump=no"],
    &["--exclude-submounts=yes"],
    &["--uid-shift=yes"],
    &["--uid-shift=0", "--uid-range=1000"],
    &["--uid-shift=1000"],
];

/// How the stream is cut and kept.
const CUTS: &[&[&str]] = &[
    &[],
    &["--digest=sha256", "--chunk-size=8K"],
    &["--chunk-size=1000:1000:2000", "--compression=gzip"],
    &["--chunk-size=20000:20000:20000"],
    &["--chunk-size=1M", "--compression=xz"],
    &["--chunk-size=4096:16384:65536", "--compression=zstd", "--with=unix", "--uid-range=65535"],
];

fn check(rng: &mut Rng, shape: Shape, name: &str, options: &[&[&str]]) {
    let Some(pair) = Pair::new() else { return };
    let tree = pair.grow(rng, shape, Scope::Everything);
    let made = options.iter().filter(|options| pair.make(name, &tree, options)).count();
    assert!(made * 2 > options.len(), "{made} of {} archives could be made", options.len());
}

#[test]
fn archives_of_random_trees() {
    for_each_seed(8, |rng| check(rng, Shape::Random, "x.catar", SELECTIONS));
}

#[test]
fn indexes_of_random_trees() {
    for_each_seed(6, |rng| check(rng, Shape::Random, "x.caidx", CUTS));
}

#[test]
fn archives_of_other_shapes() {
    for shape in [Shape::Deep, Shape::Wide, Shape::Empty] {
        for_each_seed(1, |rng| check(rng, shape, "x.catar", &[&[], &["--without=privileged", "--digest=sha256"]]));
        for_each_seed(1, |rng| check(rng, shape, "x.caidx", &[&[], &["--chunk-size=4096"]]));
    }
}

/// One level more than an archive may have.
#[test]
fn trees_that_are_too_deep() {
    let Some(pair) = Pair::new() else { return };
    let levels = |count: usize| pair.path("deep").join(vec!["d"; count].join("/"));
    std::fs::create_dir_all(levels(63)).unwrap();
    assert!(pair.make("x.catar", &pair.path("deep"), &[]));
    std::fs::create_dir(levels(64)).unwrap();
    assert!(!pair.make("x.catar", &pair.path("deep"), &[]));
}

/// Owners that no archive can hold, and such that 16 bits cannot.
#[test]
fn owners_at_the_limits() {
    let Some(pair) = Pair::new() else { return };
    if !rustix::process::geteuid().is_root() {
        return casync_tests::skip::skip("not root: files cannot be given to others");
    }
    std::fs::create_dir(pair.path("tree")).unwrap();
    let file = pair.sandbox().write("tree/file", "");
    let mut refused = Vec::new();
    for owner in [65_533, 65_534, 65_535, 65_536, u32::MAX - 2] {
        std::os::unix::fs::chown(&file, Some(owner), Some(0)).unwrap();
        for options in
            [&[][..], &["--with=16bit-uids"], &["--uid-shift=65536"], &["--uid-shift=65534"], &["--without=all"]]
        {
            if !pair.make("x.catar", &pair.path("tree"), options) {
                refused.push((owner, options));
            }
        }
    }
    assert!(refused.contains(&(65_535, &[])) && refused.contains(&(65_536, &["--with=16bit-uids"])), "{refused:?}");
    assert!(!refused.contains(&(65_536, &[])) && !refused.contains(&(65_535, &["--without=all"])), "{refused:?}");
}
