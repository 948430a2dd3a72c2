//! Archives and indexes that were cut off, or in which a bit is wrong.

use casync_tests::random::Rng;
use casync_tests::running::Running;

use crate::scene::Scene;

/// Where to cut `length` bytes: at both ends, and anywhere.
fn cuts(length: usize, rng: &mut Rng) -> Vec<usize> {
    let mut cuts = vec![0, 1, 15, 16, 63, 64, 100, length - 1, length - 16, length - 40, length - 41];
    cuts.extend((0..12).map(|_| rng.below(length as u64) as usize));
    cuts
}

#[test]
fn cut_off_inputs_are_refused() {
    let scene = Scene::new();
    let mut rng = Rng::new(1);
    for (name, output) in [("x.catar", "out"), ("x.caidx", "out"), ("x.caibx", "old.img")] {
        let bytes = scene.0.read(name);
        let suffix = name.rsplit('.').next().unwrap();
        for cut in cuts(bytes.len(), &mut rng) {
            let file = format!("cut.{suffix}");
            scene.write(&file, &bytes[..cut]);
            let store = "--store=default.castr";
            let outcome = scene.casync(["extract", store, &file, output]);
            scene.assert_failed(outcome, &["Broken pipe", "ends too early"]);
            assert_eq!(scene.0.read("old.img"), b"the old image", "cut at {cut}");
            let _ = std::fs::remove_dir_all(scene.path("out"));
            if suffix != "caibx" {
                scene.assert_failed(scene.casync(["list", store, &file]), &["Broken pipe"]);
                scene.assert_failed(scene.casync(["mtree", store, &file]), &["Broken pipe"]);
            } else {
                scene.assert_failed(scene.casync(["digest", store, &file]), &["Broken pipe"]);
            }
        }
    }
}

/// Through a pipe nobody knows the length before.
#[test]
fn cut_off_pipes_are_noticed() {
    let scene = Scene::new();
    for (name, what) in [("x.catar", "archive"), ("x.caidx", "archive-index"), ("x.caibx", "blob-index")] {
        let bytes = scene.0.read(name);
        for cut in [0, 1, 64, bytes.len() / 2, bytes.len() - 1] {
            let file = std::fs::File::open(scene.write("cut", &bytes[..cut])).unwrap();
            let option = format!("--what={what}");
            let mut command = scene.script("cat | exec \"$casync\" extract --store=default.castr \"$0\" - out");
            let outcome = Running::start(command.arg(option).stdin(file)).finish();
            scene.assert_failed(outcome, &["Broken pipe", "ends too early"]);
            let _ = std::fs::remove_dir_all(scene.path("out"));
            assert!(!scene.path("out").exists(), "no image of a part of an index");
        }
    }
}

/// Every bit of an index matters, or does not change what is extracted.
#[test]
fn a_wrong_bit_in_an_index_never_gives_wrong_bytes() {
    let scene = Scene::new();
    let mut rng = Rng::new(2);
    let (blob, mut refused) = (scene.0.read("blob"), 0);
    for name in ["x.caibx", "x.caidx"] {
        let bytes = scene.0.read(name);
        let suffix = name.rsplit('.').next().unwrap();
        // All of the header's bytes, and anything.
        let mut bits: Vec<u64> = (0..48).map(|byte| 8 * byte + rng.below(8)).collect();
        bits.extend((0..40).map(|_| rng.below(8 * bytes.len() as u64)));
        for bit in bits {
            let mut wrong = bytes.clone();
            wrong[bit as usize / 8] ^= 1 << (bit % 8);
            let file = format!("wrong.{suffix}");
            scene.write(&file, &wrong);
            let outcome = scene.casync(["extract", "--store=default.castr", &file, "out"]);
            if outcome.status == Some(0) {
                if suffix == "caibx" {
                    assert!(scene.0.read("out") == blob, "bit {bit} of {name}");
                } else {
                    scene.assert_same("out", "tree");
                }
                scene.assert_tidy();
            } else {
                refused += 1;
                scene.assert_failed(outcome, &["Failed to run synchronizer: "]);
            }
            let _ = std::fs::remove_dir_all(scene.path("out"));
            let _ = std::fs::remove_file(scene.path("out"));
        }
    }
    assert!(refused > 100, "{refused}");
}

/// An archive has no checksums; but whatever it says, the program ends well or with an error.
#[test]
fn a_wrong_bit_in_an_archive_never_ends_badly() {
    let scene = Scene::new();
    let mut rng = Rng::new(3);
    scene.write("few/a", b"a");
    scene.write("few/b/c", b"c");
    scene.casync(["make", "few.catar", "few"]).success();
    let bytes = scene.0.read("few.catar");
    let mut refused = 0;
    for _ in 0..150 {
        let mut wrong = bytes.clone();
        let bit = rng.below(8 * bytes.len() as u64);
        wrong[bit as usize / 8] ^= 1 << (bit % 8);
        scene.write("wrong.catar", &wrong);
        let outcome = scene.casync(["extract", "wrong.catar", "out"]);
        if outcome.status == Some(0) {
            scene.assert_tidy();
        } else {
            refused += 1;
            scene.assert_failed(outcome, &[]);
        }
        let _ = std::fs::remove_dir_all(scene.path("out"));
        let listed = scene.casync(["list", "wrong.catar"]);
        if listed.status != Some(0) {
            scene.assert_failed(listed, &["Failed to run synchronizer: "]);
        }
    }
    assert!(refused > 50, "{refused}");
}
