//! What `--json` prints.

use serde_json::json;

use crate::scene::{NO_TIMES, chunks, json, trees};

#[test]
fn every_line_is_an_object_with_a_type() {
    let sandbox = trees();
    let messages = json(&sandbox, &[&["diff", "old.caidx", "new.caidx"][..], &NO_TIMES].concat());
    let of = |kind: &str| messages.iter().filter(|message| message["type"] == kind).collect::<Vec<_>>();
    let added = of("added");
    assert_eq!(added.len(), 2);
    assert_eq!(
        (&added[0]["path"], &added[0]["kind"], &added[0]["mode"]),
        (&json!("added"), &json!("dir"), &json!("0755"))
    );
    // A name that is no UTF-8 survives as base64, and is not mistaken for one that is.
    assert_eq!(added[1].get("path"), None);
    assert_eq!(added[1]["path_bytes"], json!("YWRkZWQv/yBuYW1l"));
    assert_eq!(added[1]["size"], json!(0));
    let removed: Vec<_> = of("removed").iter().map(|message| message["path"].as_str().unwrap().to_owned()).collect();
    assert_eq!(removed, ["gone", "gone/deeper", "gone/deeper/file"]);
    let changed = of("changed");
    let mode = changed.iter().find(|message| message["path"] == "changed/mode").unwrap();
    assert_eq!(mode["changes"], json!([{"what": "mode", "from": "0755", "to": "0640"}]));
    let size = changed.iter().find(|message| message["path"] == "changed/size").unwrap();
    assert_eq!(size["changes"], json!([{"what": "size", "from": 5, "to": 6}, {"what": "content"}]));
    let link = changed.iter().find(|message| message["path"] == "changed/link").unwrap();
    assert_eq!(link["changes"], json!([{"what": "target", "from": "nowhere", "to": "elsewhere"}]));

    let summary = messages.last().unwrap();
    assert_eq!(
        (&summary["type"], &summary["equal"], &summary["unit"]),
        (&json!("diff-summary"), &json!(false), &json!("paths"))
    );
    assert_eq!((&summary["added"], &summary["removed"], &summary["changed"]), (&json!(2), &json!(3), &json!(6)));
    let old: std::collections::BTreeSet<_> = chunks(&sandbox, "old.caidx").into_iter().collect();
    let new: std::collections::BTreeSet<_> = chunks(&sandbox, "new.caidx").into_iter().collect();
    let fetched = || new.difference(&old);
    assert_eq!(summary["update"]["chunks"], json!(fetched().count()));
    assert_eq!(summary["update"]["bytes"], json!(fetched().map(|(_, size)| size).sum::<u64>()));
    let stored = |id| std::fs::metadata(sandbox.path(crate::scene::chunk_file(id))).unwrap().len();
    assert_eq!(summary["update"]["stored_bytes"], json!(fetched().map(|(id, _)| stored(id)).sum::<u64>()));
    assert_eq!(summary["update"]["shared_chunks"], json!(new.intersection(&old).count()));

    let equal = json(&sandbox, &["diff", "old", "old.catar"]);
    assert_eq!(
        equal,
        [json!({"type": "diff-summary", "equal": true, "unit": "paths", "added": 0, "removed": 0, "changed": 0})]
    );
}
