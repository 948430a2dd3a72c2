//! Full disks and disks that cannot be written: what was there stays, nothing else is left over.

use casync_tests::running::within;
use casync_tests::sandbox::Outcome;
use casync_tests::skip;

use crate::scene::Scene;

/// Runs casync with a file system of these options mounted at `small`, which has older outputs in it; panics if these
/// change, or if temporary files are left over there. `None`: this machine does not let us mount.
fn with_small(scene: &Scene, options: &str, arguments: &str) -> Option<Outcome> {
    if within(&mut scene.unshared("mkdir -p small; mount -t tmpfs none small")).status != Some(0) {
        skip::skip("only root can mount file systems");
        return None;
    }
    let script = format!(
        "mount -t tmpfs -o {options} none small
         echo old >small/old.img; cp small/old.img small/old.catar; cp small/old.img small/old.caibx
         case {options} in *,later-ro) mount -o remount,ro small;; esac
         status=0; \"$casync\" {arguments} || status=$?
         for old in img catar caibx; do echo old | cmp - small/old.$old; done
         find small -name '.#*' -o -name '*.tmp' >left-over
         exit $status"
    );
    let script = script.replace(",later-ro none", " none");
    let outcome = within(&mut scene.unshared(&script));
    assert_eq!(scene.0.read("left-over"), b"", "{arguments}: {outcome:?}");
    Some(outcome)
}

#[test]
fn a_full_disk() {
    let scene = Scene::new();
    let cases = [
        // For a store, by blocks and by inodes.
        ("size=1M", "make --store=small/new.castr new.caibx blob", &["write chunk", "small/new.castr"][..]),
        ("size=9M,nr_inodes=12", "make --store=small/new.castr new.caidx tree", &["chunk", "small/new.castr"]),
        // For an index and an archive.
        ("size=20k", "make --chunk-size=1024 --store=new.castr small/old.caibx blob", &["write the index"]),
        ("size=1M", "make small/old.catar tree", &["write the archive"]),
        ("size=1M", "make --what=archive - tree >small/file", &["write the archive"]),
        // For what is extracted.
        ("size=1M", "extract x.caibx small/old.img", &["small/old.img", "write at offset"]),
        ("size=1M", "extract x.caibx small/new.img", &["small/new.img", "write at offset"]),
        // While a seed is looked through.
        (
            "size=1M",
            "extract --store=nowhere.castr --seed=blob x.caibx small/new.img",
            &["small/new.img", "write at offset"],
        ),
        ("size=1M", "extract x.caibx - >small/file", &["write to standard output"]),
        ("size=1M", "extract x.caidx small/out", &["write \"large\""]),
        ("size=1M", "extract x.catar small/out", &["write \"large\""]),
        ("size=9M,nr_inodes=6", "extract x.catar small/out", &["extract \"below/"]),
    ];
    for (options, arguments, says) in cases {
        let Some(outcome) = with_small(&scene, options, arguments) else { return };
        scene.assert_failed(outcome, &[says, &["No space left on device"]].concat());
        for made in ["new.caibx", "new.caidx"] {
            assert!(!scene.path(made).exists(), "{arguments}");
        }
    }
}

#[test]
fn a_disk_that_cannot_be_written() {
    let scene = Scene::new();
    let cases = [
        ("make --store=small/new.castr new.caibx blob", "create store \"small/new.castr\""),
        ("make small/new.catar tree", "create \"small/new.catar\""),
        ("make small/old.caibx blob", "create \"small/old.caibx\""),
        ("extract x.caibx small/new.img", "create \"small/new.img\""),
        ("extract x.caibx small/old.img", "small/old.img\": "),
        ("extract x.catar small/out", "create the directory \"small/out\""),
        ("extract --delete=no x.catar small", "extract \"below\""),
    ];
    for (arguments, says) in cases {
        let Some(outcome) = with_small(&scene, "size=9M,later-ro", arguments) else { return };
        scene.assert_failed(outcome, &[says, "Read-only file system"]);
    }
}
