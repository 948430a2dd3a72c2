//! A sandbox with something to make archives of, these archives, and what was there before.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use casync_tests::input;
use casync_tests::running::within;
use casync_tests::sandbox::{Outcome, Sandbox};
use casync_tests::tool::ours;

/// A directory with a `tree`, a `blob`, what casync makes of these, and older outputs: `old` and `old.img`.
pub(crate) struct Scene(pub(crate) Sandbox);

/// Every path below a directory with its type, mode and contents.
pub(crate) type Snapshot = BTreeMap<PathBuf, (String, Vec<u8>)>;

/// Bytes in `blob`: a few dozen chunks.
pub(crate) const BLOB: usize = 2 << 20;

impl Scene {
    /// Makes it: `tree` as `x.catar` and `x.caidx`, `blob` as `x.caibx`, with all chunks in `default.castr`.
    pub(crate) fn new() -> Self {
        let scene = Self(Sandbox::new());
        scene.write("tree/large", input::prng("large", 1 << 20));
        scene.write("tree/below/text", input::text(300_000));
        scene.write("tree/below/empty", b"");
        scene.write("tree/small", b"small");
        scene.write("blob", input::prng("blob", BLOB));
        for (made, of) in [("x.catar", "tree"), ("x.caidx", "tree"), ("x.caibx", "blob")] {
            scene.casync(["make", made, of]).success();
        }
        scene.write("old/keep", b"what was there");
        scene.write("old.img", b"the old image");
        scene
    }

    /// Runs casync to its end.
    pub(crate) fn casync<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Outcome {
        within(&mut self.command(args))
    }

    /// casync with arguments.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = self.0.command(ours());
        command.args(args);
        command
    }

    /// Runs casync in a shell script with `$casync`; for limits, mounts and odd streams.
    pub(crate) fn script(&self, script: &str) -> Command {
        let mut shell = self.0.command("sh");
        shell.args(["-c", script]).env("casync", ours());
        shell
    }

    /// The same with mounts of its own, which are gone at its end.
    pub(crate) fn unshared(&self, script: &str) -> Command {
        let mut unshare = self.0.command("unshare");
        unshare.args(["--mount", "--propagation=private", "sh", "-ec", script]).env("casync", ours());
        unshare
    }

    /// A copy of the program that anybody may run.
    pub(crate) fn readable_program(&self) -> PathBuf {
        let copy = self.path("casync");
        fs::copy(ours(), &copy).unwrap();
        copy
    }

    /// The path of a file in it.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path(name)
    }

    /// Writes a file in it.
    pub(crate) fn write(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        self.0.write(name, bytes)
    }

    /// Ids of the chunks that an index of it names, in order.
    pub(crate) fn ids(&self, index: &str) -> Vec<String> {
        let bytes = self.0.read(index);
        let items = bytes[64..bytes.len() - 40].chunks(40);
        items.map(|item| item[8..].iter().map(|byte| format!("{byte:02x}")).collect()).collect()
    }

    /// The file of a chunk in a store.
    pub(crate) fn chunk(&self, store: &str, id: &str) -> PathBuf {
        self.path(format!("{store}/{}/{id}.cacnk", &id[..4]))
    }

    /// Everything in a directory; of the whole sandbox with `.`.
    pub(crate) fn snapshot(&self, directory: &str) -> Snapshot {
        snapshot_of(&self.path(directory))
    }

    /// Panics if a temporary file is left over anywhere.
    #[track_caller]
    pub(crate) fn assert_tidy(&self) {
        let mut left = Vec::new();
        add_temporary(&self.path(""), &mut left);
        assert!(left.is_empty(), "left over: {left:?}");
    }

    /// Panics unless a run failed as it should, with all of these in its message, and left nothing over.
    #[track_caller]
    pub(crate) fn assert_failed(&self, outcome: Outcome, says: &[&str]) {
        let shown = outcome.text();
        let message = outcome.failure();
        for part in says {
            assert!(message.contains(part), "no {part:?} in {message}{shown}");
        }
        assert!(!message.contains("memory allocation"), "{message}");
        self.assert_tidy();
    }

    /// Panics unless two trees are equal, but for times.
    #[track_caller]
    pub(crate) fn assert_same(&self, one: &str, other: &str) {
        let strip = |name: &str| -> Snapshot {
            let root = self.path(name);
            let entries = self.snapshot(name).into_iter();
            entries.map(|(path, what)| (path.strip_prefix(&root).unwrap().to_path_buf(), what)).collect()
        };
        let (one_tree, other_tree) = (strip(one), strip(other));
        assert!(!one_tree.is_empty());
        let names = |tree: &Snapshot| tree.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&one_tree), names(&other_tree), "{one}, {other}");
        assert!(one_tree == other_tree, "{one} and {other} differ");
    }
}

/// Everything in a directory, and that itself.
pub(crate) fn snapshot_of(directory: &Path) -> Snapshot {
    let mut snapshot = Snapshot::new();
    add(directory, &mut snapshot);
    snapshot
}

/// Adds what has a name as upstream and this program give it to what is not complete.
fn add_temporary(directory: &Path, left: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap_or_default();
        if name.starts_with(".#") || name.ends_with(".tmp") {
            left.push(entry.path());
        }
        if entry.file_type().unwrap().is_dir() {
            add_temporary(&entry.path(), left);
        }
    }
}

fn add(path: &Path, snapshot: &mut Snapshot) {
    let metadata = fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file_type = metadata.file_type();
    let bytes = if file_type.is_symlink() {
        fs::read_link(path).unwrap().into_os_string().into_encoded_bytes()
    } else if file_type.is_file() {
        fs::read(path).unwrap()
    } else {
        Vec::new()
    };
    if file_type.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            add(&entry.unwrap().path(), snapshot);
        }
    }
    assert!(!file_type.is_socket(), "no socket belongs here: {}", path.display());
    snapshot.insert(path.to_path_buf(), (format!("{file_type:?} {:o}", metadata.mode()), bytes));
}
