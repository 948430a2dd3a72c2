//! Numbers of indexes, beside those counted here.

use std::collections::BTreeSet;

use casync_tests::sandbox::Sandbox;
use serde_json::json;
use sha2::Digest as _;

use crate::scene::{amount, blobs, distinct, items, json, noise, stored};

#[test]
fn sizes_are_those_of_the_chunks() {
    let sandbox = blobs();
    let items = items(&sandbox.read("new.caibx"));
    let facts = json(&sandbox, &["new.caibx"]);
    assert_eq!(
        (&facts["type"], &facts["kind"], &facts["file"]),
        (&json!("inspect-index"), &json!("blob"), &json!("new.caibx"))
    );
    assert_eq!(facts["file_bytes"], json!(sandbox.read("new.caibx").len()));
    assert_eq!(facts["chunk_size"], json!({"min": 16_384, "avg": 65_536, "max": 262_144}));
    assert_eq!((&facts["chunks"], &facts["bytes"]), (&json!(items.len()), &json!(sandbox.read("new").len())));

    let mut sizes: Vec<u64> = items.iter().map(|item| item.size).collect();
    sizes.sort_unstable();
    let (low, high) = (sizes[(sizes.len() - 1) / 2], sizes[sizes.len() / 2]);
    let mean = sizes.iter().sum::<u64>() / sizes.len() as u64;
    let expected = json!({"min": sizes[0], "mean": mean, "median": (low + high) / 2, "max": sizes[sizes.len() - 1]});
    assert_eq!(facts["found"], expected);

    // Every size is in one range, and ranges are one behind the other.
    let histogram = facts["histogram"].as_array().unwrap();
    let mut behind = 0;
    for range in histogram {
        let (from, to) = (range["from"].as_u64().unwrap(), range["to"].as_u64().unwrap());
        assert_eq!(from, behind);
        behind = to;
        let within = amount(sizes.iter().copied().filter(|size| (from..to).contains(size)));
        assert_eq!((&range["chunks"], &range["bytes"]), (&within["chunks"], &within["bytes"]), "{from}..{to}");
    }
    assert!(behind > sizes[sizes.len() - 1] && (2..=17).contains(&histogram.len()), "{histogram:?}");
}

#[test]
fn repeats_are_counted_by_id() {
    let sandbox = blobs();
    let items = items(&sandbox.read("new.caibx"));
    let facts = json(&sandbox, &["new.caibx"]);
    let distinct = distinct(&items);
    assert_eq!(facts["distinct"], amount(distinct.values().copied()));

    let count = |id: &str| items.iter().filter(|item| item.id == id).count() as u64;
    let mut saved: Vec<(u64, &str)> = distinct.iter().map(|(id, size)| ((count(id) - 1) * size, *id)).collect();
    saved.retain(|(saved, _)| *saved > 0);
    saved.sort_by_key(|(saved, id)| (std::cmp::Reverse(*saved), *id));
    let repeats = &facts["repeats"];
    assert_eq!(repeats["ids"], json!(saved.len()));
    assert_eq!(repeats["chunks"], json!(items.len() - distinct.len()));
    assert_eq!(repeats["bytes"], json!(saved.iter().map(|(saved, _)| saved).sum::<u64>()));
    let zeros: String = sha2::Sha512_256::digest(vec![0; 1 << 18]).iter().map(|byte| format!("{byte:02x}")).collect();
    let top: Vec<_> = saved
        .iter()
        .take(5)
        .map(|(_, id)| json!({"id": id, "size": distinct[id], "count": count(id), "zeros": *id == zeros}))
        .collect();
    assert_eq!(repeats["top"], json!(top));
    assert_eq!(repeats["top"][0]["zeros"], json!(true), "a megabyte of zeros is what repeats most");
}

#[test]
fn every_chunk_has_one_origin() {
    let sandbox = blobs();
    let [old, new] = ["old.caibx", "new.caibx"].map(|name| items(&sandbox.read(name)));
    let zeros: String = sha2::Sha512_256::digest(vec![0; 1 << 18]).iter().map(|byte| format!("{byte:02x}")).collect();
    let known: BTreeSet<&str> = old.iter().map(|item| item.id.as_str()).collect();
    let mut sizes: [Vec<u64>; 5] = Default::default();
    let mut fetched = BTreeSet::new();
    for item in &new {
        let origin = if item.id == zeros {
            2
        } else if old.contains(item) {
            0
        } else if known.contains(item.id.as_str()) {
            1
        } else if !fetched.insert(item.id.as_str()) {
            3
        } else {
            4
        };
        sizes[origin].push(item.size);
    }
    assert!(sizes.iter().all(|sizes| !sizes.is_empty()), "the blobs have something of everything");
    let facts = json(&sandbox, &["new.caibx", "--against=old.caibx"]);
    for (origin, sizes) in ["in_place", "moved", "zeros", "repeats", "fetch"].into_iter().zip(&sizes) {
        assert_eq!(facts["against"][origin], amount(sizes.iter().copied()), "{origin}");
    }
    let expected = json!({
        "chunks": fetched.len(),
        "bytes": sizes[4].iter().sum::<u64>(),
        "stored_bytes": stored(&sandbox, &fetched),
        "missing": {"chunks": 0, "bytes": 0},
    });
    assert_eq!(facts["against"]["fetch_stored"], expected);

    let same = json(&sandbox, &["old.caibx", "--against=old.caibx"]);
    assert_eq!(same["against"]["fetch"], json!({"chunks": 0, "bytes": 0}));
    assert_eq!(same["against"]["moved"], json!({"chunks": 0, "bytes": 0}));
}

#[test]
fn stores_are_asked_if_they_are_named_or_lie_beside() {
    let sandbox = blobs();
    let all = items(&sandbox.read("new.caibx"));
    let distinct = distinct(&all);
    let ids: BTreeSet<&str> = distinct.keys().copied().collect();
    let beside = json(&sandbox, &["new.caibx"]);
    let expected = json!({
        "chunks": distinct.len(),
        "bytes": distinct.values().sum::<u64>(),
        "stored_bytes": stored(&sandbox, &ids),
        "missing": {"chunks": 0, "bytes": 0},
    });
    assert_eq!(beside["store"], expected);

    let (gone, size) = distinct.iter().next().unwrap();
    std::fs::rename(sandbox.path("default.castr"), sandbox.path("elsewhere.castr")).unwrap();
    std::fs::remove_file(sandbox.path(format!("elsewhere.castr/{}/{gone}.cacnk", &gone[..4]))).unwrap();
    assert_eq!(json(&sandbox, &["new.caibx"]).get("store"), None);
    for option in ["--store=elsewhere.castr", "--extra-store=elsewhere.castr"] {
        let store = &json(&sandbox, &["new.caibx", option])["store"];
        assert_eq!(store["missing"], json!({"chunks": 1, "bytes": size}), "{option}");
        assert_eq!(store["chunks"], json!(distinct.len() - 1), "{option}");
    }
    let nowhere = json(&sandbox, &["new.caibx", "--store=nowhere.castr"]);
    assert_eq!(nowhere["store"]["missing"]["chunks"], json!(distinct.len()));
    // Nothing was made on the way.
    assert_eq!(sandbox.names("."), ["elsewhere.castr", "new", "new.caibx", "old", "old.caibx"]);
}

#[test]
fn flags_have_names() {
    let sandbox = Sandbox::new();
    sandbox.write("tree/file", noise(1, 100));
    let make = ["--with=unix", "--without=fifos", "--digest=sha256", "--exclude-nodump=no", "--chunk-size=2K:8K:64K"];
    sandbox.casync(["make", "x.caidx", "tree"].iter().chain(&make)).success();
    let facts = json(&sandbox, &["x.caidx"]);
    assert_eq!((&facts["kind"], &facts["digest"]), (&json!("archive"), &json!("sha256")));
    assert_eq!(facts["chunk_size"], json!({"min": 2048, "avg": 8192, "max": 65536}));
    let names = ["16bit-uids", "sec-time", "permissions", "symlinks", "device-nodes", "sockets"];
    // 16-bit ids, seconds, permissions, links, devices, sockets; .caexclude files are respected.
    let bits = format!("{:016x}", 1_u64 | 1 << 3 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 12 | 1 << 60);
    assert_eq!(facts["features"], json!({"bits": bits, "names": names, "left_out": ["caexclude"]}));
}

#[test]
fn an_empty_stream_has_no_chunks() {
    let sandbox = Sandbox::new();
    sandbox.write("empty", "");
    sandbox.casync(["make", "empty.caibx", "empty"]).success();
    let facts = json(&sandbox, &["empty.caibx", "--html=empty.html"]);
    assert_eq!((&facts["chunks"], &facts["bytes"], &facts["file_bytes"]), (&json!(0), &json!(0), &json!(104)));
    assert_eq!((facts.get("found"), &facts["histogram"]), (None, &json!([])));
    crate::markup::Page::parse(&sandbox.read("empty.html"));
}

#[test]
fn indexes_come_through_pipes_too() {
    let sandbox = blobs();
    let mut command = sandbox.command(casync_tests::tool::ours());
    command.args(["inspect", "--json", "--what=blob-index", "-"]);
    let piped = casync_tests::sandbox::outcome_with_input(&mut command, &sandbox.read("new.caibx")).success();
    let mut piped: serde_json::Value = serde_json::from_slice(&piped).unwrap();
    let mut named = json(&sandbox, &["new.caibx"]);
    // A stream without a name has no store beside it.
    for facts in [&mut piped, &mut named] {
        facts.as_object_mut().unwrap().retain(|key, _| !["file", "store"].contains(&key.as_str()));
    }
    assert_eq!(piped, named);
}
