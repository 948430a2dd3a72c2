//! Trees: made into an index and a store, and extracted over an older version.

use std::collections::BTreeMap;
use std::path::Path;

use casync_tests::random::{Rng, for_each_seed};
use casync_tests::sandbox::Sandbox;
use casync_tests::snapshot::{Snapshot, differences, snapshot};

use crate::indexes::make_over_an_older;
use crate::moments::{duration, kill, left_over};

/// Small chunks, so that there are many moments.
const CHUNKS: &str = "--chunk-size=2048";

/// A version of a tree: some files and directories are in all versions, some content is.
fn plant(sandbox: &Sandbox, root: &str, version: u8) {
    let mut rng = Rng::new(7);
    for number in 0..40 {
        let size = rng.number(0..=10_000);
        let mut bytes = rng.bytes(size);
        if rng.once_in(2) {
            bytes.push(version);
        }
        let place = format!("{root}/d{}/e{}/f{number}", number % 5, number % 3);
        if rng.once_in(5) {
            sandbox.write(format!("{root}/only-{version}/f{number}"), &bytes);
        }
        // What is a file in one version is a directory in the other.
        let place = if rng.once_in(10) && version == 1 { format!("{place}/below") } else { place };
        sandbox.write(place, &bytes);
    }
}

fn contents(snapshot: &Snapshot) -> BTreeMap<&str, &str> {
    let of_files = snapshot.iter().filter(|((_, what), value)| what == "content" && value.contains(" bytes "));
    of_files.map(|((path, _), value)| (path.as_str(), value.as_str())).collect()
}

/// Panics unless every file of a tree is one of the old or the new tree, whole.
fn assert_whole(now: &Snapshot, old: &Snapshot, new: &Snapshot) {
    let (old, new) = (contents(old), contents(new));
    for (path, value) in contents(now) {
        // Not in a directory that is new, where nobody has read anything before.
        let is_new = !old.contains_key(path);
        let name = Path::new(path).file_name().unwrap().to_str().unwrap();
        if !name.starts_with(".#") && !is_new {
            let known = old.get(path) == Some(&value) || new.get(path) == Some(&value);
            assert!(known, "{path}: {value} is neither {:?} nor {:?}", old.get(path), new.get(path));
        }
    }
    // And nothing of the old tree is gone that the new one has, too.
    let now = contents(now);
    for path in old.keys().filter(|path| new.contains_key(*path)) {
        assert!(now.contains_key(path), "{path} is gone");
    }
}

#[test]
fn extract_over_an_older_tree() {
    let sandbox = Sandbox::new();
    for version in [0, 1] {
        let (tree, index) = (format!("t{version}"), format!("t{version}.caidx"));
        plant(&sandbox, &tree, version);
        sandbox.casync(["make", CHUNKS, "--store=s", &index, &tree]).success();
    }
    let [old, new] = ["t0", "t1"].map(|tree| snapshot(&sandbox.path(tree)));
    let extract = ["extract", "--store=s", "t1.caidx", "out"];
    let restore = || {
        sandbox.casync(["extract", "--store=s", "t0.caidx", "out"]).success();
        let differing = differences(&old, &snapshot(&sandbox.path("out")), |_, _| false);
        assert!(differing.is_empty(), "{differing:#?}");
    };
    let duration = duration(&sandbox, &extract, restore);
    let (mut killed, mut left) = (0, 0);
    for_each_seed(50, |rng| {
        restore();
        killed += usize::from(!kill(&sandbox, &extract, duration, rng));
        assert_whole(&snapshot(&sandbox.path("out")), &old, &new);
        left += left_over(&sandbox, "out").len();
        // Now and then the next run is killed, too.
        if rng.once_in(3) {
            killed += usize::from(!kill(&sandbox, &extract, duration, rng));
        }
        sandbox.casync(extract).success();
        let differing = differences(&new, &snapshot(&sandbox.path("out")), |_, _| false);
        assert!(differing.is_empty(), "{differing:#?}");
    });
    assert!(killed > 20 || std::env::var_os("CASYNC_TEST_SEED").is_some(), "killed only {killed} of 50");
    assert!(left > 0 || std::env::var_os("CASYNC_TEST_SEED").is_some(), "no run was killed while it wrote a file");
}

#[test]
fn make_over_an_older_index() {
    let sandbox = Sandbox::new();
    plant(&sandbox, "t0", 0);
    plant(&sandbox, "t1", 1);
    make_over_an_older(&sandbox, "x.caidx", CHUNKS, ["t0", "t1"], |check| {
        let differing = differences(&snapshot(&sandbox.path("t1")), &snapshot(&check), |_, _| false);
        assert!(differing.is_empty(), "{differing:#?}");
    });
}
