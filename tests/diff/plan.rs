//! `plan`: what each source would supply.

use std::collections::BTreeSet;

use casync_tests::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::scene::{chunk_file, chunks, json, noise};

/// An old and a new image with runs of zeros, and bytes that occur twice.
fn images() -> Sandbox {
    let sandbox = Sandbox::new();
    let (first, second) = (noise(5, 1_500_000), noise(6, 800_000));
    sandbox.write("old", [&first[..], &vec![0; 2_000_000], &second].concat());
    sandbox.write("new", [&first[..], &vec![0; 2_000_000], &noise(7, 700_000), &first].concat());
    for name in ["old", "new"] {
        sandbox.casync(["make", &format!("{name}.caibx"), name]).success();
    }
    sandbox
}

fn source<'a>(messages: &'a [Value], kind: &str) -> Vec<&'a Value> {
    messages.iter().filter(|message| message["type"] == "plan-source" && message["kind"] == kind).collect()
}

fn sum(message: &Value) -> (u64, u64) {
    (message["chunks"].as_u64().unwrap(), message["bytes"].as_u64().unwrap())
}

#[test]
fn every_chunk_is_counted_for_the_first_that_has_it() {
    let sandbox = images();
    let new = chunks(&sandbox, "new.caibx");
    let old: BTreeSet<_> = chunks(&sandbox, "old.caibx").into_iter().collect();
    let zeros = casync_core::chunk::ChunkId::of(&vec![0; 262_144], Default::default());
    let is_zeros = |(id, _): &(_, _)| *id == zeros;
    let unique: BTreeSet<_> = new.iter().filter(|chunk| !is_zeros(chunk)).copied().collect();
    let total =
        |chunks: &mut dyn Iterator<Item = u64>| chunks.fold((0, 0), |(count, bytes), size| (count + 1, bytes + size));

    let messages = json(&sandbox, &["plan", "new.caibx", "--seed-index=old.caibx"]);
    let expected_zeros = total(&mut new.iter().filter(|chunk| is_zeros(chunk)).map(|chunk| chunk.1));
    assert!(expected_zeros.0 > 3);
    assert_eq!(sum(source(&messages, "zeros")[0]), expected_zeros);
    let repeats = new.len() as u64 - expected_zeros.0 - unique.len() as u64;
    assert!(repeats > 3);
    assert_eq!(sum(source(&messages, "repeats")[0]).0, repeats);
    let [seed] = source(&messages, "seed")[..] else { panic!("one seed") };
    assert_eq!(seed["name"], "old.caibx");
    assert_eq!(sum(seed), total(&mut unique.intersection(&old).map(|chunk| chunk.1)));
    let [store] = source(&messages, "store")[..] else { panic!("one store") };
    let from_store = || unique.difference(&old);
    assert_eq!(sum(store), total(&mut from_store().map(|chunk| chunk.1)));
    let stored = |id| std::fs::metadata(sandbox.path(chunk_file(id))).unwrap().len();
    assert_eq!(store["stored_bytes"], json!(from_store().map(|(id, _)| stored(id)).sum::<u64>()));
    assert_eq!(sum(source(&messages, "missing")[0]), (0, 0));
    let summary = messages.last().unwrap();
    assert_eq!(summary, &json!({"type": "plan-summary", "chunks": new.len(), "bytes": 5_700_000, "complete": true}));
    let parts = messages.iter().filter(|message| message["type"] == "plan-source").map(sum);
    assert_eq!(parts.fold((0, 0), |(a, b), (c, d)| (a + c, b + d)), sum(summary));
}

#[test]
fn what_lies_in_place_is_not_fetched() {
    let sandbox = images();
    let messages = json(&sandbox, &["plan", "new.caibx", "new"]);
    assert_eq!(sum(source(&messages, "store")[0]), (0, 0), "all of the output is there");
    let messages = json(&sandbox, &["plan", "new.caibx", "old"]);
    let in_place = sum(source(&messages, "output")[0]);
    // The first part, but for the chunk that reaches into what follows.
    assert!(in_place.1 > 1_000_000 && in_place.1 <= 1_500_000 + 262_144, "{in_place:?}");
    // An output that does not exist supplies nothing; one that is shorter only what it has.
    assert_eq!(source(&json(&sandbox, &["plan", "new.caibx", "absent"]), "output").len(), 0);
    sandbox.write("short", &sandbox.read("new")[..1_000_000]);
    let messages = json(&sandbox, &["plan", "new.caibx", "short"]);
    assert!((500_000..=1_000_000).contains(&sum(source(&messages, "output")[0]).1));
    std::fs::create_dir(sandbox.path("directory")).unwrap();
    let said = sandbox.casync(["plan", "new.caibx", "directory"]).failure();
    assert!(said.contains("neither a regular file nor a block device") && said.contains("--seed-index="), "{said}");
}

#[test]
fn what_nobody_has_is_told() {
    let sandbox = images();
    std::fs::rename(sandbox.path("default.castr"), sandbox.path("moved.castr")).unwrap();
    let text =
        |arguments: &[&str]| String::from_utf8(sandbox.casync([&["plan"], arguments].concat()).success()).unwrap();
    let missing = text(&["new.caibx"]);
    assert!(missing.contains("store default.castr: 0 chunks, 0 bytes\n"), "{missing}");
    assert!(!missing.contains("missing: 0 chunks"), "{missing}");
    assert_eq!(json(&sandbox, &["plan", "new.caibx"]).pop().unwrap()["complete"], json!(false));
    let found = text(&["new.caibx", "--extra-store=moved.castr"]);
    assert!(found.contains("missing: 0 chunks, 0 bytes\ntotal: "), "{found}");
    // A seed whose ids are of another digest has none of the chunks.
    sandbox.casync(["make", "--digest=sha256", "other.caibx", "new"]).success();
    let other = text(&["new.caibx", "--seed-index=other.caibx"]);
    assert!(other.contains("seed other.caibx: 0 chunks, 0 bytes\n"), "{other}");
    for (arguments, said) in [
        (&["plan"][..], "An index expected"),
        (&["plan", "new"], "read the index"),
        (&["plan", "new.caibx", "--seed-index=absent"], "Failed to open \"absent\""),
    ] {
        let told = sandbox.casync(arguments).failure();
        assert!(told.contains(said), "{told}");
    }
}

#[test]
fn seeds_without_an_index_are_looked_through() {
    let sandbox = images();
    let by_index = json(&sandbox, &["plan", "new.caibx", "--seed-index=old.caibx"]);
    let expected = sum(source(&by_index, "seed")[0]);
    assert!(expected.0 > 10);
    // Its index is beside it, then it has none.
    let beside = json(&sandbox, &["plan", "new.caibx", "--seed=old"]);
    std::fs::rename(sandbox.path("old.caibx"), sandbox.path("elsewhere.caibx")).unwrap();
    let scanned = json(&sandbox, &["plan", "new.caibx", "--seed=old"]);
    for messages in [&beside, &scanned] {
        let [seed] = source(messages, "seed")[..] else { panic!("one seed") };
        assert_eq!((seed["name"].as_str(), sum(seed)), (Some("old"), expected));
        assert_eq!(source(messages, "store"), source(&by_index, "store"));
    }
    let text = String::from_utf8(sandbox.casync(["plan", "new.caibx", "--seed=old"]).success()).unwrap();
    assert!(text.contains(&format!("seed old: {} chunks, {} bytes\n", expected.0, expected.1)), "{text}");
    // What the second has as well counts for the first; a seed that is not there is passed over, as it is by `extract`.
    let seeds = ["plan", "new.caibx", "--seed=absent", "--seed=old", "--seed=new", "--seed=old"];
    let messages = json(&sandbox, &seeds);
    let [first, second, third] = source(&messages, "seed")[..] else { panic!("three seeds") };
    assert_eq!((sum(first), sum(third)), (expected, (0, 0)));
    assert!(sum(second).0 > 0 && source(&messages, "missing").iter().all(|missing| sum(missing) == (0, 0)));
    // A tree, in which the image is a file.
    sandbox.write("tree/image", sandbox.read("old"));
    let messages = json(&sandbox, &["plan", "new.caibx", "--seed=tree"]);
    let in_tree = sum(source(&messages, "seed")[0]).0;
    assert!(in_tree > 10 && in_tree <= expected.0, "{in_tree} of {}", expected.0);
}
