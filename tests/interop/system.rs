//! Directories of this system: many real files.

use std::fs;
use std::path::{Path, PathBuf};

use casync_tests::sandbox::outcome;
use casync_tests::skip::skip;
use casync_tests::walk::{assert_same, walk};

use crate::pair::{Pair, SIDES, chunks};

/// More than this takes too long for every day.
const BYTES_MAX: u64 = 1 << 28;

/// Makes an index of the first directory that is not too large, and extracts it with each program from what the other
/// made. Nothing of it may change meanwhile.
fn check(directories: &[&str], max: u64, options: &[&str]) {
    let Some(pair) = Pair::new() else { return };
    let Some(tree) = directories.iter().map(PathBuf::from).find(|path| size(path) < max) else {
        return skip(&format!("{directories:?} are larger than {max} bytes"));
    };
    let before = walk(&tree);
    let outcomes = [0, 1].map(|side| {
        fs::create_dir(pair.path(SIDES[side])).unwrap();
        let mut command = pair.command(side);
        outcome(command.arg("make").args(options).arg(format!("{}/x.caidx", SIDES[side])).arg(&tree)).success()
    });
    for side in [0, 1] {
        // From the chunks of the other; those of this side are gone afterwards, and so is the need for room.
        let archive = format!("{}/x.caidx", SIDES[1 - side]);
        outcome(pair.command(side).args(["extract", &archive, "out"])).success();
        let after = walk(&pair.path("out"));
        pair.remove("out");
        if after != before && walk(&tree) != before {
            return skip(&format!("{} changed during the test", tree.display()));
        }
        assert_same(&before, &after, &format!("{} extracts {archive} of {}", SIDES[side], tree.display()));
    }
    let [ours, theirs] = outcomes;
    assert_eq!(ours, theirs, "the digest of {}", tree.display());
    assert!(pair.sandbox().read("ours/x.caidx") == pair.sandbox().read("theirs/x.caidx"), "{}", tree.display());
    let [ours, theirs] = SIDES.map(|side| chunks(&pair.path(side).join("default.castr")));
    assert!(ours == theirs && !ours.is_empty(), "chunks of {}", tree.display());
}

fn size(path: &Path) -> u64 {
    let Ok(metadata) = fs::symlink_metadata(path) else { return u64::MAX };
    if !metadata.is_dir() {
        return metadata.len();
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.fold(0, |sum, entry| sum.saturating_add(size(&entry.path())))
}

#[test]
fn usr_share() {
    check(&["/usr/share", "/usr/share/doc", "/usr/share/locale", "/usr/share/zoneinfo"], BYTES_MAX, &[]);
}

#[test]
#[ignore = "takes minutes, and as much room as /usr has"]
fn usr() {
    check(&["/usr"], u64::MAX, &[]);
}

#[test]
fn usr_bin() {
    check(
        &["/usr/bin", "/usr/sbin"],
        BYTES_MAX,
        &["--digest=sha256", "--compression=gzip", "--chunk-size=32K:128K:1M"],
    );
}
