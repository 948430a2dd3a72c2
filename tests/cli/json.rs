//! `--json`: the same as the text says, one object a line, and no name is lost.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;

use casync_tests::sandbox::Sandbox;
use serde_json::{Value, json};

/// A tree with a name and a link that are no UTF-8, and one with what text has to escape.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, content) in [(&b"tree/dir/file"[..], "hello"), (b"tree/na\xffme", ""), (b"tree/with \"#\n", "x")] {
        let path = sandbox.write(OsStr::from_bytes(name), content);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o640)).expect("it is ours");
    }
    std::os::unix::fs::symlink(OsStr::from_bytes(b"to\xfe"), sandbox.path("tree/link")).expect("a new link");
    sandbox.write("blob", "0123456789");
    sandbox
}

/// The objects that a run prints, whether it succeeds or not.
fn objects(sandbox: &Sandbox, args: &[&str]) -> Vec<Value> {
    let outcome = sandbox.casync(["--json"].iter().chain(args));
    let text = String::from_utf8(outcome.stdout).expect("JSON is UTF-8");
    assert!(!text.is_empty(), "{}", outcome.stderr);
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(parse).collect()
}

/// The only object of a run.
fn object(sandbox: &Sandbox, args: &[&str]) -> Value {
    let mut objects = objects(sandbox, args);
    assert_eq!(objects.len(), 1, "{objects:?}");
    objects.remove(0)
}

/// Digest in the only line of a run.
fn digest(sandbox: &Sandbox, args: &[&str]) -> Value {
    let printed = String::from_utf8(sandbox.casync(args).success()).expect("a digest");
    Value::from(printed.trim_end())
}

#[test]
fn lists_are_the_same_of_all_forms() {
    let sandbox = sandbox();
    for name in ["tree.caidx", "tree.catar"] {
        sandbox.casync(["make", name, "tree"]).success();
    }
    let of_directory = objects(&sandbox, &["list", "tree"]);
    for name in ["tree.caidx", "tree.catar"] {
        assert_eq!(objects(&sandbox, &["list", name]), of_directory, "{name}");
    }
    let field = |name: &str| of_directory.iter().map(|node| node[name].clone()).collect::<Vec<_>>();
    assert_eq!(field("kind"), ["dir", "dir", "file", "link", "file", "file"]);
    let null = Value::Null;
    let paths = [json!("."), json!("dir"), json!("dir/file"), json!("link"), null.clone(), json!("with \"#\n")];
    assert_eq!(field("path"), paths);
    assert_eq!(of_directory[4]["path_bytes"], "bmH/bWU=");
    assert_eq!((&of_directory[3]["target_bytes"], &of_directory[3]["target"]), (&json!("dG/+"), &null));
    assert_eq!((&of_directory[2]["mode"], &of_directory[2]["size"]), (&json!("0640"), &json!(5)));

    let direct: Vec<Value> =
        of_directory.iter().enumerate().filter(|(at, _)| *at != 2).map(|(_, node)| node.clone()).collect();
    assert_eq!(objects(&sandbox, &["--recursive=no", "list", "tree.caidx"]), direct);
    assert_eq!(objects(&sandbox, &["--recursive=no", "list", "tree"]), direct);
}

#[test]
fn what_does_not_count_is_left_out() {
    let sandbox = sandbox();
    sandbox.casync(["make", "tree.catar", "tree"]).success();
    let fields = |args: &[&str]| {
        let node = objects(&sandbox, args).remove(0);
        node.as_object().expect("an object").keys().cloned().collect::<Vec<_>>()
    };
    assert!(fields(&["list", "tree.catar"]).contains(&"mtime".to_owned()));
    assert_eq!(fields(&["--with=symlinks", "list", "tree.catar"]), ["kind", "mode", "path", "type"]);
    assert_eq!(fields(&["--with=symlinks", "mtree", "tree.catar"]), ["kind", "mode", "path", "type"]);
}

#[test]
fn manifests_and_nodes_have_digests() {
    let sandbox = sandbox();
    sandbox.casync(["make", "tree.caidx", "tree"]).success();
    let nodes = objects(&sandbox, &["mtree", "tree.caidx"]);
    assert_eq!(objects(&sandbox, &["mtree", "tree"]), nodes);
    let expected = digest(&sandbox, &["digest", "tree.caidx", "dir/file"]);
    assert_eq!((&nodes[2]["path"], &nodes[2]["digest"]), (&json!("dir/file"), &expected));
    assert_eq!(nodes[1].get("digest"), None, "a directory has no payload");

    let node = object(&sandbox, &["stat", "tree.caidx", "dir/file"]);
    assert_eq!((&node["path"], &node["digest"]), (&json!("dir/file"), &expected));
    let text = String::from_utf8(sandbox.casync(["stat", "tree.caidx", "dir/file"]).success()).expect("UTF-8");
    for (label, field) in [("  Offset: ", "offset"), ("HLDigest: ", "hardlink_digest")] {
        let shown = text.lines().find_map(|line| line.strip_prefix(label)).expect("stat shows it");
        assert_eq!(node[field].to_string().trim_matches('"'), shown, "{field}");
    }
}

#[test]
fn what_is_made_and_extracted_is_counted() {
    let sandbox = sandbox();
    let made = object(&sandbox, &["make", "blob.caibx", "blob"]);
    let expected = digest(&sandbox, &["digest", "blob"]);
    let fields =
        json!({"type": "made", "output": "blob.caibx", "bytes": 10, "digest": expected, "chunks": 1, "reused": 0});
    assert_eq!(made, fields);
    assert_eq!(object(&sandbox, &["make", "again.caibx", "blob"])["reused"], 1);
    let archive = object(&sandbox, &["make", "tree.catar", "tree"]);
    assert_eq!(archive["bytes"], sandbox.read("tree.catar").len());
    assert_eq!((archive.get("chunks"), &archive["digest"]), (None, &digest(&sandbox, &["digest", "tree"])));
    assert_eq!(object(&sandbox, &["digest", "blob"]), json!({"type": "digest", "digest": expected}));

    let extracted = object(&sandbox, &["extract", "blob.caibx", "copy"]);
    assert_eq!(sandbox.read("copy"), sandbox.read("blob"));
    for (field, value) in [("store_chunks", 1), ("store_bytes", 10), ("seed_chunks", 0), ("holes", 0), ("unset", 0)] {
        assert_eq!(extracted[field], value, "{field}");
    }
    let name = OsStr::from_bytes(b"out\xff");
    let printed = sandbox.casync([OsStr::new("--json"), "extract".as_ref(), "tree.catar".as_ref(), name]).success();
    let extracted: Value = serde_json::from_slice(&printed).expect("an object");
    assert_eq!((&extracted["type"], &extracted["output_bytes"]), (&json!("extracted"), &json!("b3V0/w==")));
}

#[test]
fn data_and_json_do_not_mix() {
    let sandbox = sandbox();
    sandbox.casync(["make", "blob.caibx", "blob"]).success();
    for args in [["--json", "make", "-", "blob"], ["--json", "extract", "blob.caibx", "-"]] {
        let outcome = sandbox.casync(args);
        assert_eq!(outcome.stdout, b"");
        assert!(outcome.failure().starts_with("Standard output cannot have both "), "{args:?}");
    }
}

#[test]
fn verify_tells_each_problem() {
    let sandbox = sandbox();
    sandbox.casync(["make", "blob.caibx", "blob"]).success();
    let summary = |good: bool, problems: u64| {
        let (looked_at, bytes) = (1, 10);
        json!({"type": "verify-summary", "good": good, "unit": "chunk", "looked_at": looked_at, "bytes": bytes,
               "problems": problems, "repaired": 0, "remarks": 0})
    };
    assert_eq!(object(&sandbox, &["verify", "blob.caibx"]), summary(true, 0));
    std::fs::remove_dir_all(sandbox.path("default.castr")).expect("the store is there");
    std::fs::create_dir(sandbox.path("default.castr")).expect("it is gone");
    let told = objects(&sandbox, &["verify", "blob.caibx"]);
    assert_eq!((told.len(), &told[1]), (2, &summary(false, 1)));
    assert_eq!(told[0]["type"], "problem");
    assert!(told[0]["text"].as_str().expect("a text").contains("is missing"), "{told:?}");
    assert_eq!(sandbox.casync(["--json", "verify", "blob.caibx"]).failure(), "Verification failed: 1 problem left.\n");
}

#[test]
fn gc_sums_up() {
    let sandbox = sandbox();
    sandbox.casync(["make", "blob.caibx", "blob"]).success();
    sandbox.write("other", "9876543210");
    sandbox.casync(["make", "other.caibx", "other"]).success();
    let told = objects(&sandbox, &["--dry-run", "--verbose", "gc", "blob.caibx"]);
    let unused = format!("{}.cacnk", digest(&sandbox, &["digest", "other"]).as_str().expect("a digest"));
    assert_eq!(told[0], json!({"type": "gc-chunk", "change": "would-remove", "file": unused}));
    assert_eq!((&told[1]["dry_run"], &told[1]["removed"], &told[1]["remaining"]), (&json!(true), &json!(1), &json!(1)));

    let directory = unused[..4].to_owned();
    let size = std::fs::metadata(sandbox.path(format!("default.castr/{directory}/{unused}")))
        .expect("it is still there")
        .len();
    let summary = object(&sandbox, &["gc", "blob.caibx"]);
    let expected = json!({"type": "gc-summary", "dry_run": false, "references": 1, "live": 1, "removed": 1,
                          "removed_bytes": size, "directories": 1, "remaining": 1, "young": 0, "temporary": 0});
    assert_eq!(summary, expected);
}

/// Whatever a name is, each verb's JSON has it, byte by byte.
#[test]
fn names_that_are_no_utf_8_survive_in_all_verbs() {
    let sandbox = Sandbox::new();
    let os = |bytes: &'static [u8]| OsStr::from_bytes(bytes);
    let made = sandbox.write(os(b"t\xffree/na\xfeme"), "0123456789");
    sandbox.write(os(b"blo\xffb"), "0123456789");
    sandbox.write("target", "x");
    std::os::unix::fs::symlink(os(b"to\xfd"), sandbox.path(os(b"t\xffree/li\xfcnk"))).expect("a new link");
    #[expect(clippy::type_complexity, reason = "a table of command lines and the fields to look for")]
    let rows: [(&[&[u8]], &[(&str, &[u8])]); 12] = [
        (&[b"make", b"o\xff.catar", b"t\xffree"], &[("output", b"o\xff.catar")]),
        (&[b"make", b"--store=s\xff", b"o\xff.caidx", b"t\xffree"], &[("output", b"o\xff.caidx")]),
        (&[b"make", b"--store=s\xff", b"o\xff.caibx", b"blo\xffb"], &[("output", b"o\xff.caibx")]),
        (&[b"list", b"o\xff.catar"], &[("path", b"na\xfeme"), ("target", b"to\xfd")]),
        (&[b"mtree", b"--store=s\xff", b"o\xff.caidx"], &[("path", b"na\xfeme"), ("path", b"li\xfcnk")]),
        (&[b"stat", b"o\xff.catar", b"na\xfeme"], &[("path", b"na\xfeme")]),
        (&[b"extract", b"o\xff.catar", b"o\xffut"], &[("output", b"o\xffut")]),
        (&[b"extract", b"--store=s\xff", b"o\xff.caibx", b"copy\xff"], &[("output", b"copy\xff")]),
        (&[b"inspect", b"o\xff.catar"], &[("file", b"o\xff.catar")]),
        (&[b"inspect", b"--store=s\xff", b"o\xff.caibx"], &[("file", b"o\xff.caibx")]),
        (&[b"plan", b"--store=s\xff", b"o\xff.caibx"], &[("name", b"s\xff")]),
        (&[b"diff", b"o\xff.catar", b"emp\xffty"], &[("path", b"na\xfeme"), ("target", b"to\xfd")]),
    ];
    std::fs::create_dir(sandbox.path(os(b"emp\xffty"))).expect("it is new");
    let look = |arguments: &[&[u8]]| {
        let arguments = arguments.iter().map(|argument| OsStr::from_bytes(argument));
        let outcome = sandbox.casync(std::iter::once(OsStr::new("--json")).chain(arguments));
        let text = String::from_utf8(outcome.stdout).expect("JSON is UTF-8");
        for line in text.lines() {
            let _: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        }
        (text, outcome.stderr)
    };
    let expect = |arguments: &[&[u8]], fields: &[(&str, &[u8])]| {
        let (text, stderr) = look(arguments);
        for (field, bytes) in fields {
            let encoded = format!("\"{field}_bytes\":\"{}\"", base64(bytes));
            assert!(text.contains(&encoded), "{arguments:?}: no {encoded} in {text}{stderr}");
        }
    };
    for (arguments, fields) in rows {
        expect(arguments, fields);
    }
    // What `verify` finds wrong.
    std::fs::write(&made, "9876543210").expect("it is ours");
    std::fs::remove_file(sandbox.path(os(b"t\xffree/li\xfcnk"))).expect("it is there");
    let wrong: &[(&str, &[u8])] = &[("path", b"na\xfeme"), ("path", b"li\xfcnk")];
    expect(&[b"verify", b"o\xff.catar", b"t\xffree"], wrong);
    sandbox.write(os(b"blo\xffb"), "0123456780");
    expect(&[b"verify", b"--store=s\xff", b"o\xff.caibx", b"blo\xffb"], &[("file", b"blo\xffb")]);
}

/// As RFC 4648 has it.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at)) as usize & 63];
            text.push(if at <= three.len() { char::from(letter) } else { '=' });
        }
    }
    text
}
