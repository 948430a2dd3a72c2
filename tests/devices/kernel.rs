//! What takes a machine of its own: the kernel's network block devices, and a clock that is set back and forth. Debian's kernel,
//! busybox and this program in a virtual machine.

use std::path::Path;

use casync_tests::machine::Machine;
use casync_tests::plant::shell;
use casync_tests::random::Rng;
use casync_tests::sandbox::Sandbox;
use casync_tests::skip::skip;
use casync_tests::tool;
use sha2::{Digest as _, Sha256};

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
#[ignore = "boots a virtual machine with a kernel that is fetched first (27 MB)"]
fn network_block_devices_work() {
    let sandbox = Sandbox::new();
    let Some(machine) = Machine::new(&sandbox) else { return };
    if tool::which("mkfs.ext4").is_none() {
        return skip("this takes e2fsprogs");
    }
    // Twelve megabytes, two of them a file.
    let content = Rng::new(6).bytes(2 << 20);
    sandbox.write("tree/file", &content);
    shell(&sandbox.path(""), "truncate -s 12M disk.img; mkfs.ext4 -qF -d tree disk.img");
    sandbox.casync(["make", "disk.caibx", "disk.img"]).success();
    machine.bring("disk.* default.castr");
    let (said, text) = machine.run(&Path::new(env!("CARGO_MANIFEST_DIR")).join("devices/init"));
    let (sum, file) = (hex(&sandbox.read("disk.img")), hex(&content));
    let expected = [
        "Attached: /dev/nbd0".to_owned(),
        "Attaching it as a network block device (--driver=nbd).".to_owned(),
        "nbd0: 24576 sectors, read-only 1".to_owned(),
        format!("sum {sum}"),
        format!("file {file}"),
        "busy: status 1".to_owned(),
        "TERM: status 0".to_owned(),
        "nbd0: 0 sectors, read-only 1".to_owned(),
        "Attached: /dev/nbd5".to_owned(),
        "nbd5: 24576 sectors, read-only 1".to_owned(),
        "INT: status 0".to_owned(),
        "Attached: /dev/root-image".to_owned(),
        "link /dev/nbd0, file root-image, udev CASYNC_NAME=root-image".to_owned(),
        format!("sum {sum}"),
        "HUP: status 0".to_owned(),
        "left: ".to_owned(),
        "Attached: /tmp/link".to_owned(),
        "link /dev/nbd0".to_owned(),
        "KILL: status 137".to_owned(),
        "Attached: /dev/nbd0".to_owned(),
        "nbd0: 24576 sectors, read-only 0".to_owned(),
        "KILL: status 137".to_owned(),
        "Attached: /dev/nbd0".to_owned(),
        "as it was written".to_owned(),
        format!("file {file}"),
        "TERM: status 0".to_owned(),
        "Attached: /dev/loop3".to_owned(),
        "loop3: 24576 sectors, read-only 1".to_owned(),
        format!("sum {sum}"),
        "TERM: status 0".to_owned(),
        "unchanged: misses: 0".to_owned(),
        "clock: 16 of 16 right".to_owned(),
        "the end".to_owned(),
    ];
    assert_eq!(said, expected, "{text}");
}
