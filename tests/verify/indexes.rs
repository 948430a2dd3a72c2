//! An index and its chunks.

use std::fs;

use casync_tests::store;

use crate::{SIZES, a_blob, chunks, id, right, wrong};

#[test]
fn missing_chunks() {
    let sandbox = a_blob(200_000);
    let count = chunks(&sandbox).len();
    assert!(
        right(&sandbox, &["blob.caibx"]).starts_with(&format!("Verified {count} chunks, 195.3K (200000 bytes): no"))
    );
    let gone: Vec<_> = chunks(&sandbox).into_iter().step_by(5).collect();
    gone.iter().for_each(|path| fs::remove_file(path).unwrap());
    let ids: Vec<String> = gone.iter().map(|path| format!("Chunk {} is missing", id(path))).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    wrong(&sandbox, &["blob.caibx"], &ids);
    // As for extract, another store that has them is enough.
    right(&sandbox, &["blob.caibx", "--extra-store=good.castr"]);
    wrong(&sandbox, &["blob.caibx"], &ids);
    sandbox.casync(["verify", "blob.caibx", "--extra-store=good.castr", "--repair"]).success();
    assert_eq!(store::files(&sandbox.path("default.castr")), store::files(&sandbox.path("good.castr")));
    // A store that is not there at all.
    wrong(&sandbox, &["blob.caibx", "--store=new.castr"], &vec!["is missing"; count]);
    assert!(!sandbox.path("new.castr").exists());
    sandbox.casync(["verify", "blob.caibx", "--store=new.castr", "--extra-store=good.castr", "--repair"]).success();
    assert_eq!(store::files(&sandbox.path("new.castr")), store::files(&sandbox.path("good.castr")));
}

#[test]
fn chunks_of_the_wrong_size() {
    let sandbox = a_blob(50_000);
    let mut index = sandbox.read("blob.caibx");
    // The second chunk ends a byte early: it and the next are of another size then.
    let second = 48 + 16 + 40;
    let end = u64::from_le_bytes(index[second..second + 8].try_into().unwrap()) - 1;
    index[second..second + 8].copy_from_slice(&end.to_le_bytes());
    sandbox.write("other.caibx", index);
    let outcome = sandbox.casync(["verify", "other.caibx"]);
    assert!(outcome.text().contains(": 2 problems."), "{}", outcome.text());
    outcome.failure();
}

#[test]
fn damaged_indexes() {
    let sandbox = a_blob(50_000);
    let index = sandbox.read("blob.caibx");
    for length in [0, 47, 104, index.len() - 1] {
        sandbox.write("cut.caibx", &index[..length]);
        for args in [&["verify", "cut.caibx"][..], &["verify", "cut.caibx", "blob"]] {
            let said = sandbox.casync(args).failure();
            assert!(said.contains("read the index \"cut.caibx\""), "{said}");
        }
    }
    sandbox.casync(["verify", "missing.caibx"]).failure();
    sandbox.casync(["verify", "blob"]).failure();
    sandbox.casync(["verify", "blob.caibx", "blob", "blob"]).failure();
    sandbox.casync(["verify", "blob.caibx", "blob", "--repair"]).failure();
}

#[test]
fn equal_chunks_are_looked_at_once() {
    let sandbox = a_blob(1000);
    sandbox.write("zeros", vec![0; 1 << 20]);
    sandbox.casync([SIZES, "make", "zeros.caibx", "zeros"]).success();
    let summary = right(&sandbox, &["zeros.caibx"]);
    assert!(summary.starts_with("Verified 1 chunk, 16.0K (16384 bytes): no problems."), "{summary}");
}

#[test]
fn archives_alone() {
    let sandbox = a_blob(1000);
    sandbox.write("tree/a/b", vec![7; 5000]);
    sandbox.casync(["make", "tree.catar", "tree"]).success();
    assert!(right(&sandbox, &["tree.catar"]).starts_with("Verified 3 nodes, 4.8K (5000 bytes): no problems."));
    let archive = sandbox.read("tree.catar");
    for length in [0, 100, archive.len() - 1] {
        sandbox.write("cut.catar", &archive[..length]);
        wrong(&sandbox, &["cut.catar"], &["The archive is damaged: input ends too early"]);
    }
}
