//! Blobs: the old file is there until the new one is complete.

use casync_tests::random::{Rng, for_each_seed};
use casync_tests::sandbox::Sandbox;

use crate::indexes::make_over_an_older;
use crate::moments::{duration, kill, left_over};

const CHUNKS: &str = "--chunk-size=4096";

#[test]
fn extract_over_an_older_blob() {
    let sandbox = Sandbox::new();
    let mut rng = Rng::new(3);
    let [old, new] = [rng.bytes(1_500_000), rng.bytes(1_000_000)];
    sandbox.write("new", &new);
    sandbox.casync(["make", CHUNKS, "--store=s", "new.caibx", "new"]).success();
    let extract = ["extract", "--store=s", "new.caibx", "out"];
    let restore = || drop(sandbox.write("out", &old));
    let duration = duration(&sandbox, &extract, restore);
    let (mut killed, mut left) = (0, 0);
    for_each_seed(80, |rng| {
        restore();
        killed += usize::from(!kill(&sandbox, &extract, duration, rng));
        let out = sandbox.read("out");
        assert!(out == old || out == new, "the blob is neither the old one nor the new one");
        left += left_over(&sandbox, ".").len();
        sandbox.casync(extract).success();
        assert!(sandbox.read("out") == new);
        // Nobody removes what the killed run has left beside the blob; it disturbs nothing.
        for name in left_over(&sandbox, ".") {
            assert!(name.starts_with("./.#out"), "{name}");
            std::fs::remove_file(sandbox.path(name)).unwrap();
        }
    });
    let is_all = std::env::var_os("CASYNC_TEST_SEED").is_none();
    assert!(!is_all || killed > 25 && left > 0, "killed only {killed} of 80, {left} temporary files");
}

#[test]
fn make_over_an_older_index() {
    let sandbox = Sandbox::new();
    let bytes = Rng::new(4).bytes(800_000);
    sandbox.write("old", &bytes[..200_000]);
    sandbox.write("new", &bytes);
    make_over_an_older(&sandbox, "x.caibx", CHUNKS, ["old", "new"], |check| {
        assert!(std::fs::read(check).unwrap() == bytes);
    });
}
