//! A blob index and the blob: what differs, by offset, with and without the store.

use casync_tests::random::for_each_seed;

use crate::{a_blob, right, wrong};

const NO_STORE: &str = "--store=missing.castr";

#[test]
fn a_blob_needs_no_store_to_be_right() {
    let sandbox = a_blob(300_000);
    let summary = right(&sandbox, &["blob.caibx", "blob", NO_STORE]);
    assert!(summary.contains("292.9K (300000 bytes): no problems."), "{summary}");
}

#[test]
fn the_first_byte_that_differs_is_named() {
    let sandbox = a_blob(300_000);
    let blob = sandbox.read("blob");
    for_each_seed(10, |rng| {
        let at = rng.number(0..=blob.len() - 1);
        let mut other = blob.clone();
        other[at] ^= 1;
        sandbox.write("other", other);
        wrong(&sandbox, &["blob.caibx", "other"], &[&format!("; the first byte is {at}")]);
        wrong(&sandbox, &["blob.caibx", "other", NO_STORE], &["\"other\" differs from the index in bytes "]);
    });
}

#[test]
fn neighbours_are_one_difference() {
    let sandbox = a_blob(300_000);
    let mut other = sandbox.read("blob");
    other[50_000..150_000].fill(0);
    other[299_999] ^= 1;
    sandbox.write("other", other);
    wrong(&sandbox, &["blob.caibx", "other"], &["; the first byte is 50000", "; the first byte is 299999"]);
}

#[test]
fn other_lengths() {
    let sandbox = a_blob(100_000);
    let blob = sandbox.read("blob");
    for length in [0, 1, 50_000, 99_999] {
        sandbox.write("other", &blob[..length]);
        let said = format!("\"other\" is shorter than the index says: {length} bytes instead of 100000");
        wrong(&sandbox, &["blob.caibx", "other"], &[&said]);
    }
    sandbox.write("other", [&blob[..], b"more"].concat());
    wrong(
        &sandbox,
        &["blob.caibx", "other"],
        &["\"other\" is longer than the index says: 100004 bytes instead of 100000"],
    );
    let said = sandbox.casync(["verify", "blob.caibx", "default.castr"]).failure();
    assert!(said.contains("only a file or block device"), "{said}");
}
