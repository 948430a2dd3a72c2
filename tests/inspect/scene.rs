//! What the tests of `inspect` have at hand, and the same numbers counted another way.

use std::collections::{BTreeMap, BTreeSet};

use casync_tests::content::{Content, Kind};
use casync_tests::sandbox::Sandbox;
use serde_json::Value;

/// A chunk as it stands in an index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) start: u64,
    pub(crate) size: u64,
}

/// `old.caibx` and `new.caibx` with their store: zeros, a repeated part, an inserted part, a changed part, the end cut off.
pub(crate) fn blobs() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut old = noise(1, 3_000_000);
    old.extend_from_slice(&[0; 1 << 20]);
    let again = old[..700_000].to_vec();
    old.extend_from_slice(&again);
    old.extend_from_slice(&noise(2, 1_000_000));

    let mut new = old[..old.len() - 300_000].to_vec();
    new[100_000..100_400].fill(b'x');
    let added = noise(3, 900_000);
    let twice = [added.as_slice(), &added].concat();
    new.splice(2_000_000..2_000_000, twice);
    for (name, bytes) in [("old", old), ("new", new)] {
        sandbox.write(name, bytes);
        sandbox.casync(["make", &format!("{name}.caibx"), name]).success();
    }
    sandbox
}

/// Bytes that do not repeat.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    Content::new(Kind::Noise, seed).append(length, &mut bytes);
    bytes.truncate(length);
    bytes
}

/// The chunks of an index, read by nothing but the layout of the format.
pub(crate) fn items(index: &[u8]) -> Vec<Item> {
    let mut start = 0;
    let table = &index[64..index.len() - 40];
    let item = |bytes: &[u8]| {
        let end = u64::from_le_bytes(bytes[..8].try_into().unwrap());
        let id = bytes[8..].iter().map(|byte| format!("{byte:02x}")).collect();
        let item = Item { id, start, size: end - start };
        start = end;
        item
    };
    table.chunks(40).map(item).collect()
}

/// Different chunks and their sizes.
pub(crate) fn distinct(items: &[Item]) -> BTreeMap<&str, u64> {
    items.iter().map(|item| (item.id.as_str(), item.size)).collect()
}

/// Chunks and bytes as JSON has them.
pub(crate) fn amount(sizes: impl IntoIterator<Item = u64>) -> Value {
    let sizes: Vec<u64> = sizes.into_iter().collect();
    serde_json::json!({"chunks": sizes.len(), "bytes": sizes.iter().sum::<u64>()})
}

/// What `--json` prints: one object in one line.
#[track_caller]
pub(crate) fn json(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let printed = sandbox.casync(["inspect", "--json"].iter().chain(arguments)).success();
    let text = String::from_utf8(printed).expect("JSON is UTF-8");
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Bytes that chunks of the default store take there.
pub(crate) fn stored(sandbox: &Sandbox, ids: &BTreeSet<&str>) -> u64 {
    let size = |id: &&str| {
        let path = sandbox.path(format!("default.castr/{}/{id}.cacnk", &id[..4]));
        std::fs::metadata(path).unwrap().len()
    };
    ids.iter().map(size).sum()
}
