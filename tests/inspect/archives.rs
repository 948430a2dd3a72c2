//! Numbers of archives, beside those of the trees they are of.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use casync_core::archive::Metadata;
use casync_tests::members::decode;
use casync_tests::sandbox::{Sandbox, outcome_with_input};
use casync_tests::tool::ours;
use casync_tests::vectors;
use serde_json::json;

use crate::scene::{json, noise};

/// Whether a node has something.
type Has = fn(&Metadata) -> bool;

/// A tree with files of 1 to 9 times 100 bytes, of which one has a name that is no UTF-8.
fn tree() -> Sandbox {
    let sandbox = Sandbox::new();
    for number in 1..9 {
        sandbox.write(format!("tree/a/{number}"), noise(number, number as usize * 100));
    }
    sandbox.write(Path::new("tree/a/b/c").join(OsStr::from_bytes(b"\xff")), noise(9, 900));
    std::os::unix::fs::symlink("nowhere", sandbox.path("tree/link")).unwrap();
    sandbox.run("mkfifo", ["tree/pipe"]).success();
    sandbox.casync(["make", "x.catar", "tree"]).success();
    sandbox
}

#[test]
fn nodes_and_bytes_are_counted() {
    let sandbox = tree();
    let facts = json(&sandbox, &["x.catar"]);
    let size = sandbox.read("x.catar").len() as u64;
    assert_eq!((&facts["type"], &facts["digest"]), (&json!("inspect-archive"), &json!("sha512-256")));
    assert_eq!((&facts["bytes"], &facts["payload_bytes"]), (&json!(size), &json!(4500)));
    assert_eq!(facts["metadata_bytes"], json!(size - 4500));
    let kinds = json!({"dir": 4, "file": 9, "link": 1, "char": 0, "block": 0, "fifo": 1, "socket": 0});
    assert_eq!((&facts["nodes"], &facts["kinds"], &facts["depth"]), (&json!(15), &kinds, &json!(4)));
    let largest = json!([
        {"path_bytes": "YS9iL2Mv/w==", "size": 900},
        {"path": "a/8", "size": 800},
        {"path": "a/7", "size": 700},
        {"path": "a/6", "size": 600},
        {"path": "a/5", "size": 500},
    ]);
    assert_eq!(facts["largest"], largest);
    let bits = facts["features"]["bits"].as_str().unwrap();
    assert_eq!(u64::from_str_radix(bits, 16).unwrap().to_le_bytes(), sandbox.read("x.catar")[16..24]);

    let mut command = sandbox.command(ours());
    command.args(["inspect", "--json", "--what=archive"]).arg("-");
    let piped = outcome_with_input(&mut command, &sandbox.read("x.catar")).success();
    let mut named = facts;
    named.as_object_mut().unwrap().remove("file");
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&piped).unwrap(), named);

    let text = String::from_utf8(sandbox.casync(["inspect", "x.catar"]).success()).unwrap();
    for line in ["Nodes:          15", "                9 regular files", "Largest files:  a/b/c/\\377 900 bytes"] {
        assert!(text.lines().any(|found| found == line), "{line:?} in\n{text}");
    }
}

/// The golden archives of the C casync, whose members are decoded here.
#[test]
fn metadata_is_counted_by_kind() {
    let sandbox = Sandbox::new();
    let mut seen = [0; 7];
    for name in vectors::list("catar") {
        let path = vectors::path(&format!("catar/{name}"));
        let facts = json(&sandbox, &[path.to_str().unwrap()]);
        let members = decode(&vectors::read(&format!("catar/{name}"))).unwrap();
        assert_eq!(facts["nodes"], json!(members.len()), "{name}");
        assert_eq!(facts["depth"], json!(members.iter().map(|member| member.depth).max()), "{name}");
        let payload = members.iter().map(|member| member.payload.len()).sum::<usize>();
        assert_eq!(facts["payload_bytes"], json!(payload), "{name}");
        let has: [(&str, Has); 7] = [
            ("xattrs", |metadata| !metadata.xattrs.is_empty()),
            ("acl", |metadata| metadata.acl.is_some()),
            ("default_acl", |metadata| metadata.default_acl.is_some()),
            ("selinux", |metadata| metadata.selinux.is_some()),
            ("fcaps", |metadata| metadata.fcaps.is_some()),
            ("project_id", |metadata| metadata.project_id.is_some()),
            ("flags", |metadata| !metadata.flags.is_empty()),
        ];
        for ((what, has), seen) in has.into_iter().zip(&mut seen) {
            let count = members.iter().filter(|member| has(&member.node.metadata)).count();
            assert_eq!(facts["with"][what], json!(count), "{name}: {what}");
            *seen += count;
        }
        assert_eq!(facts["flags"].as_array().unwrap().is_empty(), facts["with"]["flags"] == 0, "{name}");
    }
    // Extended attributes, both kinds of ACLs, capabilities.
    assert!([0, 1, 2, 4].iter().all(|kind| seen[*kind] > 0), "{seen:?}");
}
