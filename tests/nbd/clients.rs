//! What others do with an export.

use casync_tests::running::Running;
use casync_tests::skip::skip;
use casync_tests::tool::which;
use rustix::process::Signal;

use crate::scene::{Served, image, padded, sandbox};

/// Whether this machine has a program.
fn has(program: &str, package: &str) -> bool {
    let found = which(program).is_some();
    if !found {
        skip(&format!("{program} is not installed (`apt install {package}`)"));
    }
    found
}

#[test]
fn nbdinfo_sees_size_and_exports() {
    if !has("nbdinfo", "libnbd-bin") {
        return;
    }
    let sandbox = sandbox();
    let served = Served::start(&sandbox, &["disk.caibx", "plain=disk.img"]);
    let info = |arguments: &[&str]| sandbox.run("nbdinfo", arguments).success();
    for export in ["", "disk", "plain"] {
        let size = info(&["--size", &served.uri(export)]);
        assert_eq!(String::from_utf8(size).unwrap().trim(), padded().len().to_string());
    }
    let list = String::from_utf8(info(&["--list", &served.uri("")])).unwrap();
    assert!(list.contains("export=\"disk\"") && list.contains("export=\"plain\""), "{list}");
    assert!(list.contains("is_read_only: true") && list.contains("can_multi_conn: true"), "{list}");
    sandbox.run("nbdinfo", ["--size", &served.uri("other")]).failure();
    served.end();
}

#[test]
fn holes_are_told() {
    if !has("nbdinfo", "libnbd-bin") {
        return;
    }
    let sandbox = sandbox();
    let served = Served::start(&sandbox, &["disk.caibx"]);
    let map = sandbox.run("nbdinfo", ["--map", &served.uri("")]).success();
    let map = String::from_utf8(map).unwrap();
    // Offset, length, number, words. Chunks of zeros lie within the run of zeros, and cover most of it.
    let zeros: Vec<(u64, u64)> = map
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields[2] == "3")
        .map(|fields| (fields[0].parse().unwrap(), fields[1].parse().unwrap()))
        .collect();
    assert_eq!(zeros.len(), 1, "{map}");
    let (start, length) = zeros[0];
    assert!(start >= 1 << 20 && start + length <= 3 << 20 && length > (2 << 20) - (1 << 19), "{map}");
    served.end();
}

#[test]
fn copies_are_equal() {
    let sandbox = sandbox();
    let served = Served::start(&sandbox, &["disk.caibx"]);
    if has("nbdcopy", "libnbd-bin") {
        sandbox.run("nbdcopy", [&served.uri("disk"), "copy.img"]).success();
        assert!(sandbox.read("copy.img") == padded());
    }
    if has("qemu-img", "qemu-utils") {
        let file = format!("nbd:unix:{}:exportname=disk", served.socket().display());
        sandbox.run("qemu-img", ["convert", "-f", "raw", "-O", "raw", &file, "qemu.img"]).success();
        assert!(sandbox.read("qemu.img") == padded());
        sandbox.write("padded.img", padded());
        sandbox.run("qemu-img", ["compare", "-f", "raw", "-F", "raw", &file, "padded.img"]).success();
        let refused = sandbox.run("qemu-io", ["-f", "raw", "-c", "write 0 512", &file]);
        assert!(refused.status != Some(0) || refused.text().contains("ermission"), "{refused:?}");
    }
    served.end();
}

#[test]
fn ports_are_listened_to() {
    if !has("nbdcopy", "libnbd-bin") {
        return;
    }
    let sandbox = sandbox();
    let mut command = sandbox.command(casync_tests::tool::ours());
    command.args(["nbd-server", "--listen=tcp:127.0.0.1:0", "disk.caibx"]);
    let printed = std::fs::File::create(sandbox.path("printed")).unwrap();
    let running = Running::start_with(&mut command, |command| {
        command.stdout(printed);
    });
    running.until("an address", || sandbox.read("printed").ends_with(b"\n"));
    let printed = String::from_utf8(sandbox.read("printed")).unwrap();
    let address = printed.trim().strip_prefix("Listening: tcp:").unwrap();
    sandbox.run("nbdcopy", [&format!("nbd://{address}"), "copy.img"]).success();
    assert!(sandbox.read("copy.img")[..image().len()] == image());
    running.signal(Signal::INT);
    running.finish().success();
}
