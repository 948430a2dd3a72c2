//! A whole store, and its repair.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use casync_tests::{store, tool};

use crate::{SIZES, a_blob, chunks, id, right, wrong};

const STORE: &str = "--store=default.castr";
const GOOD: &str = "--extra-store=good.castr";

/// What is said of a damage, and how it is done.
type Damage = (&'static str, fn(&Path));

/// All that can happen to the file of a chunk.
const DAMAGES: [Damage; 8] = [
    ("input ends too early, after 100 bytes", |path| store::replace(path, &fs::read(path).unwrap()[..100])),
    ("input ends too early, after 0 bytes", |path| store::replace(path, b"")),
    ("the bytes are", |path| store::damage(path)),
    ("marked as missing", |path| {
        fs::remove_file(path).unwrap();
        symlink("/dev/null", path).unwrap();
    }),
    ("not compressed by a known method", |path| store::replace(path, b"garbage that is no frame of anything")),
    ("the bytes are", |path| {
        // A good frame of something else.
        let other = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 0x21, 0x00, 0x00, b'c', b'a', b'f', b'e'];
        store::replace(path, &other);
    }),
    ("does not decompress", |path| {
        let longer = [fs::read(path).unwrap(), b"more".to_vec()].concat();
        store::replace(path, &longer);
    }),
    ("Is a directory", |path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    }),
];

#[test]
fn every_damage_is_named_and_repaired() {
    let sandbox = a_blob(200_000);
    let good = store::files(&sandbox.path("default.castr"));
    let count = good.len();
    assert!(
        right(&sandbox, &[STORE]).starts_with(&format!("Verified {count} chunks, 195.3K (200000 bytes): no problems"))
    );
    for (said, damage) in DAMAGES {
        let path = &chunks(&sandbox)[count / 2];
        damage(path);
        let after = store::files(&sandbox.path("default.castr"));
        let outcome = sandbox.casync(["verify", STORE]);
        let line = outcome.clone().failure();
        assert!(line.contains(&id(path)) && line.contains(&*path.file_name().unwrap().to_string_lossy()), "{line}");
        assert!(line.contains(said), "{said}: {line}");
        assert!(outcome.text().contains(": 1 problem."), "{said}: {}", outcome.text());
        // Without a good one the bad one stays.
        let line = sandbox.casync(["verify", STORE, "--repair"]).failure();
        assert!(line.contains("cannot be repaired: no store has a good one"), "{line}");
        assert_eq!(store::files(&sandbox.path("default.castr")), after, "{said}");
        // With one, but without leave to write.
        wrong(&sandbox, &[STORE, GOOD], &[said]);
        assert_eq!(store::files(&sandbox.path("default.castr")), after, "{said}");
        let outcome = sandbox.casync(["verify", STORE, GOOD, "--repair"]);
        if path.is_dir() {
            assert!(outcome.failure().contains("cannot be repaired: "));
            fs::remove_dir(path).unwrap();
            right(&sandbox, &["blob.caibx", GOOD, "--repair"]);
        } else {
            assert!(outcome.text().contains(": 1 problem, 1 repaired."), "{said}: {}", outcome.text());
            outcome.success();
        }
        assert_eq!(store::files(&sandbox.path("default.castr")), good, "{said}");
    }
}

#[test]
fn one_bad_chunk_among_many_spoils_none_of_the_others() {
    let sandbox = a_blob(500_000);
    let all = chunks(&sandbox);
    let bad: Vec<_> = all.iter().step_by(7).collect();
    bad.iter().for_each(|path| store::damage(path));
    let ids: Vec<String> = bad.iter().map(|path| id(path)).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    for jobs in ["--jobs=1", "--jobs=3"] {
        wrong(&sandbox, &[STORE, jobs, "--memory=100K"], &ids);
        wrong(&sandbox, &["blob.caibx", jobs], &ids);
    }
}

#[test]
fn the_other_file_of_a_chunk_is_a_source() {
    let sandbox = a_blob(100_000);
    let path = chunks(&sandbox)[3].clone();
    let plain = path.with_file_name(id(&path));
    let frame = fs::read(&path).unwrap();
    let mut bytes = Vec::new();
    casync_core::codec::decode(&frame, 1 << 20, &mut bytes).unwrap();
    fs::write(&plain, &bytes).unwrap();
    right(&sandbox, &[STORE]);
    store::damage(&path);
    wrong(&sandbox, &[STORE], &[&*path.file_name().unwrap().to_string_lossy()]);
    // The chunk can still be extracted, and yet one of its files is bad.
    wrong(&sandbox, &["blob.caibx"], &[&*path.file_name().unwrap().to_string_lossy()]);
    sandbox.casync(["verify", STORE, "--repair"]).success();
    assert!(fs::read(&path).unwrap() == frame);
    store::damage(&plain);
    sandbox.casync(["verify", STORE, "--repair"]).success();
    assert!(fs::read(&plain).unwrap() == bytes);
}

#[test]
fn a_bad_source_is_no_source() {
    let sandbox = a_blob(50_000);
    let name = chunks(&sandbox)[0].strip_prefix(sandbox.path("default.castr")).unwrap().to_owned();
    store::damage(&sandbox.path("default.castr").join(&name));
    store::copy(&sandbox.path("good.castr"), &sandbox.path("best.castr"));
    store::damage(&sandbox.path("good.castr").join(&name));
    sandbox.casync(["verify", STORE, GOOD, "--repair"]).failure();
    sandbox
        .casync(["verify", STORE, GOOD, "--extra-store=missing.castr", "--extra-store=best.castr", "--repair"])
        .success();
    right(&sandbox, &[STORE]);
}

#[test]
fn digests_and_compressions_may_be_mixed() {
    let sandbox = a_blob(100_000);
    for (number, compression) in ["zstd", "xz", "gzip"].into_iter().enumerate() {
        sandbox.write("other", [number as u8; 30_000]);
        let compression = format!("--compression={compression}");
        sandbox.casync([SIZES, "make", "--digest=sha256", &compression, "other.caibx", "other"]).success();
        sandbox.casync(["make", "--chunk-size=1M", &compression, "large.caibx", "blob"]).success();
    }
    right(&sandbox, &[STORE]);
    right(&sandbox, &["other.caibx"]);
}

#[test]
fn strangers_and_temporary_files_are_told() {
    let sandbox = a_blob(20_000);
    let first = chunks(&sandbox)[0].clone();
    fs::write(first.with_extension("1f.tmp"), "half a chunk").unwrap();
    fs::write(first.with_file_name("notes.txt"), "by hand").unwrap();
    sandbox.write("default.castr/README", "");
    let outcome = sandbox.casync(["verify", STORE]);
    for said in [".1f.tmp\" is temporary", "notes.txt\" is no chunk", "README\" is no directory of chunks"] {
        assert!(outcome.stderr.contains(said), "{said}: {}", outcome.stderr);
    }
    assert!(outcome.text().ends_with(": no problems, 3 remarks.\n"), "{}", outcome.text());
    outcome.success();
}

#[test]
fn stores_that_are_none() {
    let sandbox = a_blob(20_000);
    for (args, said) in [
        (&["verify"][..], "An index, an archive or --store= expected."),
        (&["verify", "--store="], "Failed to set store: Invalid argument"),
        (&["verify", "--store=missing"], "Failed to open store \"missing\": No such file or directory"),
        (&["verify", "--store=blob"], "Failed to open store \"blob\": Not a directory"),
        (&["verify", "--store=http://localhost/x"], "can neither be listed nor cleaned"),
        (&["verify", "default.castr"], "To verify a store, name it with --store=."),
    ] {
        let text = sandbox.casync(args).failure();
        assert!(text.contains(said), "{args:?}: {text}");
    }
}

#[test]
fn the_c_casync_reads_what_was_repaired() {
    let Some(upstream) = tool::upstream() else { return };
    let sandbox = a_blob(100_000);
    fs::remove_dir_all(sandbox.path("default.castr")).unwrap();
    sandbox.run(upstream, [SIZES, "make", "blob.caibx", "blob"]).success();
    right(&sandbox, &[STORE]);
    chunks(&sandbox).iter().step_by(3).for_each(|path| store::damage(path));
    fs::remove_file(&chunks(&sandbox)[1]).unwrap();
    sandbox.run(upstream, ["extract", "blob.caibx", "extracted"]).failure();
    sandbox.casync(["verify", "blob.caibx", GOOD, "--repair"]).success();
    sandbox.run(upstream, ["extract", "blob.caibx", "extracted"]).success();
    assert!(sandbox.read("extracted") == sandbox.read("blob"));
}
