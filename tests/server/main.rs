//! `serve` with the real binary, and what belongs to stores that are far away: caches, groups, the configuration.

mod caches;
mod config;
mod groups;
mod http;
mod load;
mod nginx;
mod reading;
mod resume;
mod secrets;
mod signals;
mod tricks;
mod uploads;

use casync_tests::content::{Content, Kind};
use casync_tests::sandbox::Sandbox;

/// Small chunks, so that little data makes many.
const SIZES: &str = "--chunk-size=4K:16K:64K";

/// A sandbox with a blob, its index in `srv/`, and its chunks in `srv/default.castr`.
fn scene(bytes: usize) -> Sandbox {
    let sandbox = Sandbox::new();
    let mut blob = Vec::new();
    Content::new(Kind::Program, bytes as u64).append(bytes, &mut blob);
    sandbox.write("blob", &blob);
    std::fs::create_dir(sandbox.path("srv")).expect("the sandbox is empty");
    sandbox.casync([SIZES, "make", "srv/blob.caibx", "blob"]).success();
    sandbox
}

/// Paths of the chunks of that store, below it.
fn chunks(sandbox: &Sandbox) -> Vec<String> {
    casync_tests::store::files(&sandbox.path("srv/default.castr")).into_keys().collect()
}

/// Arguments that serve all of it.
const ALL: [&str; 2] = ["--store=srv/default.castr", "--index-dir=srv"];
