//! What is on a loop device is what was in the image.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;

use casync_tests::plant::shell;
use casync_tests::sandbox::{Sandbox, outcome};
use casync_tests::serving::Serving;
use casync_tests::skip::skip;
use casync_tests::tool;
use casync_tests::walk::{assert_same, walk};
use rustix::process::Signal;

use crate::scene::{Device, padded, possible, sandbox};

#[test]
fn devices_have_the_bytes_of_blobs_and_indexes() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    for image in ["disk.caibx", "disk.img"] {
        let device = Device::new(&sandbox, &[image]);
        assert!(device.read() == padded(), "{image}");
        let name = device.node().file_name().unwrap().to_str().unwrap().to_owned();
        let fact = |fact: &str| std::fs::read_to_string(format!("/sys/block/{name}/{fact}")).unwrap();
        assert_eq!(fact("ro"), "1\n");
        assert_eq!(fact("queue/logical_block_size"), "512\n");
        let written = File::options().write(true).open(device.node()).and_then(|file| file.write_all_at(b"x", 0));
        assert!(written.is_err());
        let told = device.end(Signal::TERM);
        assert_eq!((told.status, told.stderr.as_str()), (Some(0), ""));
    }
}

/// Mounts a device and compares what is on it.
fn compare(device: &Device, system: &str, sandbox: &Sandbox, expected: &[String]) {
    let inner = sandbox.path("inner");
    let _ = std::fs::create_dir(&inner);
    let options = if system == "ext4" { "ro,noload" } else { "ro" };
    let mounted = outcome(Command::new("mount").args(["-t", system, "-o", options]).arg(device.node()).arg(&inner));
    if mounted.status != Some(0) {
        return skip(&format!("{system} cannot be mounted here: {}", mounted.stderr));
    }
    let found: Vec<String> = walk(&inner).into_iter().filter(|line| !line.contains("lost+found")).collect();
    outcome(Command::new("umount").arg(&inner)).success();
    // The root's time is when the image was made.
    assert_same(&expected[1..], &found[1..], system);
}

#[test]
fn file_systems_on_devices_are_what_they_were_made_of() {
    if !possible() {
        return;
    }
    let source = Path::new("/usr/share/perl5");
    let expected = walk(source);
    let (sandbox, quoted) = (Sandbox::new(), source.display());
    std::fs::create_dir(sandbox.path("default.castr")).unwrap();
    let serving = Serving::start(&sandbox, ["--store=default.castr", "--index-dir=."]);
    for (system, maker, script) in [
        ("ext4", "mkfs.ext4", format!("truncate -s 256M image; mkfs.ext4 -qF -I 256 -d {quoted} image")),
        ("squashfs", "mksquashfs", format!("mksquashfs {quoted} image -quiet -no-progress -comp gzip")),
        ("btrfs", "mkfs.btrfs", format!("truncate -s 256M image; mkfs.btrfs -q --rootdir {quoted} image")),
    ] {
        if tool::which(maker).is_none() {
            skip(&format!("{system} images cannot be made here"));
            continue;
        }
        let _ = std::fs::remove_file(sandbox.path("image"));
        shell(&sandbox.path(""), &script);
        sandbox.casync(["make", "disk.caibx", "image"]).success();
        for image in ["disk.caibx", &serving.at("disk.caibx")] {
            let device = Device::new(&sandbox, &[image]);
            compare(&device, system, &sandbox, &expected);
            device.end(Signal::TERM).success();
        }
    }
    serving.stop().success();
}

#[test]
fn partitions_have_devices_of_their_own() {
    if !possible() {
        return;
    }
    if tool::which("sfdisk").is_none() {
        return skip("sfdisk is not installed (`apt install fdisk`)");
    }
    let sandbox = Sandbox::new();
    shell(&sandbox.path(""), "truncate -s 4M image; echo '2048,1024' | sfdisk --quiet image");
    sandbox.casync(["make", "disk.caibx", "image"]).success();
    let device = Device::new(&sandbox, &["disk.caibx"]);
    let name = device.node().file_name().unwrap().to_str().unwrap().to_owned();
    let size = std::fs::read_to_string(format!("/sys/block/{name}/{name}p1/size"));
    device.end(Signal::TERM).success();
    match size {
        Ok(size) => assert_eq!(size, "1024\n"),
        Err(error) => skip(&format!("this kernel finds no partitions on loop devices: {error}")),
    }
}

#[test]
fn a_missing_chunk_is_an_error_of_one_read() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    // Before anything is read ahead.
    let parts = sandbox.names("default.castr");
    std::fs::create_dir(sandbox.path("away")).unwrap();
    let rename = |from: &str, to: &str| {
        let rename = |name| std::fs::rename(sandbox.path(from).join(name), sandbox.path(to).join(name));
        parts.iter().for_each(|name| rename(name).unwrap());
    };
    rename("default.castr", "away");
    let device = Device::new(&sandbox, &["disk.caibx"]);
    let read = std::fs::read(device.node()).unwrap_err();
    assert_eq!(rustix::io::Errno::from_io_error(&read), Some(rustix::io::Errno::IO));
    rename("away", "default.castr");
    // A failure stands for a moment.
    crate::scene::wait_until("reads fail for ever", || {
        std::fs::read(device.node()).is_ok_and(|bytes| bytes == padded())
    });
    let told = device.end(Signal::TERM);
    assert_eq!(told.status, Some(0));
    assert!(told.stderr.contains("Failed to read at offset ") && told.stderr.contains("chunk "), "{}", told.stderr);
}
