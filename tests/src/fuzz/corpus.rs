//! The inputs that fuzzing starts from.

use std::fs;
use std::path::Path;

use super::Target;
use crate::vectors;

impl Target {
    /// Golden files of the target's kind, and what `tests/fuzz/corpus` has of its name: inputs that once failed.
    pub fn corpus(&self) -> Vec<Vec<u8>> {
        let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(self.name);
        let golden = self.golden.iter().map(|name| vectors::path(name));
        let mut inputs = Vec::new();
        for place in golden.chain([found]) {
            add(&place, &mut inputs);
        }
        inputs
    }
}

/// Adds a file, or the files of a directory, not those below it, in the order of their names.
fn add(place: &Path, inputs: &mut Vec<Vec<u8>>) {
    let Ok(entries) = fs::read_dir(place) else {
        inputs.extend(fs::read(place));
        return;
    };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    inputs.extend(files.iter().map(|file| fs::read(file).unwrap()));
}
