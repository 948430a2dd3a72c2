//! What takes a machine of its own: the kernel's network block devices, and a clock that is set back and forth. Debian's kernel,
//! busybox and this program in a virtual machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use casync_tests::plant::shell;
use casync_tests::random::Rng;
use casync_tests::sandbox::{Sandbox, outcome};
use casync_tests::skip::skip;
use casync_tests::tool;
use sha2::{Digest as _, Sha256};

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where the kernel and its modules are; fetched now if they were not before.
fn kernel() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("devices/fetch-kernel");
    let said = outcome(&mut Command::new(script)).success();
    PathBuf::from(String::from_utf8(said).unwrap().trim())
}

/// Puts the program and the libraries that it is linked to, if there are any, below a directory.
fn install(sandbox: &Sandbox, root: &str) {
    let program = sandbox.path(root).join("bin/casync");
    std::fs::copy(tool::ours(), &program).unwrap();
    // Debugging information is most of it.
    let _ = outcome(Command::new("strip").arg(&program));
    let linked = outcome(Command::new("ldd").arg(&program)).text();
    for library in linked.split_whitespace().filter(|word| word.starts_with('/')) {
        let target = sandbox.path(root).join(&library[1..]);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(library, target).unwrap();
    }
}

#[test]
#[ignore = "boots a virtual machine with a kernel that is fetched first (27 MB)"]
fn network_block_devices_work() {
    let busybox = Path::new("/bin/busybox");
    if tool::which("qemu-system-x86_64").is_none() || !busybox.exists() || tool::which("mkfs.ext4").is_none() {
        return skip("this takes qemu-system-x86, busybox-static and e2fsprogs");
    }
    let kernel = kernel();
    let sandbox = Sandbox::new();
    // Twelve megabytes, two of them a file.
    let content = Rng::new(6).bytes(2 << 20);
    sandbox.write("tree/file", &content);
    shell(&sandbox.path(""), "truncate -s 12M disk.img; mkfs.ext4 -qF -d tree disk.img; mkdir -p root/bin root/work");
    sandbox.casync(["make", "disk.caibx", "disk.img"]).success();
    install(&sandbox, "root");
    let script = format!(
        "cp {busybox} root/bin/; cp {init} root/init; cp {kernel}/*.ko root/; cp -r disk.* default.castr root/work/
        cd root; for name in $(busybox --list); do [ -e bin/$name ] || ln -s busybox bin/$name; done
        find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 >../initrd",
        busybox = busybox.display(),
        init = Path::new(env!("CARGO_MANIFEST_DIR")).join("devices/init").display(),
        kernel = kernel.display(),
    );
    shell(&sandbox.path(""), &script);

    // Its processor is emulated: it takes a minute on a busy machine.
    let mut machine = sandbox.command("timeout");
    machine.args(["600", "qemu-system-x86_64"]);
    // Without KVM: in a virtual machine of some hosts the kernel does not get far with it.
    machine.args(["-accel", "tcg", "-m", "768", "-display", "none", "-no-reboot", "-nodefaults"]);
    machine.args(["-serial", "stdio", "-initrd", "initrd", "-append", "console=ttyS0 quiet panic=-1", "-kernel"]);
    let outcome = outcome(machine.arg(kernel.join("vmlinuz")));
    let text = outcome.text().replace('\r', "");
    let said: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("SAYS ")).collect();

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
    assert_eq!(said, expected, "{text}\n{}", outcome.stderr);
}
