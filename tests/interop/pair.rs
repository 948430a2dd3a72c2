//! Both programs in one sandbox.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use casync_core::codec;
use casync_tests::random::Rng;
use casync_tests::sandbox::{Outcome, Sandbox};
use casync_tests::{disk, tool};

/// Directories of what each of the two makes.
pub(crate) const SIDES: [&str; 2] = ["ours", "theirs"];

/// Both programs in one sandbox.
#[derive(Debug)]
pub(crate) struct Pair {
    // Dropped first: what was extracted may be immutable.
    _thawed: Thawed,
    sandbox: Sandbox,
    programs: [&'static Path; 2],
}

#[derive(Debug)]
struct Thawed(PathBuf);

impl Drop for Thawed {
    fn drop(&mut self) {
        disk::thaw(&self.0);
    }
}

impl Pair {
    /// Both, or nothing where there is no C casync.
    pub(crate) fn new() -> Option<Self> {
        let programs = [tool::ours(), tool::upstream()?];
        let sandbox = Sandbox::new();
        Some(Self { _thawed: Thawed(sandbox.path("")), sandbox, programs })
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.sandbox.path(name)
    }

    pub(crate) fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Grows a random tree, `tree`; returns its path.
    pub(crate) fn grow(&self, rng: &mut Rng, shape: disk::Shape, scope: disk::Scope) -> PathBuf {
        self.grow_as("tree", rng, shape, scope)
    }

    /// Grows a random tree with this name.
    pub(crate) fn grow_as(&self, name: &str, rng: &mut Rng, shape: disk::Shape, scope: disk::Scope) -> PathBuf {
        let abilities = disk::Abilities::of(&self.path(""));
        disk::grow(rng, &self.path(name), shape, scope, abilities);
        self.path(name)
    }

    /// Removes a directory, if it is there.
    pub(crate) fn remove(&self, name: &str) {
        let path = self.path(name);
        disk::thaw(&path);
        if path.exists() {
            fs::remove_dir_all(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }

    /// Runs the program of a side.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, side: usize, arguments: impl IntoIterator<Item = A>) -> Outcome {
        self.sandbox.run(self.programs[side], arguments)
    }

    /// The program of a side, to be run in the sandbox.
    pub(crate) fn command(&self, side: usize) -> std::process::Command {
        self.sandbox.command(self.programs[side])
    }

    /// Runs both with the same arguments: they must print the same, and fail alike if they fail.
    #[track_caller]
    pub(crate) fn agree<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Outcome {
        let arguments: Vec<OsString> = arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
        let [ours, theirs] = [0, 1].map(|side| self.run(side, &arguments));
        assert_alike(ours, &theirs, &format!("{arguments:?}"))
    }

    /// Makes `name` of an input with both programs, each in its own directory with its own store: output, what is printed,
    /// and the store must be the same. False if both refuse alike.
    #[track_caller]
    pub(crate) fn make(&self, name: &str, input: &Path, options: &[&str]) -> bool {
        let outcomes = [0, 1].map(|side| {
            self.remove(SIDES[side]);
            fs::create_dir(self.path(SIDES[side])).expect("a directory for what is made");
            let mut command = self.command(side);
            command.arg("make").args(options).arg(format!("{}/{name}", SIDES[side])).arg(input);
            casync_tests::sandbox::outcome(&mut command)
        });
        let [ours, theirs] = outcomes;
        let what = format!("make {} {name} {}", options.join(" "), input.display());
        if assert_alike(ours, &theirs, &what).status != Some(0) {
            return false;
        }
        let [ours, theirs] = SIDES.map(|side| self.sandbox.read(format!("{side}/{name}")));
        let differs = ours.iter().zip(&theirs).position(|(a, b)| a != b);
        let (sizes, keep) = ([ours.len(), theirs.len()], "bytes of ours and theirs");
        assert!(ours == theirs, "{what}: {keep} {sizes:?}, first difference at {differs:?}");
        self.assert_same_chunks(&what);
        true
    }

    /// What is in the two stores: the same names, the same contents.
    #[track_caller]
    fn assert_same_chunks(&self, what: &str) {
        let [ours, theirs] = SIDES.map(|side| chunks(&self.path(side).join("default.castr")));
        assert_eq!(ours, theirs, "{what}: chunks in the stores");
        for name in ours {
            let [ours, theirs] = SIDES.map(|side| {
                let frame = fs::read(self.path(side).join("default.castr").join(&name)).expect("a chunk");
                let mut plain = Vec::new();
                codec::decode(&frame, 1 << 27, &mut plain).unwrap_or_else(|error| panic!("{side} {name}: {error}"));
                plain
            });
            assert!(ours == theirs, "{what}: chunk {name}");
        }
    }
}

/// Files of a store as paths from it, sorted; none if there is no store.
pub(crate) fn chunks(store: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(store).into_iter().flatten() {
        let directory = entry.expect("a directory entry");
        for entry in fs::read_dir(directory.path()).expect("stores hold directories alone") {
            let name = entry.expect("a directory entry").file_name();
            names.push(format!("{}/{}", directory.file_name().display(), name.display()));
        }
    }
    names.sort();
    names
}

/// Both ended alike: the same output, or failures with the same message.
#[track_caller]
pub(crate) fn assert_alike(ours: Outcome, theirs: &Outcome, what: &str) -> Outcome {
    assert_eq!(ours.status, theirs.status, "{what}:\nours: {}\ntheirs: {}", ours.stderr, theirs.stderr);
    assert!(matches!(ours.status, Some(0 | 1)), "{what}: {}", ours.stderr);
    if ours.status != Some(0) {
        // Ours goes on to tell where and why.
        let expected = theirs.stderr.lines().last().unwrap_or_default();
        assert!(ours.stderr.lines().any(|line| line == expected), "{what}:\n{}instead of:\n{expected}", ours.stderr);
        // How much was printed before that is chance.
        return ours;
    }
    let [text, expected] = [ours.text(), theirs.text()];
    let differing = text.lines().zip(expected.lines()).find(|(line, expected)| line != expected);
    assert!(ours.stdout == theirs.stdout, "{what}: first differing line {differing:#?}, of:\n{text:.2000}");
    ours
}
