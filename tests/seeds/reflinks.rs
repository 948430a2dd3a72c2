//! Shared data, on file systems that can do that.

use std::path::{Path, PathBuf};
use std::process::Command;

use casync_tests::random::Rng;
use casync_tests::sandbox::Sandbox;
use casync_tests::skip::skip;
use casync_tests::tool;

use crate::scene::Sources;

/// A file system of its own, mounted in a sandbox.
struct Mounted(PathBuf);

impl Mounted {
    fn new(sandbox: &Sandbox, kind: &str) -> Option<Self> {
        let make = format!("mkfs.{kind}");
        if tool::which(&make).is_none() || tool::which("filefrag").is_none() {
            skip(&format!("no {make} or filefrag"));
            return None;
        }
        let image = sandbox.path(kind);
        std::fs::File::create(&image).unwrap().set_len(400 << 20).unwrap();
        let made = Command::new(&make).args(["-q", "-f"]).arg(&image).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let place = sandbox.path(format!("mounted-{kind}"));
        std::fs::create_dir(&place).unwrap();
        let mounted = Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&place).output().unwrap();
        if !mounted.status.success() {
            skip(&format!("cannot mount {kind}: {}", String::from_utf8_lossy(&mounted.stderr).trim()));
            return None;
        }
        Some(Self(place))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// How many bytes of a file share their blocks with another one.
fn shared(file: &Path) -> u64 {
    let listed = Command::new("filefrag").args(["-s", "-v", "-b1"]).arg(file).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let extents = listed.lines().filter(|line| line.trim_end().contains("shared"));
    extents
        .map(|line| {
            let length = line.split(':').nth(3).expect("a column with lengths");
            length.trim().parse::<u64>().expect("a number")
        })
        .sum()
}

/// A whole number of blocks was inserted, and a byte changed.
fn versions() -> (Vec<u8>, Vec<u8>) {
    let old = Rng::new(7).bytes(8 << 20);
    let mut new = old.clone();
    new[6_000_000] ^= 1;
    let inserted = Rng::new(8).bytes(3 * 4096);
    new.splice(1_000_000..1_000_000, inserted);
    (old, new)
}

fn on_each(check: impl Fn(&Sandbox, &str)) {
    for kind in ["btrfs", "xfs"] {
        let sandbox = Sandbox::new();
        let Some(mounted) = Mounted::new(&sandbox, kind) else { continue };
        check(&sandbox, mounted.0.file_name().unwrap().to_str().unwrap());
    }
}

#[test]
fn blobs_share_what_they_have_in_common_with_a_seed() {
    on_each(|sandbox, place| {
        let (old, new) = versions();
        let (seed, out) = (format!("{place}/seed"), format!("{place}/out"));
        sandbox.write(&seed, old);
        sandbox.write("new", &new);
        sandbox.casync(["make", "new.caibx", "new"]).success();
        let seed_option = format!("--seed={seed}");
        let extract = ["-v", &seed_option, "extract", "new.caibx", &out];
        let sources = Sources::of(&sandbox.casync(extract));
        assert!((1..10).contains(&sources.store), "{sources:?}");
        assert!(sandbox.read(&out) == new);
        assert!(shared(&sandbox.path(&out)) > 7 << 20, "{}", shared(&sandbox.path(&out)));
        assert_ne!(sources.cloned, "0B");

        std::fs::remove_file(sandbox.path(&out)).unwrap();
        let outcome = sandbox.casync([&extract[..], &["--reflink=no"]].concat());
        assert!(!outcome.stderr.contains("reflinks"), "{}", outcome.stderr);
        outcome.success();
        assert_eq!(shared(&sandbox.path(&out)), 0);
        assert!(sandbox.read(&out) == new);

        // An index that lies: what was cloned is found to be wrong, and replaced.
        let lying = new.iter().map(|byte| byte ^ (byte & 1)).collect::<Vec<u8>>();
        sandbox.write(&seed, lying);
        let lie = ["--seed-index=new.caibx", "extract", "new.caibx", &out];
        sandbox.casync([&[&seed_option[..]], &lie[..]].concat()).success();
        assert!(sandbox.read(&out) == new);
    });
}

#[test]
fn files_of_trees_share_what_they_have_in_common_with_a_seed() {
    on_each(|sandbox, place| {
        let (old, new) = versions();
        let (seed, out) = (format!("{place}/seed"), format!("{place}/out"));
        sandbox.write(format!("{seed}/image"), old);
        sandbox.write(format!("{seed}/small"), "less than a block");
        sandbox.write("new/image", &new);
        sandbox.write("new/small", "less than a block");
        sandbox.casync(["make", "new.caidx", "new"]).success();
        let option = format!("--seed={seed}");
        let sources = Sources::of(&sandbox.casync(["-v", &option, "extract", "new.caidx", &out]));
        assert!((1..10).contains(&sources.store), "{sources:?}");
        let image = sandbox.path(format!("{out}/image"));
        assert!(std::fs::read(&image).unwrap() == new);
        assert!(shared(&image) > 7 << 20, "{}", shared(&image));
        assert_ne!(sources.cloned, "0B");
    });
}

#[test]
fn other_file_systems_get_copies() {
    on_each(|sandbox, place| {
        let (old, new) = versions();
        sandbox.write("seed", old);
        sandbox.write("new", &new);
        sandbox.casync(["make", "new.caibx", "new"]).success();
        let out = format!("{place}/out");
        let sources = Sources::of(&sandbox.casync(["-v", "--seed=seed", "extract", "new.caibx", &out]));
        assert_eq!(sources.cloned, "0B");
        assert!(sources.store < 10 && sandbox.read(&out) == new, "{sources:?}");
    });
}
