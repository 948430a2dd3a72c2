//! How devices begin and end.

use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixDatagram;
use std::process::Command;

use casync_tests::plant::shell;
use casync_tests::running::LIMIT;
use casync_tests::sandbox::{Sandbox, outcome};
use casync_tests::skip::skip;
use casync_tests::tool;
use rustix::process::Signal;

use crate::scene::{Device, is_attached, padded, possible, sandbox, wait_until};

#[test]
fn signals_detach_it() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let device = Device::new(&sandbox, &["disk.caibx", "link"]);
        assert!(device.read() == padded());
        let told = device.end(signal);
        assert_eq!((told.status, told.stderr.as_str()), (Some(0), ""));
        assert!(std::fs::symlink_metadata(sandbox.path("link")).is_err(), "the link goes, too");
    }
}

#[test]
fn a_killed_program_leaves_nothing_attached() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    let device = Device::new(&sandbox, &["disk.caibx", "link"]);
    assert_eq!(device.end(Signal::KILL).status, None);
    wait_until("the link is still there", || std::fs::symlink_metadata(sandbox.path("link")).is_err());
}

/// The kernel has something to write to it, and nobody takes that any more.
#[test]
fn a_killed_program_with_unwritten_data_leaves_nothing_attached() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    let device = Device::new(&sandbox, &["--overlay=cow", "disk.caibx", "link"]);
    let node = device.node();
    let file = std::fs::File::options().write(true).open(&node).unwrap();
    file.write_all_at(&[1; 100_000], 12_345).unwrap();
    device.running().signal(Signal::KILL);
    device.finish();
    wait_until("the link is still there", || std::fs::symlink_metadata(sandbox.path("link")).is_err());
    assert!(is_attached(node.to_str().unwrap()), "somebody has it open");
    drop(file);
    wait_until("the device is still attached", || !is_attached(node.to_str().unwrap()));
}

#[test]
fn a_device_in_use_goes_when_it_is_not_any_more() {
    if !possible() {
        return;
    }
    if tool::which("mkfs.ext4").is_none() {
        return skip("mkfs.ext4 is not installed (`apt install e2fsprogs`)");
    }
    let sandbox = Sandbox::new();
    shell(&sandbox.path(""), "mkdir inner; truncate -s 4M image; mkfs.ext4 -qF image");
    sandbox.casync(["make", "disk.caibx", "image"]).success();
    let device = Device::new(&sandbox, &["disk.caibx"]);
    let node = device.node();
    outcome(Command::new("mount").args(["-o", "ro,noload"]).arg(&node).arg(sandbox.path("inner"))).success();
    device.running().signal(Signal::TERM);
    let name = node.to_str().unwrap().to_owned();
    let told = device.finish();
    assert!(told.stderr.contains("is still in use"), "{told:?}");
    told.success();
    assert!(is_attached(&name));
    outcome(Command::new("umount").arg(sandbox.path("inner"))).success();
    wait_until("the device is still attached", || !is_attached(&name));
}

#[test]
fn service_managers_are_told() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    let socket = UnixDatagram::bind(sandbox.path("notify")).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    let mut command = sandbox.command(tool::ours());
    command.env("NOTIFY_SOCKET", sandbox.path("notify")).args(["mkdev", "--driver=loop", "disk.caibx", "link"]);
    let device = Device::start(&sandbox, &mut command);
    let mut message = [0; 100];
    let length = socket.recv(&mut message).unwrap();
    let expected = format!("READY=1\nDEVICE={}\n", device.node().display());
    assert_eq!(String::from_utf8_lossy(&message[..length]), expected);
    device.end(Signal::TERM).success();
}
