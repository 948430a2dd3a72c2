//! Images as files: over a file, in a directory, and as devices with file systems on them.

use std::path::Path;
use std::process::Command;

use casync_tests::plant::shell;
use casync_tests::random::Rng;
use casync_tests::sandbox::{Sandbox, outcome};
use casync_tests::skip::skip;
use casync_tests::tool;
use casync_tests::walk::{assert_same, walk};

use crate::scene::{Mount, make, possible};

#[test]
fn an_image_is_a_file() {
    if !possible() {
        return;
    }
    let sandbox = Sandbox::new();
    let image = Rng::new(2).bytes(700_001);
    sandbox.write("image", &image);
    for maker in [Some(tool::ours()), tool::upstream()].into_iter().flatten() {
        make(&sandbox, maker, "disk.caibx", &sandbox.path("image"));
        let mount = Mount::new(&sandbox, ["--store=store.castr", "disk.caibx"]);
        assert_eq!(sandbox.names("mnt"), ["disk"]);
        assert!(std::fs::read(mount.path("disk")).unwrap() == image);
        mount.unmount().success();
        sandbox.write("over", "");
        let mount = Mount::with(&sandbox, tool::ours(), ["--store=store.castr", "disk.caibx"], "over");
        assert!(std::fs::read(mount.path("")).unwrap() == image);
        mount.unmount().success();
    }
}

/// File systems on loop devices over mounted images are what they were made of.
#[test]
fn images_hold_file_systems() {
    if !possible() {
        return;
    }
    let source = Path::new("/usr/share/perl5");
    let expected = walk(source);
    let sandbox = Sandbox::new();
    let quoted = source.display();
    for (system, script) in [
        ("ext4", format!("truncate -s 256M image; mkfs.ext4 -qF -I 256 -d {quoted} image")),
        ("squashfs", format!("mksquashfs {quoted} image -quiet -no-progress -comp gzip")),
        ("btrfs", format!("truncate -s 256M image; mkfs.btrfs -q --rootdir {quoted} image")),
    ] {
        let _ = std::fs::remove_file(sandbox.path("image"));
        if tool::which(if system == "squashfs" { "mksquashfs".to_owned() } else { format!("mkfs.{system}") }).is_none()
        {
            skip(&format!("{system} images cannot be made here"));
            continue;
        }
        shell(&sandbox.path(""), &script);
        make(&sandbox, tool::ours(), "disk.caibx", &sandbox.path("image"));
        let mount = Mount::new(&sandbox, ["--store=store.castr", "disk.caibx"]);
        let inner = sandbox.path("inner");
        let _ = std::fs::create_dir(&inner);
        let options = if system == "ext4" { "loop,ro,noload" } else { "loop,ro" };
        let image = mount.path("disk");
        let mut inside = Command::new("mount");
        let inside = outcome(inside.args(["-t", system, "-o", options]).arg(image).arg(&inner));
        if inside.status != Some(0) {
            skip(&format!("{system} cannot be mounted here: {}", inside.stderr));
            continue;
        }
        let found: Vec<String> = walk(&inner).into_iter().filter(|line| !line.contains("lost+found")).collect();
        outcome(Command::new("umount").arg(&inner)).success();
        // The root's time is when the image was made.
        assert_same(&expected[1..], &found[1..], system);
        mount.unmount().success();
    }
}
