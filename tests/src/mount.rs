//! File systems of every kind, made in a file and mounted for one test.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::sandbox::outcome;
use crate::skip::skip;

/// A type of file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSystem {
    /// With project ids.
    Ext4,
    /// With ACLs twice: root sees them among the other attributes.
    Xfs,
    /// With subvolumes.
    Btrfs,
    /// In memory.
    Tmpfs,
    /// Without nearly everything.
    Vfat,
}

/// A mounted file system, gone after the test.
#[derive(Debug)]
pub struct Mounted {
    directory: tempfile::TempDir,
}

impl FileSystem {
    /// Those that can hold nearly everything.
    pub const RICH: [Self; 3] = [Self::Ext4, Self::Xfs, Self::Btrfs];

    /// The name that `mount` knows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
            Self::Btrfs => "btrfs",
            Self::Tmpfs => "tmpfs",
            Self::Vfat => "vfat",
        }
    }

    /// Makes one and mounts it; `None` where that is not possible, which has then been told.
    pub fn mount(self) -> Option<Mounted> {
        if !is_root() {
            skip("only root can mount file systems");
            return None;
        }
        let directory = tempfile::Builder::new().prefix("casync-test-").tempdir().expect("a temporary directory");
        let (image, target) = (directory.path().join("image"), directory.path().join("mount"));
        std::fs::create_dir(&target).expect("a directory to mount at");
        let (ways, megabytes): (&[&[&str]], u64) = match self {
            // As many inode bytes as times after 2038 take; project ids where the kernel knows quotas.
            Self::Ext4 => (&[&["mkfs.ext4", "-qFI256", "-Oproject,quota"], &["mkfs.ext4", "-qFI256"]], 64),
            Self::Xfs => (&[&["mkfs.xfs", "-q"]], 320),
            Self::Btrfs => (&[&["mkfs.btrfs", "-q"]], 128),
            Self::Tmpfs => (&[&["true"]], 0),
            Self::Vfat => (&[&["mkfs.vfat"]], 16),
        };
        let file = std::fs::File::create(&image).expect("an image file");
        file.set_len(megabytes << 20).expect("a long image file");
        let mut why = String::new();
        for make in ways {
            match self.try_mount(make, &image, &target) {
                Ok(()) => return Some(Mounted { directory }),
                Err(error) => why = error,
            }
        }
        skip(&format!("{} cannot be made and mounted here: {why}", self.name()));
        None
    }

    fn try_mount(self, make: &[&str], image: &Path, target: &Path) -> Result<(), String> {
        let options = if self == Self::Tmpfs { "size=64m" } else { "loop" };
        let steps = [
            Command::new(make[0]).args(&make[1..]).arg(image).output(),
            Command::new("mount").args(["-t", self.name(), "-o", options]).arg(image).arg(target).output(),
        ];
        for step in steps {
            let output = step.map_err(|error| format!("{}: {error}", make[0]))?;
            if !output.status.success() {
                let text = String::from_utf8_lossy(&output.stderr);
                return Err(text.lines().next().unwrap_or_default().to_owned());
            }
        }
        Ok(())
    }
}

impl Mounted {
    /// A path in it.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join("mount").join(name)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // What was mounted in it comes off as well.
        let unmounted = outcome(Command::new("umount").args(["--recursive", "--lazy"]).arg(self.path("")));
        if unmounted.status != Some(0) && !std::thread::panicking() {
            panic!("{}", unmounted.stderr);
        }
    }
}

/// Whether this process may do everything.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
