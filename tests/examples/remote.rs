//! `list_remote`.

use std::fs;

use casync_tests::input;
use tempfile::TempDir;

use crate::programs::{casync, example};
use crate::server::Server;

/// An archive of the C casync, and the text that it lists.
fn archive() -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let tree = directory.path().join("tree");
    for name in ["many", "large/a", "large/b", "empty"] {
        fs::create_dir_all(tree.join(name)).unwrap();
    }
    for number in 0..300 {
        fs::write(tree.join(format!("many/file {number}")), input::text(number)).unwrap();
    }
    for name in ["large/first", "large/second", "large/a/third", "top"] {
        fs::write(tree.join(name), input::prng(name, 1 << 20)).unwrap();
    }
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    casync(&["make", "--without=privileged", &path("tree.catar"), &path("tree")]);
    let list = casync(&["list", "--without=privileged", &path("tree.catar")]);
    (directory, list)
}

/// The entries of one directory in the list of everything, named by their names alone.
fn entries(list: &str, directory: &str) -> String {
    let mut entries = String::new();
    for line in list.lines() {
        let (mode, path) = line.split_once(' ').expect("a mode and a path");
        let name = if directory.is_empty() { Some(path) } else { path.strip_prefix(directory) };
        if let Some(name) = name.filter(|name| !name.contains('/') && *name != ".") {
            entries += &format!("{mode} {name}\n");
        }
    }
    entries
}

#[test]
fn directories_list_as_the_c_casync_lists_them() {
    let (directory, list) = archive();
    // The archive has more than sixty blocks of 64 KiB; a directory takes those that it touches.
    for (path, below, lines, most) in
        [("", "", 4, 8), ("many", "many/", 300, 8), ("/large/", "large/", 4, 12), ("empty", "empty/", 0, 6)]
    {
        let expected = entries(&list, below);
        assert_eq!(expected.lines().count(), lines, "{path}");
        let server = Server::new(directory.path());
        let outcome = example("list_remote", &[&server.url("tree.catar"), path], &[]);
        assert!(outcome.success, "{path}: {outcome:?}");
        assert_eq!(outcome.stdout, expected, "{path}");
        assert!(server.requests() <= most, "{path}: {} requests", server.requests());
    }
}

#[test]
fn what_cannot_be_listed_is_said() {
    let (directory, _) = archive();
    let server = Server::new(directory.path());
    let url = server.url("tree.catar");
    for (url, path, reason) in [
        (&url, "nope", "there is no \"nope\""),
        (&url, "top", "is no directory"),
        (&url, "top/below", "there is no"),
        (&server.url("nope.catar"), "", "404"),
        (&server.url("tree/top"), "", "unknown record"),
    ] {
        let outcome = example("list_remote", &[url, path], &[]);
        assert!(!outcome.success && outcome.stderr.contains(reason), "{path}: {outcome:?}");
    }
    let whole = Server::with(directory.path(), false, Box::new(|_, file| file));
    let outcome = example("list_remote", &[&whole.url("tree.catar")], &[]);
    assert!(!outcome.success && outcome.stderr.contains("ranges"), "{outcome:?}");
}
