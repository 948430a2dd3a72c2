//! The stores.

use std::any::Any;
use std::process::Command;
use std::sync::Arc;

use casync::remote::{self, Settings};
use casync::store::{CachedStore, ChunkCache, GroupStore, LocalStore, OfflineStore, Pauses, Store};
use casync_tests::sandbox::Sandbox;
use casync_tests::service::{Registry, S3};

/// An empty store, and what has to be there as long as it is used.
pub(crate) struct Row {
    open: Box<dyn Fn() -> Arc<dyn Store>>,
    _server: Option<Box<dyn Any>>,
    _sandbox: Sandbox,
}

impl Row {
    /// Opens the store anew.
    pub(crate) fn open(&self) -> Arc<dyn Store> {
        (self.open)()
    }
}

/// Runs a check on a new store, if this machine can have it.
pub(crate) fn with(row: fn(Sandbox) -> Option<Row>, check: fn(&Row)) {
    if !told_of_credentials() {
        return again_with_credentials();
    }
    if let Some(row) = row(Sandbox::new()) {
        check(&row);
    }
}

fn told_of_credentials() -> bool {
    std::env::var("AWS_ACCESS_KEY_ID").is_ok_and(|key| key == S3::KEY)
}

/// A process cannot change its environment while other threads read it: so the test runs in another one.
fn again_with_credentials() {
    let test = std::thread::current().name().expect("tests have names").to_owned();
    let program = std::env::current_exe().expect("the path of this program");
    let sandbox = Sandbox::new();
    let mut command = Command::new(program);
    command.args(["--exact", &test, "--nocapture"]).env("HOME", sandbox.path(""));
    command.env("AWS_ACCESS_KEY_ID", S3::KEY).env("AWS_SECRET_ACCESS_KEY", S3::SECRET);
    let output = command.output().expect("this program runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    said.lines().filter(|line| line.starts_with("SKIPPED ")).for_each(|line| eprintln!("{line}"));
}

pub(crate) fn local(sandbox: Sandbox) -> Option<Row> {
    let path = sandbox.path("a.castr");
    let open = move || Arc::new(LocalStore::open_or_create(&path).unwrap()) as Arc<dyn Store>;
    Some(Row { open: Box::new(open), _server: None, _sandbox: sandbox })
}

/// A local store behind a cache, which is kept when the store is opened anew.
pub(crate) fn cached(sandbox: Sandbox) -> Option<Row> {
    let (path, cache) = (sandbox.path("a.castr"), sandbox.path("cache.castr"));
    let open = move || {
        let source = Arc::new(LocalStore::open_or_create(&path).unwrap());
        let cache = Arc::new(ChunkCache::open(&cache, Some(1 << 30)).unwrap());
        Arc::new(CachedStore::new(cache, source)) as Arc<dyn Store>
    };
    Some(Row { open: Box::new(open), _server: None, _sandbox: sandbox })
}

/// A store behind one that always fails.
pub(crate) fn group(sandbox: Sandbox) -> Option<Row> {
    let path = sandbox.path("a.castr");
    let open = move || {
        let good = Arc::new(LocalStore::open_or_create(&path).unwrap());
        let bad = Arc::new(OfflineStore::new("far"));
        let members: Vec<Arc<dyn Store>> = vec![bad, good];
        Arc::new(GroupStore::new("group://g", members, Pauses::default())) as Arc<dyn Store>
    };
    Some(Row { open: Box::new(open), _server: None, _sandbox: sandbox })
}

pub(crate) fn s3(sandbox: Sandbox) -> Option<Row> {
    let server = S3::start(&sandbox)?;
    let url = format!("s3+{}/bucket/a%20prefix/store", server.endpoint);
    Some(elsewhere(url, Box::new(server), sandbox))
}

pub(crate) fn s3_flat(sandbox: Sandbox) -> Option<Row> {
    let server = S3::start(&sandbox)?;
    let url = format!("s3+{}/bucket?layout=flat", server.endpoint);
    Some(elsewhere(url, Box::new(server), sandbox))
}

pub(crate) fn oci(sandbox: Sandbox) -> Option<Row> {
    let server = Registry::start(&sandbox)?;
    let url = format!("oci://{}/some/store", server.host);
    Some(elsewhere(url, Box::new(server), sandbox))
}

fn elsewhere(url: String, server: Box<dyn Any>, sandbox: Sandbox) -> Row {
    let open = move || remote::store(url.as_ref(), &Settings::default()).unwrap();
    Row { open: Box::new(open), _server: Some(server), _sandbox: sandbox }
}
