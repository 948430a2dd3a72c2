//! Everything that an archive holds is what the mount shows.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use casync_tests::mount::FileSystem;
use casync_tests::plant::{Extent, plant, shell};
use casync_tests::sandbox::Sandbox;
use casync_tests::snapshot::{Snapshot, differences, snapshot};
use casync_tests::tool;

use crate::scene::{Mount, make, possible};

/// Mounts of everything, made by both programs, against its source on every file system.
#[test]
fn mounts_show_everything_that_archives_hold() {
    if !possible() {
        return;
    }
    for system in FileSystem::RICH {
        let Some(disk) = system.mount() else { continue };
        let source = disk.path("source");
        plant(&source, system, Extent::Full);
        let expected = snapshot(&source);
        let makers = [Some(tool::ours()), tool::upstream()];
        for (maker, name) in makers.into_iter().flatten().flat_map(|maker| [(maker, "x.caidx"), (maker, "x.catar")]) {
            let sandbox = Sandbox::new();
            make(&sandbox, maker, name, &source);
            let mount = Mount::new(&sandbox, ["--store=store.castr", name]);
            let found = snapshot(&mount.path(""));
            // Subvolumes are directories here; btrfs shows a flag as an attribute, too. The C casync loses ACLs on XFS, which it takes for other attributes.
            let lost = |path: &str, what: &str| {
                (what == "content" && is_subvolume(&expected, path))
                    || what.starts_with("xattr btrfs.")
                    || (maker != tool::ours() && system == FileSystem::Xfs && what.contains("posix_acl"))
            };
            let differing = differences(&expected, &found, lost);
            assert!(differing.is_empty(), "{system:?} {name} of {maker:?}:\n{}", differing.join("\n"));
            mount.unmount().success();
        }
    }
}

fn is_subvolume(facts: &Snapshot, path: &str) -> bool {
    facts.get(&(path.to_owned(), "content".to_owned())).is_some_and(|content| content == "subvolume")
}

/// What the C casync's own mount shows of a tree is what ours shows.
#[test]
fn mounts_of_both_programs_show_the_same() {
    let (true, Some(upstream)) = (possible(), tool::upstream()) else { return };
    let sandbox = Sandbox::new();
    make(&sandbox, tool::ours(), "x.caidx", Path::new("/usr/share/perl5"));
    let ours = Mount::with(&sandbox, tool::ours(), ["--store=store.castr", "x.caidx"], "ours");
    let theirs = Mount::with(&sandbox, upstream, ["--store=store.castr", "x.caidx"], "theirs");
    let (found, expected) = (snapshot(&ours.path("")), snapshot(&theirs.path("")));
    let differing = differences(&expected, &found, |_, what| what == "project");
    assert!(differing.is_empty() && expected.len() > 100, "{}", differing.join("\n"));
    theirs.unmount().success();
    ours.unmount().success();
}

/// Inode numbers are the same in every mount and after the kernel has forgotten them; sizes of links and blocks are right.
#[test]
fn what_stat_tells() {
    if !possible() {
        return;
    }
    let sandbox = Sandbox::new();
    let script =
        "mkdir -p tree/a/b; printf 1234567 >tree/a/file; ln -s a/file tree/link; head -c 5000 /dev/zero >tree/big";
    shell(&sandbox.path(""), script);
    make(&sandbox, tool::ours(), "x.catar", &sandbox.path("tree"));
    let names = ["", "a", "a/b", "a/file", "link", "big"];
    let look = || {
        let mount = Mount::new(&sandbox, ["x.catar"]);
        let facts = names.map(|name| {
            let stat = mount.path(name).symlink_metadata().unwrap();
            (stat.ino(), stat.size(), stat.blocks(), stat.nlink())
        });
        mount.unmount().success();
        facts
    };
    let first = look();
    assert_eq!(first, look());
    let numbers: std::collections::BTreeSet<u64> = first.iter().map(|(ino, ..)| *ino).collect();
    assert_eq!(numbers.len(), names.len());
    assert_eq!(first[0].0, 1);
    assert_eq!(first.map(|(_, size, ..)| size)[3..], [7, 6, 5000]);
    assert_eq!(first.map(|(.., blocks, _)| blocks)[3..], [1, 0, 10]);
    assert!(first.iter().all(|(.., links)| *links == 1));
}

/// Owners shifted, and set.
#[test]
fn owners_are_shifted_or_set() {
    if !possible() {
        return;
    }
    let sandbox = Sandbox::new();
    let script = "mkdir tree; echo x >tree/a; echo y >tree/b; chown 7:8 tree/a; setfacl -m u:9:r tree/a";
    shell(&sandbox.path(""), script);
    make(&sandbox, tool::ours(), "x.catar", &sandbox.path("tree"));
    for (options, a, b, named) in [
        (&["--uid-shift=100000"][..], (100_007, 100_008), (100_000, 100_000), "user:100009:r--"),
        (&["-o", "uid=3,gid=4"][..], (3, 4), (3, 4), "user:9:r--"),
        (&[][..], (7, 8), (0, 0), "user:9:r--"),
    ] {
        let mount = Mount::new(&sandbox, options.iter().chain(&["x.catar"]));
        let owner = |name: &str| {
            let stat = mount.path(name).metadata().unwrap();
            (stat.uid(), stat.gid())
        };
        assert_eq!((owner("a"), owner("b")), (a, b), "{options:?}");
        let acl = shell(&mount.path(""), "getfacl --numeric --omit-header a");
        assert!(String::from_utf8_lossy(&acl).contains(named), "{options:?}");
        mount.unmount().success();
    }
}

/// What only ioctls tell, on files and directories.
#[test]
fn ioctls_tell_attributes() {
    if !possible() {
        return;
    }
    let Some(disk) = FileSystem::Ext4.mount() else { return };
    let source = disk.path("source");
    shell(&disk.path(""), "mkdir source; cd source; mkdir d; touch f; chattr +Ad d; chattr +S f; chattr +i f");
    let sandbox = Sandbox::new();
    make(&sandbox, tool::ours(), "x.catar", &source);
    shell(&disk.path(""), "chattr -i source/f");
    let mount = Mount::new(&sandbox, ["x.catar"]);
    let listed = String::from_utf8(shell(&mount.path(""), "lsattr -d d f")).unwrap();
    let flags: Vec<String> = listed
        .lines()
        .map(|line| line.split(' ').next().unwrap().chars().filter(|flag| *flag != '-').collect())
        .collect();
    assert_eq!(flags, ["dA", "Si"], "{listed}");
    mount.unmount().success();
}
