//! Images: the store only has what is not in the seeds.

use casync_tests::random::Rng;
use casync_tests::sandbox::Sandbox;

use crate::scene::{CHUNK_SIZE, Sources, images};

/// Several changes can fall into chunks that are equal again: only what is loaded is known exactly.
#[track_caller]
fn extract(sandbox: &Sandbox, options: &[&str], differing: usize) {
    let outcome = sandbox.casync([&["-v", "extract", "new.caibx", "out"], options].concat());
    let sources = Sources::of(&outcome);
    assert_eq!(sources.store, differing);
    assert!(sources.seed > 200, "{sources:?}");
    assert!(sandbox.read("out") == sandbox.read("new.img"));
}

#[test]
fn only_chunks_that_differ_come_from_the_store() {
    let sandbox = Sandbox::new();
    let differing = images(&sandbox);
    let refused = sandbox.casync(["extract", "new.caibx", "out"]).failure();
    assert!(refused.contains("is in none of the stores"), "{refused}");
    std::fs::remove_file(sandbox.path("old.caibx")).unwrap();
    for jobs in ["--jobs=1", "--jobs=4"] {
        extract(&sandbox, &["--seed=old.img", jobs], differing);
        std::fs::remove_file(sandbox.path("out")).unwrap();
    }
    extract(&sandbox, &["--seed=old.img", "--memory=1"], differing);
}

/// What is found is put in its place at once: also where it occurs again, and in seeds that come later.
#[test]
fn a_seed_that_is_looked_through_is_read_once() {
    let sandbox = Sandbox::new();
    let part = Rng::new(7).bytes(300_000);
    let mut zeros = vec![0; 40_000];
    zeros[20_000] = 1;
    let (image, swapped) = ([&part[..], &zeros, &part, &zeros].concat(), [&zeros[..], &part, &part].concat());
    sandbox.write("image", &image);
    sandbox.write("swapped", &swapped);
    sandbox.write("first", &swapped[..150_000]);
    sandbox.casync([CHUNK_SIZE, "make", "image.caibx", "image"]).success();
    let Some(strace) = casync_tests::tool::which("strace") else {
        return casync_tests::skip::skip("strace is not installed");
    };
    for options in [&[][..], &["--punch-holes=no"], &["--jobs=1"], &["--seed=first"]] {
        let mut command = sandbox.command(&strace);
        command.args(["-f", "-qq", "-e", "trace=read,pread64,preadv", "-e", "decode-fds=path", "-o", "calls"]);
        command.arg(casync_tests::tool::ours()).args(options);
        command.args(["--seed=swapped", "-v", "extract", "image.caibx", "out"]);
        let outcome = casync_tests::sandbox::outcome(&mut command);
        let sources = Sources::of(&outcome);
        assert!(sources.store < 8 && sources.seed > 100, "{options:?} {sources:?}");
        assert!(sandbox.read("out") == image, "{options:?}");
        let calls = String::from_utf8(sandbox.read("calls")).unwrap();
        let of_seed = calls.lines().filter(|line| line.contains("/swapped>"));
        let read: usize = of_seed.filter_map(|line| line.rsplit_once("= ")?.1.parse::<usize>().ok()).sum();
        // Where data can be shared that is better still, and found to be right later.
        assert!(read == swapped.len() || sources.cloned != "0B", "{options:?} {read}");
        std::fs::remove_file(sandbox.path("out")).unwrap();
    }
}

#[test]
fn an_image_in_a_directory_is_found() {
    let sandbox = Sandbox::new();
    let differing = images(&sandbox);
    std::fs::create_dir(sandbox.path("directory")).unwrap();
    sandbox.write("directory/a", "another file");
    std::fs::rename(sandbox.path("old.img"), sandbox.path("directory/old.img")).unwrap();
    let outcome = sandbox.casync(["-v", "--seed=directory", "--extra-store=more.castr", "extract", "new.caibx", "out"]);
    // The first chunk of the image begins with the records before it.
    let refused = outcome.failure();
    assert!(refused.contains("offset 0 of the stream"), "{refused}");
    sandbox.casync([CHUNK_SIZE, "--store=default.castr", "make", "again.caibx", "new.img"]).success();
    let outcome = sandbox.casync(["-v", "--seed=directory", "extract", "new.caibx", "out"]);
    let sources = Sources::of(&outcome);
    assert!((differing..differing + 5).contains(&sources.store), "{differing}, but {sources:?}");
    assert!(sandbox.read("out") == sandbox.read("new.img"));
}

#[test]
fn several_seeds_complete_each_other() {
    let sandbox = Sandbox::new();
    let differing = images(&sandbox);
    let old = sandbox.read("old.img");
    sandbox.write("first", &old[..400_000]);
    sandbox.write("second", &old[380_000..]);
    extract(&sandbox, &["--seed=first", "--seed=nothing", "--seed=second"], differing);
}

#[test]
fn other_verbs_take_chunks_from_seeds_too() {
    let sandbox = Sandbox::new();
    images(&sandbox);
    sandbox.casync(["digest", "new.caibx"]).failure();
    let digest = sandbox.casync(["--seed=old.img", "digest", "new.caibx"]).success();
    assert_eq!(digest, sandbox.casync(["digest", "new.img"]).success());
    let streamed = sandbox.casync(["--seed=old.img", "extract", "new.caibx", "-"]).success();
    assert!(streamed == sandbox.read("new.img"));
}

#[test]
fn holes_of_a_seed_are_read_as_zeros() {
    let sandbox = Sandbox::new();
    let mut image = Rng::new(3).bytes(100_000);
    image.resize(3_000_000, 0);
    image.extend(Rng::new(4).bytes(100_000));
    sandbox.write("image", &image);
    sandbox.casync([CHUNK_SIZE, "make", "image.caibx", "image"]).success();
    std::fs::remove_dir_all(sandbox.path("default.castr")).unwrap();
    let file = std::fs::File::create(sandbox.path("sparse")).unwrap();
    let write = |bytes: &[u8], offset| std::os::unix::fs::FileExt::write_all_at(&file, bytes, offset).unwrap();
    write(&image[..100_000], 0);
    write(&image[3_000_000..], 3_000_000);
    for more in ["--punch-holes=yes", "--punch-holes=no"] {
        sandbox.casync(["--seed=sparse", more, "extract", "image.caibx", "out"]).success();
        assert!(sandbox.read("out") == image);
    }
}
