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
fn what_is_written_is_no_hole_any_more() {
    if !has("nbdinfo", "libnbd-bin") || !has("qemu-io", "qemu-utils") {
        return;
    }
    let sandbox = sandbox();
    let served = Served::start(&sandbox, &["--overlay=cow", "disk.caibx"]);
    let file = format!("nbd:unix:{}", served.socket().display());
    // In the middle of the zeros; and the same as there is.
    let commands = ["-c", "write -P 7 2M 8k", "-c", "write -z 2560k 4k"];
    sandbox.run("qemu-io", ["-f", "raw"].into_iter().chain(commands).chain([file.as_str()])).success();
    let map = sandbox.run("nbdinfo", ["--map", "--json", &served.uri("")]).success();
    let map: serde_json::Value = serde_json::from_slice(&map).unwrap();
    let number = |extent: &serde_json::Value, name: &str| extent[name].as_u64().unwrap();
    let extents = map.as_array().unwrap();
    let kind = |offset: u64| {
        let holds = |extent: &&serde_json::Value| {
            let start = number(extent, "offset");
            (start..start + number(extent, "length")).contains(&offset)
        };
        number(extents.iter().find(holds).unwrap(), "type")
    };
    for (offset, expected) in [(0, 0), (1900 << 10, 3), (2 << 20, 0), ((2 << 20) + 8191, 0), (2100 << 10, 3)] {
        assert_eq!(kind(offset), expected, "{offset}: {map}");
    }
    // Without a gap to the end.
    assert_eq!(extents.iter().map(|extent| number(extent, "length")).sum::<u64>(), padded().len() as u64);
    served.end();
}

#[test]
fn several_clients_copy_at_the_same_time() {
    if !has("nbdcopy", "libnbd-bin") {
        return;
    }
    let sandbox = sandbox();
    let served = Served::start(&sandbox, &["disk.caibx", "plain=disk.img"]);
    std::thread::scope(|scope| {
        for number in 0..6 {
            let (sandbox, uri) = (&sandbox, served.uri(if number % 2 == 0 { "disk" } else { "plain" }));
            scope.spawn(move || {
                let copy = format!("copy-{number}.img");
                sandbox.run("nbdcopy", ["--connections=4", &uri, &copy]).success();
                assert!(sandbox.read(&copy) == padded());
            });
        }
    });
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
