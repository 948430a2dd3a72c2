//! Checks that no test is forgotten: every Rust file of this package belongs to a target.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_file_belongs_to_a_target() {
    let package = &Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize().expect("the package is there");
    let mut known = BTreeSet::new();
    for manifest in ["Cargo.toml", "fuzz/Cargo.toml", "../native/Cargo.toml"].map(|manifest| package.join(manifest)) {
        for target in targets(&manifest) {
            let directory = target.parent().expect("a file is in a directory").to_path_buf();
            add_modules(&target, &directory, &mut known);
        }
    }
    let mut there = BTreeSet::new();
    add_files(package, &mut there);
    assert!(there.contains(&package.join("guard/main.rs")), "the search finds this file");
    let forgotten: Vec<_> = there.difference(&known).collect();
    assert!(forgotten.is_empty(), "no target of Cargo.toml and no `mod` line leads to {forgotten:?}");
}

/// The root files of a manifest's targets: the library, and every `path = "...rs"`.
fn targets(manifest: &Path) -> Vec<PathBuf> {
    let Ok(text) = fs::read_to_string(manifest) else { return Vec::new() };
    let directory = manifest.parent().expect("a manifest is in a directory");
    let paths = text.lines().filter_map(|line| line.strip_prefix("path = ")?.strip_prefix('"')?.strip_suffix(".rs\""));
    // A target of the program may lie here, too.
    let found = |path: &str| {
        let path = directory.join(format!("{path}.rs"));
        path.canonicalize().unwrap_or(path)
    };
    let mut targets: Vec<PathBuf> = paths.map(found).collect();
    assert!(targets.iter().all(|target| target.exists()), "targets of {}: {targets:?}", manifest.display());
    targets.extend(Some(directory.join("src/lib.rs")).filter(|library| library.exists()));
    targets
}

/// Adds a file and its modules, whose files are in `directory`.
fn add_modules(file: &Path, directory: &Path, known: &mut BTreeSet<PathBuf>) {
    known.insert(file.to_path_buf());
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    for line in text.lines() {
        let line = line.trim_start();
        let line = line.strip_prefix("pub ").unwrap_or(line);
        if let Some(name) = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) {
            let below = directory.join(name);
            let choices = [below.with_extension("rs"), below.join("mod.rs")];
            let module = choices.iter().find(|path| path.exists());
            add_modules(module.unwrap_or_else(|| panic!("module {name} of {}", file.display())), &below, known);
        }
    }
}

/// Adds every Rust file below a directory.
fn add_files(directory: &Path, there: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            add_files(&path, there);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            there.insert(path);
        }
    }
}
