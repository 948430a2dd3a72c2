//! Block devices as source and target of blobs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use casync_tests::sandbox::outcome;
use casync_tests::skip::skip;
use casync_tests::{input, tool};

use crate::pair::{Pair, SIDES};

/// A loop device over a file.
#[derive(Debug)]
struct Loop(PathBuf);

impl Loop {
    /// Nothing where there are no loop devices, which has been told by then.
    fn over(file: &Path) -> Option<Self> {
        if tool::which("losetup").is_none() || !rustix::process::geteuid().is_root() {
            skip("no loop devices: not root, or no losetup");
            return None;
        }
        let losetup = Command::new("losetup").args(["--find", "--show"]).arg(file).output().expect("losetup runs");
        if !losetup.status.success() {
            skip(&format!("no loop devices: {}", String::from_utf8_lossy(&losetup.stderr).trim()));
            return None;
        }
        Some(Self(String::from_utf8(losetup.stdout).expect("a path").trim().into()))
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup").arg("--detach").arg(&self.0).status();
    }
}

#[test]
fn made_of_devices() {
    let Some(pair) = Pair::new() else { return };
    let image = pair.sandbox().write("image", input::prng("device", 3 << 20));
    let Some(device) = Loop::over(&image) else { return };
    for options in [&[][..], &["--digest=sha256", "--chunk-size=100000"]] {
        assert!(pair.make("x.caibx", &device.0, options));
        let of_device = pair.sandbox().read("ours/x.caibx");
        assert!(pair.make("x.caibx", &image, options));
        assert!(of_device == pair.sandbox().read("ours/x.caibx"), "the same as of a file");
    }
    pair.agree(["digest".as_ref(), device.0.as_os_str()]).success();
    pair.agree(["list".as_ref(), device.0.as_os_str()]).failure();
}

/// Only as much of a device as the file system on it claims to have.
#[test]
fn made_of_file_systems() {
    let Some(pair) = Pair::new() else { return };
    let image = pair.path("image");
    pair.sandbox().write("files/text", input::text(100_000));
    for (tool, arguments) in [
        ("mkfs.ext4", &["-q", "-b", "1024", "-d", "files", "image", "6000"][..]),
        ("mkfs.ext4", &["-q", "-b", "4096", "-d", "files", "image", "2000"]),
        ("mkfs.fat", &["-C", "image", "5000"]),
        ("mksquashfs", &["files", "image", "-quiet", "-no-progress"]),
    ] {
        if tool::which(tool).is_none() {
            skip(&format!("{tool} is not installed"));
            continue;
        }
        let _ = fs::remove_file(&image);
        pair.sandbox().run(tool, arguments).success();
        let claimed = fs::metadata(&image).unwrap().len();
        File::options().write(true).open(&image).and_then(|file| file.set_len(12 << 20)).unwrap();
        let Some(device) = Loop::over(&image) else { return };
        assert!(pair.make("x.caibx", &device.0, &[]), "{tool}");
        pair.agree(["digest".as_ref(), device.0.as_os_str()]).success();
        let _ = fs::remove_file(pair.path("out"));
        outcome(pair.command(0).args(["extract", "theirs/x.caibx", "out"])).success();
        let stored = fs::read(pair.path("out")).unwrap();
        assert!(stored.len() as u64 <= claimed.next_multiple_of(4096), "{tool}: {} of {claimed}", stored.len());
        assert!(fs::read(&image).unwrap().starts_with(&stored), "{tool}");
    }
}

#[test]
fn extracted_to_devices() {
    let Some(pair) = Pair::new() else { return };
    let bytes = input::prng("target", 2 << 20);
    let blob = pair.sandbox().write("blob", &bytes);
    assert!(pair.make("x.caibx", &blob, &[]));
    for side in [0, 1] {
        for to_stdout in [false, true] {
            let before = input::prng("before", 3 << 20);
            let image = pair.sandbox().write("image", &before);
            let Some(device) = Loop::over(&image) else { return };
            let mut command = pair.command(side);
            command.args(["extract", &format!("{}/x.caibx", SIDES[1 - side])]);
            if to_stdout {
                command.args(["--seed-output=no", "-"]).stdout(File::options().write(true).open(&device.0).unwrap());
                assert!(command.status().unwrap().success());
            } else {
                outcome(command.arg(&device.0)).success();
            }
            // What the kernel still keeps of the device gets to the file.
            File::options().write(true).open(&device.0).and_then(|device| device.sync_all()).unwrap();
            drop(device);
            let after = fs::read(&image).unwrap();
            assert!(after.starts_with(&bytes), "{} to standard output: {to_stdout}", SIDES[side]);
            assert!(after[bytes.len()..] == before[bytes.len()..], "{} leaves the rest", SIDES[side]);
        }
    }
}

/// Both refuse; the C casync after it has filled the device.
#[test]
fn too_small_devices() {
    let Some(pair) = Pair::new() else { return };
    let blob = pair.sandbox().write("blob", input::prng("large", 2 << 20));
    assert!(pair.make("x.caibx", &blob, &[]));
    let before = vec![7; 1 << 20];
    let image = pair.sandbox().write("image", &before);
    let Some(device) = Loop::over(&image) else { return };
    pair.agree(["digest".as_ref(), device.0.as_os_str()]).success();
    let extract = |side| pair.run(side, ["extract".as_ref(), "theirs/x.caibx".as_ref(), device.0.as_os_str()]);
    assert!(extract(0).failure().contains("No space left on device"));
    assert!(fs::read(&image).unwrap() == before, "nothing was written");
    assert!(extract(1).failure().contains("No space left on device"));
}
