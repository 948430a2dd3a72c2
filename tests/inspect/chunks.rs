//! Chunk files of every compression, under right and wrong names.

use casync_tests::sandbox::Sandbox;
use serde_json::json;
use sha2::Digest as _;

use crate::scene::{json, noise};

#[test]
fn chunks_tell_how_they_are_packed_and_whose_they_are() {
    let sandbox = Sandbox::new();
    let mut plain = noise(1, 20_000);
    plain.extend_from_slice(&[7; 20_000]);
    sandbox.write("blob", &plain);
    let hex = |digest: &[u8]| digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let ids = [hex(&sha2::Sha512_256::digest(&plain)), hex(&sha2::Sha256::digest(&plain))];
    for compression in ["zstd", "xz", "gzip"] {
        for (digest, id) in ["sha512-256", "sha256"].into_iter().zip(&ids) {
            let store = format!("{compression}.castr");
            let options =
                [format!("--store={store}"), format!("--compression={compression}"), format!("--digest={digest}")];
            let make = ["make", "--chunk-size=64K:64K:64K", "x.caibx", "blob"].map(String::from);
            sandbox.casync(make.iter().chain(&options)).success();
            let path = format!("{store}/{}/{id}.cacnk", &id[..4]);
            let expected = json!({
                "type": "inspect-chunk", "file": path, "compression": compression,
                "stored_bytes": sandbox.read(&path).len(), "bytes": 40_000,
                "ids": {"sha512-256": ids[0], "sha256": ids[1]}, "named": id, "fits": digest,
            });
            assert_eq!(json(&sandbox, &[&path]), expected);
        }
    }
    // A plain chunk has no suffix.
    sandbox.write(&ids[1], &plain);
    let facts = json(&sandbox, &[&ids[1]]);
    assert_eq!(
        (&facts["compression"], &facts["fits"], &facts["bytes"]),
        (&json!("none"), &json!("sha256"), &json!(40_000))
    );
}

#[test]
fn names_that_do_not_fit_are_told() {
    let sandbox = Sandbox::new();
    sandbox.write("blob", noise(1, 10_000));
    sandbox.casync(["make", "x.caibx", "blob"]).success();
    let store = casync_tests::store::files(&sandbox.path("default.castr"));
    let (_, chunk) = store.first_key_value().unwrap();
    let other = "0".repeat(64);
    for (name, named, line) in [
        ("some.cacnk".to_owned(), None, "Name:           is no id"),
        (
            format!("{other}.cacnk"),
            Some(json!(other)),
            "Name:           DOES NOT FIT: this is another chunk, or it is damaged",
        ),
    ] {
        sandbox.write(&name, chunk);
        let facts = json(&sandbox, &[&name]);
        assert_eq!((facts.get("fits"), facts.get("named")), (None, named.as_ref()));
        let text = String::from_utf8(sandbox.casync(["inspect", &name]).success()).unwrap();
        assert!(text.lines().any(|found| found == line), "{line:?} in\n{text}");
    }
}
