//! Stores on disk as tests look at them and spoil them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// All files and links of a store by their path in it, with what is in them (for links where they point).
pub fn files(store: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    add(store, "", &mut files);
    files
}

fn add(directory: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    // A directory that a program removes meanwhile has no files any more.
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let Ok(kind) = entry.file_type() else { continue };
        let content = match (kind.is_dir(), kind.is_symlink()) {
            (true, _) => {
                add(&entry.path(), &format!("{name}/"), files);
                continue;
            }
            (_, true) => fs::read_link(entry.path()).map(|target| target.into_os_string().into_encoded_bytes()),
            _ => fs::read(entry.path()),
        };
        files.extend(content.ok().map(|content| (name, content)));
    }
}

/// Paths of all files of a store.
pub fn paths(store: &Path) -> Vec<PathBuf> {
    files(store).keys().map(|name| store.join(name)).collect()
}

/// Copies a store with the order of its directories.
pub fn copy(from: &Path, to: &Path) {
    for (name, content) in files(from) {
        let path = to.join(name);
        fs::create_dir_all(path.parent().expect("below the store")).expect("a directory of a store");
        fs::write(path, content).expect("a chunk");
    }
}

/// Makes a file look as if it had been written so long ago.
pub fn make_older(path: &Path, age: Duration) {
    let time = SystemTime::now() - age;
    let aged = File::open(path).and_then(|file| file.set_modified(time));
    aged.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Changes a byte in the middle of a file, by writing it anew.
pub fn damage(path: &Path) {
    let mut bytes = fs::read(path).expect("a file to damage");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    replace(path, &bytes);
}

/// Puts other contents under a name, whatever its permissions say.
pub fn replace(path: &Path, bytes: &[u8]) {
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
