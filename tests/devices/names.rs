//! What devices are called, and what is refused.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use casync_tests::sandbox::Sandbox;
use rustix::fs::FlockOperation;
use rustix::process::Signal;

use crate::scene::{Device, is_attached, padded, possible, sandbox};

#[test]
fn every_form_of_node_works() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    let device = Device::new(&sandbox, &["disk.caibx"]);
    let number = device.name().strip_prefix("/dev/loop").expect("its own name").to_owned();
    number.parse::<u32>().expect("a number");
    device.end(Signal::TERM).success();

    let path = sandbox.path("some where");
    let device = Device::new(&sandbox, &["disk.caibx", "some where"]);
    assert_eq!(device.name(), path.to_str().unwrap());
    assert!(std::fs::read_link(&path).unwrap().starts_with("/dev"));
    device.end(Signal::TERM).success();

    let name = format!("/dev/casync-test-{}", std::process::id());
    let device = Device::new(&sandbox, &["disk.caibx", &name]);
    assert_eq!(device.name(), name);
    assert!(device.read() == padded());
    device.end(Signal::TERM).success();
    assert!(!Path::new(&name).exists());
}

#[test]
fn a_device_that_is_named_must_be_free() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    let device = Device::new(&sandbox, &["disk.caibx"]);
    let busy = sandbox.casync(["mkdev", "disk.caibx", device.name()]).failure();
    assert!(busy.contains("Failed to attach a block device: Device or resource busy"), "{busy}");
    device.end(Signal::TERM).success();
}

#[test]
fn what_cannot_be_is_refused() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    sandbox.write("there", "");
    sandbox.write("x.catar", "");
    for (arguments, expected) in [
        (&["--driver=loop", "disk.caibx", "there"][..], "Failed to create symlink "),
        (&["--driver=loop", "disk.caibx", "/dev/null"], "Failed to create symlink /dev/null: File exists"),
        (&["--driver=loop", "disk.caibx", "/dev/a b"], "can be neither a device nor a link"),
        (&["--driver=loop", "disk.caibx", "/dev/nbd0"], "do not belong together"),
        (&["--driver=ublk", "disk.caibx"], "\"ublk\" is not part of this program"),
        (&["--driver=floppy", "disk.caibx"], "floppy"),
        (&["x.catar"], "not an archive"),
        (&["missing.caibx"], "Failed to determine archive size: No such file or directory"),
        (&["--store=nowhere", "--overlay=no/such", "disk.caibx"], "open the overlay \"no/such\""),
    ] {
        let told = sandbox.casync([&["mkdev"][..], arguments].concat()).failure();
        assert!(told.contains(expected), "{arguments:?}: {told}");
    }
    assert_eq!(sandbox.read("there"), b"");
    if !Path::new("/sys/module/nbd").exists() {
        let told = sandbox.casync(["mkdev", "--driver=nbd", "disk.caibx"]).failure();
        assert!(told.contains("the kernel has no network block devices") && told.contains("modprobe nbd"), "{told}");
    }
}

#[test]
fn the_driver_that_was_chosen_is_told() {
    if !possible() {
        return;
    }
    if Path::new("/sys/module/nbd").exists() {
        return casync_tests::skip::skip("the kernel has network block devices: loop devices are not chosen");
    }
    let sandbox = sandbox();
    let mut command = sandbox.command(casync_tests::tool::ours());
    let device = Device::start(&sandbox, command.args(["mkdev", "disk.caibx"]));
    let node = device.name().to_owned();
    let told = device.end(Signal::TERM);
    assert!(told.stderr.contains("as a loop device (--driver=loop)"), "{told:?}");
    assert!(!is_attached(&node));
}

/// The file in which a server says what its device is called.
struct NameFile(String);

impl NameFile {
    fn new(number: u32, text: &str) -> (Self, File) {
        let _ = std::fs::create_dir("/run/casync");
        let path = format!("/run/casync/nbd{number}");
        let mut file = File::create(&path).expect("a file of the system");
        file.write_all(text.as_bytes()).unwrap();
        (Self(path), file)
    }
}

impl Drop for NameFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
        let _ = std::fs::remove_dir("/run/casync");
    }
}

#[test]
fn udev_is_told_names_of_devices_that_are_attached() {
    if !casync_tests::mount::is_root() {
        return casync_tests::skip::skip("only root can write to /run");
    }
    let sandbox = Sandbox::new();
    let ask = |number: u32| sandbox.casync(["udev", &format!("/dev/nbd{number}")]);
    let (_name, file) = NameFile::new(64_710, "some-image\n");
    assert_eq!(ask(64_710).success(), b"", "left behind");
    rustix::fs::flock(&file, FlockOperation::LockExclusive).unwrap();
    assert_eq!(ask(64_710).success(), b"CASYNC_NAME=some-image\n");
    assert_eq!(ask(64_711).success(), b"", "no file");
    let (_name, file) = NameFile::new(64_712, "two words\n");
    rustix::fs::flock(&file, FlockOperation::LockExclusive).unwrap();
    let told = ask(64_712).failure();
    assert!(told.contains("it holds no name"), "{told}");
}
