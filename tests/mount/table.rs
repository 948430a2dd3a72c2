//! By mount(8), for lines of fstab.

use std::path::Path;
use std::process::Command;

use casync_tests::random::Rng;
use casync_tests::running::within;
use casync_tests::sandbox::Sandbox;
use casync_tests::skip::skip;
use casync_tests::tool;
use casync_tests::web::Web;

use crate::scene::{make, possible};

/// Runs a script in a mount namespace of its own in which `mount` knows the type casync: its helper can be in one place
/// only, and is to be in none of this machine's.
fn in_namespace(sandbox: &Sandbox, script: &str) -> Option<String> {
    if tool::which("unshare").is_none() {
        skip("no unshare (`apt install util-linux`)");
        return None;
    }
    let helpers = ["/sbin", "/usr/sbin"].map(Path::new);
    let place = helpers.into_iter().find(|path| path.is_dir() && !path.is_symlink())?;
    let ours = tool::ours().display();
    let script = format!(
        "set -eu\nPATH=/usr/bin:/bin\nmount -t tmpfs none {place}\nln -s {ours} {place}/mount.casync\n{script}",
        place = place.display()
    );
    let mut command = sandbox.command("unshare");
    command.args(["--mount", "--propagation=private", "sh", "-c", &script]);
    Some(String::from_utf8(within(&mut command).success()).expect("text"))
}

fn scene() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("tree/file", Rng::new(4).bytes(200_000));
    sandbox.write("tree/sub/other", "other");
    make(&sandbox, tool::ours(), "x.caidx", &sandbox.path("tree"));
    make(&sandbox, tool::ours(), "x.caibx", &sandbox.path("tree/file"));
    std::fs::create_dir(sandbox.path("mnt")).unwrap();
    sandbox
}

/// Whatever a line says is how it is mounted: as found by name, by `mount --all`, and by a server's URL.
#[test]
fn lines_of_fstab() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    let server = Web::new(sandbox.path(""));
    let at = |name: &str| sandbox.path(name).display().to_string();
    for (source, options, more, expected) in [
        (at("x.caidx"), format!("store={},nofail", at("store.castr")), "", "ro,nosuid,nodev"),
        (at("x.caidx"), format!("rw,noexec,uid=7,gid=8,store={}", at("store.castr")), "", "ro,nosuid,nodev,noexec"),
        (server.url("x.caidx"), format!("_netdev,uid-shift=100000,store={}", server.url("store.castr")), "", "ro"),
        (at("x.caidx"), format!("subpath=sub,allow_other,store={}", at("store.castr")), "sub/", "allow_other"),
    ] {
        sandbox.write("fstab", format!("{source} {} casync {options} 0 0\n", at("mnt")));
        let script = "
            mount -T fstab mnt
            findmnt --noheadings --output SOURCE,FSTYPE,OPTIONS mnt
            find mnt -printf '%P %U:%G %s\\n' | LC_ALL=C sort
            test -d mnt/sub && cmp tree/file mnt/file && cat mnt/sub/other || cat mnt/other
            ! touch mnt/new 2>&1
            umount mnt
            mount -T fstab --all
            ls mnt
            umount mnt";
        let Some(told) = in_namespace(&sandbox, script) else { return };
        assert!(told.starts_with(&source) && told.contains(" fuse.casync "), "{told}");
        assert!(told.lines().next().unwrap().contains(expected), "{told}");
        assert!(told.contains("other") && told.contains("Read-only file system"), "{told}");
        let owner = match options {
            _ if options.contains("uid=7") => "7:8",
            _ if options.contains("uid-shift") => "100000:100000",
            _ => "0:0",
        };
        let file = if more.is_empty() { "file" } else { "other" };
        assert!(told.lines().any(|line| line.starts_with(&format!("{file} {owner} "))), "{told}");
    }
}

/// A tree that holds an image that holds a tree: `mount` does it all.
#[test]
fn options_on_the_command_line() {
    if !possible() {
        return;
    }
    let sandbox = scene();
    let at = |name: &str| sandbox.path(name).display().to_string();
    let (store, index) = (at("store.castr"), at("x.caibx"));
    let script = format!(
        "mount -t casync -o store={store} {index} mnt\nls mnt\ncmp mnt/x tree/file\numount mnt
        mount -t casync -o store={store},frob {index} mnt 2>&1 || echo status $?
        mount -t casync -o store={store} {index}.not mnt 2>&1 || echo status $?
        mount --fake -t casync -o store={store} {index} mnt\nls mnt"
    );
    let Some(told) = in_namespace(&sandbox, &script) else { return };
    assert!(told.starts_with("x\n") && told.matches("status ").count() == 2, "{told}");
    assert!(told.contains("frob") && told.contains("No such file or directory"), "{told}");
    assert!(told.ends_with("status 1\n"), "{told}");
}

/// 16 threads of fio read at random what fio has written with a checksum in each block.
#[test]
fn fio_finds_its_checksums() {
    if !possible() {
        return;
    }
    let Some(fio) = tool::which("fio") else { return skip("no fio (`apt install fio`)") };
    let sandbox = scene();
    let common = ["--name=x", "--size=8M", "--bs=4k", "--verify=crc32c", "--randrepeat=1", "--ioengine=psync"];
    let mut write = sandbox.command(&fio);
    write.args(common).args(["--filename=image", "--rw=write", "--do_verify=0"]);
    within(&mut write).success();
    make(&sandbox, tool::ours(), "image.caibx", &sandbox.path("image"));
    let mount = crate::scene::Mount::new(&sandbox, ["--store=store.castr", "--memory=4M", "image.caibx"]);
    let read = |image: &Path| {
        let mut read: Command = sandbox.command(&fio);
        read.args(common).arg(format!("--filename={}", image.display()));
        read.args(["--rw=randread", "--numjobs=16", "--thread", "--group_reporting", "--readonly", "--invalidate=0"]);
        within(&mut read)
    };
    read(&mount.path("image")).success();
    mount.unmount().success();
    // It does look.
    casync_tests::store::damage(&sandbox.path("image"));
    assert_ne!(read(&sandbox.path("image")).status, Some(0));
}
