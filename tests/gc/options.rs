//! What the C casync does not do, or does wrong.

use std::os::unix::fs::symlink;
use std::time::Duration;

use casync_tests::store;

use crate::{assert_whole, make, two_blobs};

const HOUR: Duration = Duration::from_secs(3600);

/// An id that no data in these tests has.
const UNUSED: &str = "abcd000000000000000000000000000000000000000000000000000000000000";

#[test]
fn backup_keeps_what_goes_as_a_store() {
    let sandbox = two_blobs(200_000);
    let before = store::files(&sandbox.path("default.castr"));
    let outcome = sandbox.casync(["-v", "gc", "--backup=attic.castr", "keep.caibx"]);
    assert!(outcome.stderr.contains("Moved "), "{}", outcome.stderr);
    outcome.success();
    let (left, moved) = (store::files(&sandbox.path("default.castr")), store::files(&sandbox.path("attic.castr")));
    assert!(!left.is_empty() && !moved.is_empty());
    let mut both = left.clone();
    both.extend(moved);
    assert_eq!(both, before);
    assert_whole(&sandbox, "keep", "keep");
    sandbox.casync(["extract", "drop.caibx", "dropped"]).failure();
    sandbox.casync(["extract", "--extra-store=attic.castr", "drop.caibx", "dropped"]).success();
    assert!(sandbox.read("dropped") == sandbox.read("drop"));
    // A second time into the same place, with the same chunks.
    make(&sandbox, "drop", "drop");
    sandbox.casync(["gc", "--backup=attic.castr", "keep.caibx"]).success();
    assert_eq!(store::files(&sandbox.path("default.castr")), left);
}

#[test]
fn backup_works_across_file_systems() {
    let sandbox = two_blobs(50_000);
    let Ok(other) = tempfile::Builder::new().prefix("casync-test-").tempdir_in("/dev/shm") else {
        return casync_tests::skip::skip("/dev/shm is not there, a second file system to move chunks to");
    };
    let before = store::files(&sandbox.path("default.castr"));
    let attic = other.path().join("attic.castr");
    sandbox.casync([&format!("--backup={}", attic.display()), "gc", "keep.caibx"]).success();
    let mut both = store::files(&sandbox.path("default.castr"));
    assert!(both.len() < before.len());
    both.extend(store::files(&attic));
    assert_eq!(both, before);
}

#[test]
fn backup_into_the_store_itself_is_refused() {
    let sandbox = two_blobs(50_000);
    let before = store::files(&sandbox.path("default.castr"));
    symlink("default.castr", sandbox.path("alias")).unwrap();
    for directory in ["default.castr", "./default.castr/../alias", "missing/attic"] {
        sandbox.casync([&format!("--backup={directory}"), "gc", "keep.caibx"]).failure();
        assert_eq!(store::files(&sandbox.path("default.castr")), before, "{directory}");
    }
}

#[test]
fn dry_run_makes_no_backup() {
    let sandbox = two_blobs(50_000);
    sandbox.casync(["--dry-run", "gc", "--backup=attic.castr", "keep.caibx"]).success();
    assert!(!sandbox.path("attic.castr").exists());
}

#[test]
fn grace_spares_the_young() {
    let sandbox = two_blobs(200_000);
    let before = store::files(&sandbox.path("default.castr"));
    let outcome = sandbox.casync(["-v", "gc", "--grace=1h", "keep.caibx"]);
    assert!(outcome.text().contains(&format!("Removed 0 chunks, 0 directories, {} chunks remaining.", before.len())));
    assert_eq!(store::files(&sandbox.path("default.castr")), before);
    // An hour later.
    for path in store::paths(&sandbox.path("default.castr")) {
        store::make_older(&path, HOUR + Duration::from_secs(1));
    }
    // What is found present is in use.
    make(&sandbox, "third", "drop");
    sandbox.casync(["gc", "--grace=1h", "keep.caibx"]).success();
    assert_eq!(store::files(&sandbox.path("default.castr")), before);
    sandbox.casync(["gc", "--grace=0", "keep.caibx"]).success();
    assert!(store::files(&sandbox.path("default.castr")).len() < before.len());
    for wrong in ["", "h", "1y", "-1", "1h30m", "99999999999999999999"] {
        sandbox.casync([&format!("--grace={wrong}"), "gc", "keep.caibx"]).failure();
    }
}

#[test]
fn plain_chunks_marks_and_old_suffixes_are_chunks() {
    let sandbox = two_blobs(50_000);
    sandbox.casync(["gc", "keep.caibx"]).success();
    let live = store::files(&sandbox.path("default.castr")).into_keys().next().expect("a chunk");
    let live = live.strip_suffix(".cacnk").expect("a compressed chunk").to_owned();
    for suffix in ["", ".xz", ".gz", ".zst", ".own"] {
        sandbox.write(format!("default.castr/abcd/{UNUSED}{suffix}"), "unused");
        sandbox.write(format!("default.castr/{live}{suffix}"), "used");
    }
    symlink("/dev/null", sandbox.path(format!("default.castr/abcd/{UNUSED}.cacnk"))).unwrap();
    let mut expected = store::files(&sandbox.path("default.castr"));
    expected.retain(|name, _| !name.starts_with("abcd"));
    let mut gc = sandbox.command(casync_tests::tool::ours());
    gc.env("CASYNC_COMPRESSED_CHUNK_SUFFIX", ".own").args(["-v", "gc", "keep.caibx"]);
    let told = String::from_utf8(casync_tests::sandbox::outcome(&mut gc).success()).unwrap();
    assert!(told.contains("Removed 6 chunks, 1 directories, "), "{told}");
    assert_eq!(store::files(&sandbox.path("default.castr")), expected);
}

#[test]
fn old_temporary_files_go_and_young_ones_stay() {
    let sandbox = two_blobs(50_000);
    let temporary = |name: &str| sandbox.write(format!("default.castr/abcd/{UNUSED}.{name}.tmp"), "half");
    let (old, young) = (temporary("1f"), temporary("2f"));
    store::make_older(&old, 25 * HOUR);
    store::make_older(&young, 23 * HOUR);
    sandbox.casync(["--dry-run", "gc", "keep.caibx"]).success();
    assert!(old.exists());
    sandbox.casync(["gc", "keep.caibx"]).success();
    assert!(!old.exists() && young.exists());
    store::make_older(&young, 25 * HOUR);
    sandbox.casync(["gc", "keep.caibx"]).success();
    assert!(!sandbox.path("default.castr/abcd").exists(), "the directory was empty then");
}

#[test]
fn nothing_outside_of_the_stores_directories_is_touched() {
    let sandbox = two_blobs(50_000);
    let name = format!("{UNUSED}.cacnk");
    let outside = [
        name.clone(),
        format!("abcd/{name}"),
        format!("default.castr/{name}"),
        format!("default.castr/ABCD/{name}"),
        format!("default.castr/deep/abcd/{name}"),
        format!("default.castr/0000/{name}"),
        format!("default.castr/abcd/{name}/file"),
        "default.castr/README".to_owned(),
    ];
    for path in &outside {
        sandbox.write(path, "not ours");
    }
    symlink(sandbox.path("abcd"), sandbox.path("default.castr/ffff")).unwrap();
    let outcome = sandbox.casync(["-v", "gc", "keep.caibx"]);
    assert!(outcome.stderr.contains("README"), "{}", outcome.stderr);
    outcome.success();
    for path in &outside {
        assert_eq!(sandbox.read(path), b"not ours", "{path}");
    }
    assert_whole(&sandbox, "keep", "keep");
}
