//! RAUC's ways of running casync, argument by argument as its `update_handler.c` and `bundle.c` build them.
//!
//! ```text
//! casync make [--with=unix] [--store STORE] INDEX IMAGE|DIRECTORY
//! casync extract [--seed SEED] [--store STORE] --seed-output=no [INSTALL-ARGS] IMAGE DEVICE|DIRECTORY|-
//! ```
//!
//! `-` comes with the slot as standard output. The seed is the device of the active slot, or where it is mounted. The
//! environment is RAUC's own, with `TMPDIR` if its configuration says so; only the exit status is looked at.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use casync_tests::input;
use casync_tests::sandbox::{Outcome, Sandbox, outcome};
use casync_tests::skip::skip;
use casync_tests::tool::{ours, which};

/// A slot: a loop device.
struct Slot(PathBuf);

impl Slot {
    /// Nothing where there are no loop devices, which has been told by then.
    fn over(file: &Path) -> Option<Self> {
        if which("losetup").is_none() || !rustix::process::geteuid().is_root() {
            skip("no loop devices: not root, or no losetup");
            return None;
        }
        let attached = outcome(Command::new("losetup").args(["--find", "--show"]).arg(file));
        if attached.status != Some(0) {
            skip(&format!("no loop devices: {}", attached.stderr.trim()));
            return None;
        }
        Some(Self(attached.text().trim().into()))
    }

    /// The bytes on it.
    fn read(&self) -> Vec<u8> {
        fs::read(&self.0).expect("a device")
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let _ = Command::new("losetup").arg("--detach").arg(&self.0).status();
    }
}

/// A bundle: `rootfs.caibx` and `rootfs.caidx` in `bundle`, their chunks in `bundle.castr`.
struct Bundle(Sandbox);

impl Bundle {
    fn new() -> Self {
        let bundle = Self(Sandbox::new());
        bundle.0.write("rootfs.img", Self::image());
        bundle.0.write("content/bin/program", input::prng("program", 300_000));
        bundle.0.write("content/etc/version", "2");
        fs::create_dir(bundle.0.path("bundle")).unwrap();
        bundle.run(&["make", "--store", "bundle.castr", "bundle/rootfs.caibx", "rootfs.img"]).success();
        let tree = ["make", "--with=unix", "--store", "bundle.castr", "bundle/rootfs.caidx", "content"];
        bundle.run(&tree).success();
        bundle.run(&["make", "--with=unix", "bundle/rootfs.catar", "content"]).success();
        bundle
    }

    /// What is to be on the slot.
    fn image() -> Vec<u8> {
        [input::prng("kernel", 1 << 20), vec![0; 1 << 20], input::prng("rootfs", 1 << 20)].concat()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.0.command(ours());
        fs::create_dir_all(self.0.path("tmp")).unwrap();
        command.args(arguments).env("TMPDIR", self.0.path("tmp"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        outcome(&mut self.command(arguments))
    }

    /// A slot with an older image on it and room behind.
    fn slot(&self, name: &str) -> Option<Slot> {
        let mut old = Self::image();
        old[2 << 20..][..200_000].fill(7);
        old.resize(4 << 20, 9);
        Slot::over(&self.0.write(name, old))
    }
}

#[test]
fn an_image_to_a_slot() {
    let bundle = Bundle::new();
    let (Some(active), Some(target)) = (bundle.slot("active"), bundle.slot("target")) else { return };
    let (active, device) = (active.0.to_str().unwrap(), target.0.to_str().unwrap());
    let whole = ["extract", "--store", "bundle.castr", "--seed-output=no", "bundle/rootfs.caibx", device];
    let seeded = [&["extract", "--seed", active][..], &whole[1..]].concat();
    let verbose = [&seeded[..6], &["--verbose"], &seeded[6..]].concat();
    for arguments in [&whole[..], &seeded, &verbose] {
        fs::write(&target.0, vec![9; 4 << 20]).expect("a device can be written");
        assert_eq!(bundle.run(arguments).success(), b"", "{arguments:?}");
        let bytes = target.read();
        assert!(bytes.starts_with(&Bundle::image()), "{arguments:?}");
        assert!(bytes[3 << 20..].iter().all(|byte| *byte == 9), "what is behind the image stays");
    }
}

/// The seed is what makes an update small: chunks that the active slot has are not in the bundle's store any more.
#[test]
fn an_image_mostly_from_the_active_slot() {
    let bundle = Bundle::new();
    let (Some(active), Some(target)) = (bundle.slot("active"), bundle.slot("target")) else { return };
    let (active, device) = (active.0.to_str().unwrap(), target.0.to_str().unwrap());
    bundle.run(&["make", "--store", "active.castr", "active.caibx", active]).success();
    let mut gone = 0;
    for directory in bundle.0.names("active.castr") {
        for chunk in bundle.0.names(format!("active.castr/{directory}")) {
            gone += usize::from(fs::remove_file(bundle.0.path(format!("bundle.castr/{directory}/{chunk}"))).is_ok());
        }
    }
    assert!(gone > 10, "{gone}");
    let arguments = ["--store", "bundle.castr", "--seed-output=no", "bundle/rootfs.caibx", device];
    bundle.run(&[&["extract"], &arguments[..]].concat()).failure();
    bundle.run(&[&["extract", "--seed", active], &arguments[..]].concat()).success();
    assert!(target.read().starts_with(&Bundle::image()));
}

/// A slot that is open already and stands as standard output.
#[test]
fn an_image_to_an_open_slot() {
    let bundle = Bundle::new();
    let Some(target) = bundle.slot("target") else { return };
    let open = File::options().write(true).open(&target.0).expect("a device");
    let mut command =
        bundle.command(&["extract", "--store", "bundle.castr", "--seed-output=no", "bundle/rootfs.caibx", "-"]);
    assert!(command.stdout(open).status().expect("it runs").success());
    assert!(target.read().starts_with(&Bundle::image()));
}

/// RAUC formats and mounts the slot, and then extracts into it.
#[test]
fn a_tree_to_a_mounted_slot() {
    let bundle = Bundle::new();
    let Some(mounted) = casync_tests::mount::FileSystem::Ext4.mount() else { return };
    let target = mounted.path("");
    let target = target.to_str().unwrap();
    // The active slot, where it is mounted.
    bundle.0.write("active/bin/program", input::prng("program", 300_000));
    for image in ["bundle/rootfs.caidx", "bundle/rootfs.catar"] {
        for seed in [&[][..], &["--seed", "active"]] {
            let rest = ["--store", "bundle.castr", "--seed-output=no", image, target];
            // The directory of a fresh file system.
            fs::create_dir_all(mounted.path("lost+found")).unwrap();
            assert_eq!(bundle.run(&[&["extract"], seed, &rest[..]].concat()).success(), b"");
            assert_eq!(fs::read(mounted.path("etc/version")).unwrap(), b"2");
            assert!(fs::read(mounted.path("bin/program")).unwrap() == input::prng("program", 300_000));
            assert!(!mounted.path("lost+found").exists(), "as with the C casync");
            fs::remove_dir_all(mounted.path("bin")).unwrap();
            fs::remove_dir_all(mounted.path("etc")).unwrap();
        }
    }
}

/// What RAUC looks at when something is wrong.
#[test]
fn failures_have_a_status() {
    let bundle = Bundle::new();
    fs::remove_dir_all(bundle.0.path("bundle.castr")).unwrap();
    let target = bundle.0.write("target", "before");
    let arguments = ["extract", "--store", "bundle.castr", "--seed-output=no", "bundle/rootfs.caibx"];
    bundle.run(&[&arguments[..], &[target.to_str().unwrap()]].concat()).failure();
    assert_eq!(bundle.0.read("target"), b"before");
    assert_eq!(bundle.0.names("tmp"), [""; 0], "nothing is left there");
}
