//! Blobs: ranges that differ, in all forms.

use casync_tests::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::scene::{chunks, differences, json, noise};

/// Two images, of which the new one has bytes changed in two places and is longer.
fn images() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut image = noise(3, 3_000_000);
    sandbox.write("old", &image);
    image[700_000] ^= 1;
    image[2_000_000..2_000_010].fill(0);
    image.extend(noise(4, 50_000));
    sandbox.write("new", &image);
    for name in ["old", "new"] {
        sandbox.casync(["make", &format!("{name}.caibx"), name]).success();
        sandbox.casync(["make", "--chunk-size=4096", &format!("{name}-fine.caibx"), name]).success();
    }
    sandbox
}

fn ranges(messages: &[Value], change: &str) -> Vec<(u64, u64)> {
    let of = messages.iter().filter(|message| message["type"] == "range" && message["change"] == change);
    of.map(|range| (range["start"].as_u64().unwrap(), range["end"].as_u64().unwrap())).collect()
}

#[test]
fn ranges_cover_what_differs() {
    let sandbox = images();
    let forms = ["", ".caibx", "-fine.caibx"];
    for left in forms {
        for right in forms {
            let (old, new) = (format!("old{left}"), format!("new{right}"));
            let messages = json(&sandbox, &["diff", &old, &new]);
            let changed = ranges(&messages, "changed");
            for offset in [700_000, 2_000_005] {
                assert!(
                    changed.iter().any(|(start, end)| (*start..*end).contains(&offset)),
                    "{old} {new}: {changed:?}"
                );
            }
            // Not much more than what really differs: a chunk for each place, at the very most the largest.
            let bytes: u64 = changed.iter().map(|(start, end)| end - start).sum();
            assert!(bytes <= 3 * 262_144, "{old} {new}: {changed:?}");
            assert!(changed.windows(2).all(|pair| pair[0].1 < pair[1].0), "ranges ascend and do not touch");
            assert_eq!(ranges(&messages, "added"), [(3_000_000, 3_050_000)], "{old} {new}");
            assert_eq!(ranges(&messages, "removed"), []);
            let summary = messages.last().unwrap();
            assert_eq!(
                (&summary["unit"], &summary["added"], &summary["changed"]),
                (&json!("bytes"), &json!(50_000), &json!(bytes))
            );
            let back = json(&sandbox, &["diff", &new, &old]);
            assert_eq!(ranges(&back, "removed"), [(3_000_000, 3_050_000)]);

            for same in [format!("old{left}"), format!("old{right}")] {
                let found = differences(&sandbox, &["--exit-code", &same, &format!("old{right}")]);
                assert_eq!(found, "bytes added: 0, removed: 0, changed: 0\n", "{same}");
            }
        }
    }
    let found = differences(&sandbox, &["old", "new"]);
    assert_eq!(
        found,
        "C 696320..700416\nC 1998848..2002944\nA 3000000..3050000\nbytes added: 50000, removed: 0, changed: 8192\n"
    );
}

#[test]
fn an_update_is_what_the_old_one_lacks() {
    let sandbox = images();
    let [old, new] = ["old.caibx", "new.caibx"].map(|index| chunks(&sandbox, index));
    let (shared, fetched): (Vec<_>, Vec<_>) = new.iter().partition(|chunk| old.contains(chunk));
    let bytes = |chunks: &[(casync_core::chunk::ChunkId, u64)]| chunks.iter().map(|(_, size)| size).sum::<u64>();
    let update = &json(&sandbox, &["diff", "old.caibx", "new.caibx"]).pop().unwrap()["update"];
    assert_eq!((&update["chunks"], &update["bytes"]), (&json!(fetched.len()), &json!(bytes(&fetched))));
    assert_eq!((&update["shared_chunks"], &update["shared_bytes"]), (&json!(shared.len()), &json!(bytes(&shared))));
    assert!(!fetched.is_empty() && shared.len() > fetched.len());
    assert_eq!(update.get("unavailable"), None);
    // Ids alone are compared: no chunk is needed.
    std::fs::remove_dir_all(sandbox.path("default.castr")).unwrap();
    let update = &json(&sandbox, &["diff", "old.caibx", "new.caibx"]).pop().unwrap()["update"];
    assert_eq!((&update["unavailable"], &update["stored_bytes"]), (&json!(fetched.len()), &json!(0)));
}
