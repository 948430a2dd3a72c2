//! Golden files: what the C casync made of known inputs (see `tests/vectors/README.md`).

use std::fs;
use std::path::{Path, PathBuf};

use crate::table::Table;

/// The place of a golden file.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(name)
}

/// The bytes of a golden file.
pub fn read(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap_or_else(|error| panic!("golden file {name}: {error}"))
}

/// A golden table.
pub fn table(name: &str) -> Table {
    let text = String::from_utf8(read(name)).unwrap_or_else(|error| panic!("golden table {name}: {error}"));
    Table::parse(&text)
}

/// Names of the golden files in a directory, without the directory, in ascending order.
pub fn list(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(path(directory)).unwrap_or_else(|error| panic!("golden files in {directory}: {error}"));
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().expect("golden files have UTF-8 names")).collect();
    names.sort();
    names
}
