//! S3, in both layouts.

use std::fs;
use std::path::Path;

use casync_tests::sandbox::Sandbox;
use casync_tests::service::S3;
use casync_tests::{store, tool};

use super::{SIZES, everything, run, sandbox};

#[test]
fn all_verbs() {
    let sandbox = sandbox();
    let Some(server) = S3::start(&sandbox) else { return };
    everything(&sandbox, &server.environment(), "s3://bucket/some%20where/store");
    // Chunks lie as in a directory, and nothing else does.
    let files = store::files(&server.bucket.join("some where/store"));
    let strangers: Vec<_> = files.keys().filter(|name| !name.contains("/") && !name.ends_with("x")).collect();
    assert!(strangers.is_empty() && files.len() > 20, "{strangers:?}");
}

#[test]
fn without_prefix_directories() {
    let sandbox = sandbox();
    let Some(server) = S3::start(&sandbox) else { return };
    let environment = server.environment();
    let run = |args: &[&str]| run(&sandbox, &environment, args);
    run(&[SIZES, "--store=s3://bucket/flat?layout=flat", "make", "blob.caibx", "blob"]).success();
    let names = names(&server.bucket.join("flat"));
    assert!(names.iter().all(|name| name.len() == 64 + 6 && name.ends_with(".cacnk")), "{names:?}");
    // Who does not say so finds out.
    run(&["--store=s3://bucket/flat", "extract", "blob.caibx", "out"]).success();
    assert!(sandbox.read("out") == sandbox.read("blob"));
    sandbox.write("other", [7; 50_000]);
    run(&[SIZES, "--store=s3://bucket/flat", "make", "other.caibx", "other"]).success();
    assert!(self::names(&server.bucket.join("flat")).iter().all(|name| name.len() == 64 + 6));
    let gone = run(&["-v", "--store=s3://bucket/flat", "gc", "--grace=0s", "blob.caibx"]);
    assert!(gone.text().contains("Removing chunk"), "{gone:?}");
    run(&["--store=s3://bucket/flat?layout=flat", "verify", "blob.caibx"]).success();
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect()
}

#[test]
fn the_c_casync_reads_a_copy_and_is_read() {
    let Some(upstream) = tool::upstream() else { return };
    let sandbox = sandbox();
    let Some(server) = S3::start(&sandbox) else { return };
    let environment = server.environment();
    run(&sandbox, &environment, &[SIZES, "make", "s3://bucket/ours/blob.caibx", "blob"]).success();
    store::copy(&server.bucket.join("ours"), &sandbox.path("copy"));
    sandbox.run(upstream, ["extract", "copy/blob.caibx", "theirs.out"]).success();
    assert!(sandbox.read("theirs.out") == sandbox.read("blob"));

    sandbox.run(upstream, [SIZES, "make", "theirs/blob.caibx", "blob", "--store=theirs/default.castr"]).failure();
    fs::create_dir(sandbox.path("theirs")).unwrap();
    sandbox.run(upstream, [SIZES, "make", "theirs/blob.caibx", "blob", "--store=theirs/default.castr"]).success();
    store::copy(&sandbox.path("theirs"), &server.bucket.join("theirs"));
    run(&sandbox, &environment, &["extract", "s3://bucket/theirs/blob.caibx", "ours.out"]).success();
    assert!(sandbox.read("ours.out") == sandbox.read("blob"));
}

#[test]
fn an_archive_of_several_parts() {
    let sandbox = Sandbox::new();
    let Some(server) = S3::start(&sandbox) else { return };
    let environment = server.environment();
    let mut bytes = casync_tests::random::Rng::new(1).bytes(1 << 20);
    bytes.extend(std::iter::repeat_n(5, 40 << 20));
    sandbox.write("tree/large", &bytes);
    run(&sandbox, &environment, &["make", "s3://bucket/tree.catar", "tree"]).success();
    sandbox.casync(["make", "tree.catar", "tree"]).success();
    assert!(fs::read(server.bucket.join("tree.catar")).unwrap() == sandbox.read("tree.catar"));
    run(&sandbox, &environment, &["extract", "s3://bucket/tree.catar", "out"]).success();
    assert!(sandbox.read("out/large") == bytes);
    // Only the parts that are needed are read.
    let listed = run(&sandbox, &environment, &["list", "s3://bucket/tree.catar"]);
    assert!(listed.text().contains("large"), "{listed:?}");
}

#[test]
fn credentials_in_files() {
    let sandbox = sandbox();
    let Some(server) = S3::start(&sandbox) else { return };
    let credentials = format!(
        "[default]\naws_access_key_id = x\naws_secret_access_key = y\n[it]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        S3::KEY,
        S3::SECRET
    );
    sandbox.write("home/.aws/credentials", credentials);
    sandbox
        .write("home/.aws/config", format!("[profile it]\nendpoint_url = {}\nregion = eu-west-1\n", server.endpoint));
    let make = [SIZES, "--store=s3://bucket/store", "make", "blob.caibx", "blob"];
    let profile = |name: &str| [("AWS_PROFILE", name.to_owned())];
    run(&sandbox, &profile("it"), &make).success();
    assert!(!store::files(&server.bucket.join("store")).is_empty());
    let said = run(&sandbox, &profile("none"), &make).failure();
    assert!(said.contains("there is no AWS profile \"none\""), "{said}");
}
