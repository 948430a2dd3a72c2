//! Each program extracts what the other made; what comes out is compared by an independent walk.

use std::fs;
use std::path::Path;

use casync_tests::disk::{Scope, Shape};
use casync_tests::random::for_each_seed;
use casync_tests::sandbox::{Sandbox, outcome};
use casync_tests::walk::{assert_same, walk};

use crate::pair::{Pair, SIDES, assert_alike};

/// Extracts with the program of a side, into a directory of its own.
fn extract(
    pair: &Pair,
    side: usize,
    options: &[&str],
    archive: &str,
    part: Option<&Path>,
) -> casync_tests::sandbox::Outcome {
    let mut command = pair.command(side);
    command.arg("extract").args(options).arg("--").arg(archive).arg(format!("out-{}", SIDES[side])).args(part);
    outcome(&mut command)
}

fn clear(pair: &Pair) {
    SIDES.iter().for_each(|side| pair.remove(&format!("out-{side}")));
}

fn out(pair: &Pair, side: usize) -> Vec<String> {
    walk(&pair.path(format!("out-{}", SIDES[side])))
}

#[test]
fn what_the_other_made() {
    for_each_seed(10, |rng| {
        let Some(pair) = Pair::new() else { return };
        let tree = pair.grow(rng, Shape::Random, Scope::Extractable);
        let source = walk(&tree);
        for (name, options) in [
            ("x.catar", &[][..]),
            ("x.caidx", &[]),
            ("x.caidx", &["--digest=sha256", "--compression=xz", "--chunk-size=5000"]),
            ("x.caidx", &["--compression=gzip", "--chunk-size=1000:1000:1000"]),
        ] {
            assert!(pair.make(name, &tree, options));
            clear(&pair);
            for side in [0, 1] {
                let archive = format!("{}/{name}", SIDES[1 - side]);
                extract(&pair, side, &[], &archive, None).success();
                assert_same(&source, &out(&pair, side), &format!("{} extracts {archive} {options:?}", SIDES[side]));
            }
        }
    });
}

#[test]
fn other_shapes() {
    for shape in [Shape::Deep, Shape::Wide, Shape::Empty] {
        for_each_seed(1, |rng| {
            let Some(pair) = Pair::new() else { return };
            let tree = pair.grow(rng, shape, Scope::Extractable);
            assert!(pair.make("x.caidx", &tree, &[]));
            for side in [0, 1] {
                extract(&pair, side, &[], &format!("{}/x.caidx", SIDES[1 - side]), None).success();
                assert_same(&walk(&tree), &out(&pair, side), &format!("{shape:?} by {}", SIDES[side]));
            }
        });
    }
}

/// Archives with less in them, and extraction of less than is in them. Permissions and times are always among it: without
/// them the C casync sets wrong modes, and times are those of the extraction.
#[test]
fn less_than_everything() {
    let making: &[&[&str]] =
        &[&[], &["--with=unix", "--with=32bit-uids"], &["--without=privileged"], &["--without=xattrs"]];
    let extracting: &[&[&str]] = &[
        &[],
        &["--with=unix"],
        &["--without=privileged", "--without=xattrs"],
        &["--without=acl", "--without=user-names"],
        &["--without=fifos", "--without=sockets", "--without=chattr"],
        &["--without=fcaps", "--without=selinux"],
        &["--uid-shift=100000"],
        &["--uid-shift=100000", "--uid-range=1000", "--without=user-names"],
        &["--punch-holes=no"],
    ];
    for_each_seed(2, |rng| {
        let Some(pair) = Pair::new() else { return };
        let tree = pair.grow(rng, Shape::Random, Scope::Extractable);
        for made in making {
            assert!(pair.make("x.catar", &tree, made));
            for options in extracting {
                clear(&pair);
                let what = format!("make {made:?}, extract {options:?}");
                let [ours, theirs] = [0, 1].map(|side| extract(&pair, side, options, "theirs/x.catar", None));
                if assert_alike(ours, &theirs, &what).status == Some(0) {
                    assert_same(&out(&pair, 1), &out(&pair, 0), &what);
                }
            }
        }
    });
}

/// Into a directory with something else in it, which goes or stays. What immutable and append-only directories hold can be
/// replaced on demand, where the C casync stops.
#[test]
fn over_another_tree() {
    for_each_seed(4, |rng| {
        let Some(pair) = Pair::new() else { return };
        let old = pair.grow_as("old", rng, Shape::Random, Scope::Extractable);
        let made = pair.grow_as("new", rng, Shape::Random, Scope::Extractable);
        // Short names are in both, as nodes of any kind.
        assert!(pair.make("old.catar", &old, &[]));
        fs::rename(pair.path("theirs/old.catar"), pair.path("old.catar")).unwrap();
        assert!(pair.make("x.catar", &made, &[]));
        for options in [&["--undo-immutable=yes"][..], &["--undo-immutable=yes", "--delete=no"], &[]] {
            clear(&pair);
            let what = format!("extract {options:?}");
            let outcomes = [0, 1].map(|side| {
                extract(&pair, side, &[], "old.catar", None).success();
                extract(&pair, side, options, "theirs/x.catar", None)
            });
            let [ours, theirs] = outcomes;
            // The second of them about a node that is new in such a directory.
            let reasons = ["Operation not permitted", "No such file or directory"];
            let stopped = reasons.iter().any(|reason| theirs.stderr.contains(reason));
            if stopped && options.contains(&"--undo-immutable=yes") {
                ours.success();
            } else if assert_alike(ours, &theirs, &what).status == Some(0) {
                assert_same(&out(&pair, 1), &out(&pair, 0), &what);
            }
        }
    });
}

#[test]
fn parts() {
    for_each_seed(2, |rng| {
        let Some(pair) = Pair::new() else { return };
        let tree = pair.grow(rng, Shape::Random, Scope::Extractable);
        assert!(pair.make("x.caidx", &tree, &["--chunk-size=4096"]));
        for entry in fs::read_dir(&tree).unwrap() {
            let name = entry.unwrap().file_name();
            clear(&pair);
            for side in [0, 1] {
                // The directory above is not the archive's: it would have the time of now.
                fs::create_dir(pair.path(format!("out-{}", SIDES[side]))).unwrap();
                extract(&pair, side, &[], &format!("{}/x.caidx", SIDES[1 - side]), Some(Path::new(&name))).success();
                let extracted = pair.path(format!("out-{}", SIDES[side])).join(&name);
                let what = format!("{} of part {name:?}", SIDES[side]);
                assert_same(&walk(&tree.join(&name)), &walk(&extracted), &what);
            }
        }
    });
}

/// The C casync stores times before 1970 as times in 2554; this program says that it cannot store them.
#[test]
fn times_before_1970() {
    let sandbox = Sandbox::new();
    let file = sandbox.write("tree/file", "old");
    let set = |time| fs::File::options().write(true).open(&file).and_then(|file| file.set_modified(time)).unwrap();
    let epoch = std::time::SystemTime::UNIX_EPOCH;
    set(epoch - std::time::Duration::from_millis(1_500));
    let made = sandbox.casync(["make", "--without=nsec-time", "--without=usec-time", "old.catar", "tree"]);
    let told = "\"file\": archives hold times from 1970 to 2554; its time is stored as 1970-01-01\n";
    assert_eq!(made.stderr, told);
    set(epoch);
    sandbox.casync(["make", "--without=nsec-time", "--without=usec-time", "epoch.catar", "tree"]).success();
    assert_eq!(sandbox.read("old.catar"), sandbox.read("epoch.catar"));
}
