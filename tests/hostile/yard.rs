//! An output with something precious beside it.

use casync_core::record::{Entry, FeatureFlags, RecordKind};
use casync_tests::craft::record;
use casync_tests::sandbox::{Outcome, Sandbox};
use casync_tests::snapshot::{Snapshot, differences, snapshot};

/// A sandbox with `outside`, which nothing may change, and an output `out` beside it.
pub(crate) struct Yard {
    pub(crate) sandbox: Sandbox,
    before: Snapshot,
}

impl Yard {
    pub(crate) fn new() -> Self {
        let sandbox = Sandbox::new();
        sandbox.write("outside/file", "precious");
        sandbox.write("outside/directory/file", "precious");
        std::fs::create_dir(sandbox.path("out")).unwrap();
        Self::with(sandbox)
    }

    /// The same with a sandbox that has both already.
    pub(crate) fn with(sandbox: Sandbox) -> Self {
        let before = snapshot(&sandbox.path("outside"));
        Self { sandbox, before }
    }

    /// Extracts an archive to `out`, and checks that nothing else has changed.
    pub(crate) fn extract(&self, archive: impl AsRef<[u8]>) -> Outcome {
        self.sandbox.write("x.catar", archive);
        let outcome = self.sandbox.casync(["extract", "x.catar", "out"]);
        self.check();
        outcome
    }

    /// Panics if anything but `out` has changed.
    #[track_caller]
    pub(crate) fn check(&self) {
        let now = snapshot(&self.sandbox.path("outside"));
        assert_eq!(differences(&self.before, &now, |_, _| false), [""; 0], "changed outside of the output");
        let names = self.sandbox.names("");
        assert!(names.iter().all(|name| ["out", "outside", "x.catar"].contains(&name.as_str())), "{names:?}");
    }
}

/// Symbolic links in an archive with no other feature.
pub(crate) const LINKS: FeatureFlags = FeatureFlags::SYMLINKS;

/// An ENTRY record with these features.
pub(crate) fn entry(features: FeatureFlags, mode: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    Entry { features: features.bits(), mode, ..Entry::default() }.emit(&mut bytes);
    bytes
}

/// A directory's ENTRY in an archive with links.
pub(crate) fn directory() -> Vec<u8> {
    entry(LINKS, 0o040_777)
}

/// A file in an archive with links.
pub(crate) fn file(payload: &[u8]) -> Vec<u8> {
    [entry(LINKS, 0o100_666), record(RecordKind::Payload, payload)].concat()
}

/// A symbolic link.
pub(crate) fn link(target: &str) -> Vec<u8> {
    [entry(LINKS, 0o120_777), record(RecordKind::Symlink, &[target.as_bytes(), b"\0"].concat())].concat()
}
