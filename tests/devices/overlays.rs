//! What is written to devices and mounted images is kept beside the image, and is there again later.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::process::Command;

use casync_tests::plant::shell;
use casync_tests::random::{Rng, for_each_seed};
use casync_tests::running::Running;
use casync_tests::sandbox::{Sandbox, outcome};
use casync_tests::skip::skip;
use casync_tests::tool;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::process::Signal;

use crate::scene::{Device, image, padded, possible, sandbox, wait_until};

/// Writes somewhere, zeros or data, and does the same to `model`.
fn change(file: &File, model: &mut [u8], rng: &mut Rng) {
    let length = rng.below(20_000) as usize + 1;
    let start = rng.below((model.len() - length) as u64) as usize;
    let bytes = if rng.once_in(3) { vec![0; length] } else { rng.bytes(length) };
    file.write_all_at(&bytes, start as u64).unwrap();
    model[start..start + length].copy_from_slice(&bytes);
}

const WRITABLE: [&str; 2] = ["--overlay=cow", "disk.caibx"];

#[test]
fn what_is_written_to_a_device_outlives_it() {
    if !possible() {
        return;
    }
    for_each_seed(2, |rng| {
        let sandbox = sandbox();
        let mut model = padded();
        for (round, signal) in [Signal::TERM, Signal::KILL, Signal::INT].into_iter().enumerate() {
            let device = Device::new(&sandbox, &WRITABLE);
            assert!(device.read() == model, "round {round}");
            let file = File::options().read(true).write(true).open(device.node()).unwrap();
            for _ in 0..40 {
                change(&file, &mut model, rng);
            }
            // Whole blocks of zeros without their bytes.
            fallocate(&file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, 64 << 10, 32 << 10).unwrap();
            model[64 << 10..96 << 10].fill(0);
            assert!(device.read() == model);
            // Whoever is asked to end flushes by itself.
            if signal == Signal::KILL {
                file.sync_all().unwrap();
            }
            drop(file);
            device.end(signal);
        }
        let device = Device::new(&sandbox, &WRITABLE);
        assert!(device.read() == model, "at the end");
        device.end(Signal::TERM).success();
        assert!(sandbox.read("disk.img") == image());
        sandbox.casync(["verify", "disk.caibx"]).success();
    });
}

#[test]
fn a_file_system_can_be_written_to() {
    if !possible() {
        return;
    }
    if tool::which("mkfs.ext4").is_none() {
        return skip("mkfs.ext4 is not installed (`apt install e2fsprogs`)");
    }
    let sandbox = Sandbox::new();
    shell(&sandbox.path(""), "mkdir inner; truncate -s 16M image; mkfs.ext4 -qF image");
    sandbox.casync(["make", "disk.caibx", "image"]).success();
    let (inner, content) = (sandbox.path("inner"), Rng::new(5).bytes(2 << 20));
    for round in 0..2 {
        let device = Device::new(&sandbox, &WRITABLE);
        outcome(Command::new("mount").args(["-t", "ext4", "-o", "discard"]).arg(device.node()).arg(&inner)).success();
        if round == 0 {
            std::fs::write(inner.join("file"), &content).unwrap();
        } else {
            assert!(std::fs::read(inner.join("file")).unwrap() == content);
        }
        outcome(Command::new("umount").arg(&inner)).success();
        outcome(Command::new("fsck.ext4").args(["-fn"]).arg(device.node())).success();
        device.end(Signal::TERM).success();
    }
    use std::os::unix::fs::MetadataExt as _;
    let room = std::fs::metadata(sandbox.path("cow")).unwrap().blocks() * 512;
    assert!(room > 2 << 20 && room < 6 << 20, "{room}");
}

/// A mounted image, in a directory.
fn mount(sandbox: &Sandbox) -> Running {
    let mut command = sandbox.command(tool::ours());
    let running = Running::start(command.args(["mount", "--overlay=cow", "disk.caibx", "mnt"]));
    let file = sandbox.path("mnt/disk");
    running.until("a mount", || file.exists());
    running
}

#[test]
fn what_is_written_to_a_mounted_image_outlives_the_mount() {
    if !possible() {
        return;
    }
    for_each_seed(2, |rng| {
        let sandbox = sandbox();
        std::fs::create_dir(sandbox.path("mnt")).unwrap();
        let mut model = image();
        for (round, signal) in [Signal::KILL, Signal::TERM, Signal::HUP].into_iter().enumerate() {
            let running = mount(&sandbox);
            let path = sandbox.path("mnt/disk");
            assert!(std::fs::read(&path).unwrap() == model, "round {round}");
            let file = File::options().read(true).write(true).open(&path).unwrap();
            for _ in 0..40 {
                change(&file, &mut model, rng);
            }
            fallocate(&file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, 100_000, 50_000).unwrap();
            model[100_000..150_000].fill(0);
            assert!(std::fs::read(&path).unwrap() == model);
            // Neither longer nor shorter.
            assert!(file.write_all_at(b"x", model.len() as u64).is_err());
            assert!(file.set_len(5).is_err());
            if signal == Signal::KILL {
                file.sync_data().unwrap();
            }
            drop(file);
            running.signal(signal);
            let told = running.finish();
            assert!(signal == Signal::KILL || told.status == Some(0), "{told:?}");
            wait_until("the mount is still there", || {
                std::fs::read_dir(sandbox.path("mnt")).is_ok_and(|mut all| all.next().is_none())
            });
        }
        let running = mount(&sandbox);
        assert!(sandbox.read("mnt/disk") == model, "at the end");
        running.signal(Signal::TERM);
        running.finish().success();
        assert!(sandbox.read("disk.img") == image());
    });
}

#[test]
fn only_images_can_be_written_to() {
    let sandbox = sandbox();
    sandbox.write("tree/file", "x");
    sandbox.casync(["make", "x.caidx", "tree"]).success();
    let told = sandbox.casync(["mount", "--overlay=cow", "x.caidx", "mnt"]).failure();
    assert!(told.contains("An overlay belongs to a blob index."), "{told}");
    assert!(!sandbox.path("cow").exists() && !sandbox.path("mnt").exists());
}
