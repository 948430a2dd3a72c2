//! A tree, its store and its cache, between runs.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use casync_tests::random::Rng;
use casync_tests::sandbox::Sandbox;

/// A tree in a sandbox.
pub(crate) struct Scene {
    pub(crate) sandbox: Sandbox,
    /// Options of every run.
    pub(crate) options: Vec<String>,
}

/// What `--verbose` says of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    pub(crate) invalidated: u64,
    pub(crate) added: u64,
}

impl Scene {
    /// A tree without anything in it.
    pub(crate) fn empty() -> Self {
        Self::empty_in(&std::env::temp_dir())
    }

    fn empty_in(directory: &Path) -> Self {
        let sandbox = Sandbox::new_in(directory);
        fs::create_dir(sandbox.path("tree")).unwrap();
        Self { sandbox, options: Vec::new() }
    }

    /// A tree with small files, an empty one, a large one and links, settled.
    pub(crate) fn new(seed: u64) -> Self {
        Self::new_in(seed, &std::env::temp_dir())
    }

    /// The same in a directory.
    pub(crate) fn new_in(seed: u64, directory: &Path) -> Self {
        let scene = Self::empty_in(directory);
        let mut rng = Rng::new(seed);
        for directory in ["a", "b", "b/c", "d"] {
            for number in 0..12 {
                let length = rng.number(0..=20_000);
                scene.write(&format!("{directory}/{number:02}"), &rng.bytes(length));
            }
        }
        scene.write("empty", b"");
        scene.write("large", &rng.bytes(1 << 20));
        fs::hard_link(scene.tree("a/03"), scene.tree("d/linked")).unwrap();
        std::os::unix::fs::symlink("../large", scene.tree("d/link")).unwrap();
        scene.settle();
        scene
    }

    /// A path in the tree.
    pub(crate) fn tree(&self, path: &str) -> PathBuf {
        self.sandbox.path("tree").join(path)
    }

    /// Writes a file of the tree.
    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        self.sandbox.write(Path::new("tree").join(path), bytes);
    }

    /// Writes into a file of the tree without making it anew, and puts its modification time back.
    pub(crate) fn overwrite(&self, path: &str, bytes: &[u8]) {
        let path = self.tree(path);
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        let mut file = fs::File::options().write(true).open(&path).unwrap();
        std::io::Write::write_all(&mut file, bytes).unwrap();
        file.set_modified(before).unwrap();
    }

    /// Gives everything in the tree to another user.
    pub(crate) fn chown_all(&self, id: u32) {
        let owner = format!("{id}:{id}");
        self.sandbox.run("chown", ["-hR", &owner, "tree"]).success();
        self.settle();
    }

    /// Waits until the newest file of the tree is old enough to be recorded. The clock is what this waits for: no event
    /// tells that it has ticked.
    pub(crate) fn settle(&self) {
        let newest = newest(&self.sandbox.path("tree"));
        let whole_seconds = newest.subsec_nanos() == 0;
        let settled = newest + if whole_seconds { Duration::from_secs(2) } else { Duration::from_millis(40) };
        while now() <= settled {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Makes an index with these options, checks that it is the one of a run without a cache, and counts.
    #[track_caller]
    pub(crate) fn make_with(&self, cache: &[&str]) -> Counts {
        let common: Vec<&str> = self.options.iter().map(String::as_str).collect();
        let arguments = [&["-v", "make", "cached.caidx", "tree"], cache, &common].concat();
        let mut command = self.sandbox.command(casync_tests::tool::ours());
        command.env("CASYNC_STORE", self.sandbox.path("default.castr"));
        let run = casync_tests::sandbox::outcome(command.args(arguments));
        let told = run.stderr.clone();
        assert_eq!(run.success(), b"", "nothing is printed with a cache");
        let expected = self.plain();
        assert!(self.sandbox.read("cached.caidx") == expected, "the index is not that of a run without a cache");
        Counts::parse(&told)
    }

    /// The same with the cache in its usual place.
    #[track_caller]
    pub(crate) fn make(&self) -> Counts {
        self.make_with(&["--cache=cache"])
    }

    /// The index of a run without a cache.
    #[track_caller]
    pub(crate) fn plain(&self) -> Vec<u8> {
        let common: Vec<&str> = self.options.iter().map(String::as_str).collect();
        let arguments = [&["make", "plain.caidx", "tree"], common.as_slice()].concat();
        // A store of its own, so that it does not bring back what a test has taken away.
        let arguments = arguments.into_iter().filter(|argument| !argument.starts_with("--store="));
        self.sandbox.casync(arguments.chain(["--store=plain.castr"])).success();
        self.sandbox.read("plain.caidx")
    }

    /// Checks that the index and the store of the last run can be extracted.
    #[track_caller]
    pub(crate) fn extract(&self, store: &str) {
        let store = format!("--store={store}");
        self.sandbox.casync(["extract", "cached.caidx", "extracted", &store]).success();
        let made = self.sandbox.casync(["digest", "extracted"]).success();
        assert_eq!(made, self.sandbox.casync(["digest", "tree"]).success());
        fs::remove_dir_all(self.sandbox.path("extracted")).unwrap();
    }

    /// The one cache file.
    pub(crate) fn cache_file(&self) -> PathBuf {
        let names = self.sandbox.names("cache");
        assert_eq!(names.len(), 1, "{names:?}");
        self.sandbox.path("cache").join(&names[0])
    }

    /// Lets everybody write a file.
    pub(crate) fn open_to_all(path: &Path) {
        fs::set_permissions(path, fs::Permissions::from_mode(0o666)).unwrap();
    }
}

impl Counts {
    fn parse(told: &str) -> Self {
        let line = told.lines().find(|line| line.starts_with("Cache hits: ")).unwrap_or_else(|| panic!("{told}"));
        let numbers: Vec<u64> = line.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
        let [hits, misses, invalidated, added] = numbers[..] else { panic!("{line}") };
        Self { hits, misses, invalidated, added }
    }

    /// Whether nothing was encoded.
    pub(crate) const fn all_hit(&self) -> bool {
        matches!(self, Self { hits: 1.., misses: 0, invalidated: 0, added: 0 })
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap()
}

fn newest(path: &Path) -> Duration {
    let metadata = fs::symlink_metadata(path).unwrap();
    let own = Duration::new(metadata.ctime() as u64, metadata.ctime_nsec() as u32);
    if !metadata.is_dir() {
        return own;
    }
    let entries = fs::read_dir(path).unwrap().map(|entry| newest(&entry.unwrap().path()));
    entries.fold(own, Duration::max)
}
