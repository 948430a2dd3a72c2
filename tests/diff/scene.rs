//! What the tests of `diff` and `plan` have at hand.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use casync_core::Limits;
use casync_core::chunk::ChunkId;
use casync_core::index::IndexTable;
use casync_tests::content::{Content, Kind};
use casync_tests::random::Rng;
use casync_tests::sandbox::Sandbox;
use serde_json::Value;

/// Bytes that do not compress.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    Content::new(Kind::Noise, seed).append(length, &mut bytes);
    bytes.truncate(length);
    bytes
}

/// Two trees, `old` and `new`, each also as `.catar` and `.caidx` with one store; what differs is [`DIFFERENCES`].
pub(crate) fn trees() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut rng = Rng::new(1);
    for number in 0..200 {
        sandbox.write(format!("old/same/many/{number}"), rng.bytes(3000));
    }
    sandbox.write("old/big", noise(1, 1_000_000));
    sandbox.write("old/changed/size", "short");
    sandbox.write("old/changed/content", "one");
    sandbox.write("old/changed/mode", "");
    sandbox.write("old/changed/type", "a file");
    sandbox.write("old/gone/deeper/file", "");
    fs::create_dir(sandbox.path("old/same/empty")).unwrap();
    std::os::unix::fs::symlink("nowhere", sandbox.path("old/changed/link")).unwrap();

    sandbox.run("cp", ["-a", "old", "new"]).success();
    fs::remove_dir_all(sandbox.path("new/gone")).unwrap();
    let mut big = sandbox.read("new/big");
    big[500_000] ^= 1;
    sandbox.write("new/big", big);
    sandbox.write("new/changed/size", "longer");
    sandbox.write("new/changed/content", "two");
    fs::set_permissions(sandbox.path("new/changed/mode"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::set_permissions(sandbox.path("old/changed/mode"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(sandbox.path("new/changed/type")).unwrap();
    fs::create_dir(sandbox.path("new/changed/type")).unwrap();
    fs::remove_file(sandbox.path("new/changed/link")).unwrap();
    std::os::unix::fs::symlink("elsewhere", sandbox.path("new/changed/link")).unwrap();
    sandbox.write(Path::new("new/added").join(OsStr::from_bytes(b"\xff name")), "");
    // Modes of what was created just now depend on the caller's umask.
    for (path, mode) in [("new/changed/type", 0o755), ("new/added", 0o755), ("old/changed/type", 0o644)] {
        fs::set_permissions(sandbox.path(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    for tree in ["old", "new"] {
        for form in ["catar", "caidx"] {
            sandbox.casync(["make", &format!("{tree}.{form}"), tree]).success();
        }
    }
    sandbox
}

/// What differs between the trees of [`trees`], times apart.
pub(crate) const DIFFERENCES: &str = r"A added
A added/\377\040name
C big: content
C changed/content: content
C changed/link: target nowhere -> elsewhere
C changed/mode: mode 0755 -> 0640
C changed/size: size 5 -> 6, content
C changed/type: type file -> dir, mode 0644 -> 0755
D gone
D gone/deeper
D gone/deeper/file
added: 2, removed: 3, changed: 6
";

/// Leaves times out of a comparison.
pub(crate) const NO_TIMES: [&str; 4] =
    ["--without=sec-time", "--without=usec-time", "--without=nsec-time", "--without=2sec-time"];

/// Runs a comparison that must work; returns what it prints.
#[track_caller]
pub(crate) fn diff(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let printed = sandbox.casync(["diff"].iter().chain(arguments)).success();
    String::from_utf8(printed).expect("paths are escaped")
}

/// The same without the line about updates, which only pairs of indexes have.
#[track_caller]
pub(crate) fn differences(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let lines = diff(sandbox, arguments);
    lines.lines().filter(|line| !line.starts_with("update:")).map(|line| format!("{line}\n")).collect()
}

/// Runs a verb with `--json`; returns its messages.
#[track_caller]
pub(crate) fn json(sandbox: &Sandbox, arguments: &[&str]) -> Vec<Value> {
    let printed = sandbox.casync(arguments.iter().chain(&["--json"])).success();
    let text = String::from_utf8(printed).expect("JSON is UTF-8");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// The chunks of an index in a sandbox: ids and sizes.
pub(crate) fn chunks(sandbox: &Sandbox, index: &str) -> Vec<(ChunkId, u64)> {
    let table = IndexTable::parse(&sandbox.read(index), &Limits::default()).unwrap();
    table.iter().map(|piece| (piece.id, piece.size)).collect()
}

/// The file of a chunk in the default store.
pub(crate) fn chunk_file(id: &ChunkId) -> String {
    format!("default.castr/{:04x}/{id}.cacnk", id.prefix())
}
