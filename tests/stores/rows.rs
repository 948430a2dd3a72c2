//! The stores.

use std::any::Any;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use casync::error::Result;
use casync::remote::{self, Settings};
use casync::store::{CachedStore, ChunkCache, Form, GroupStore, LocalStore, OfflineStore, Pauses, Put, Store};

use casync_core::chunk::ChunkId;
use casync_tests::sandbox::Sandbox;
use casync_tests::service::{Ftp, Registry, S3, Sftp};
use casync_tests::serving::Serving;
use casync_tests::tool;

use crate::faulty::{Fault, Faulty};

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
    command
        .env("CASYNC_SSH_PATH", ssh(&sandbox))
        .env("CASYNC_REMOTE_PATH", tool::ours())
        .env("CASYNC_BIN", tool::ours());
    let output = command.output().expect("this program runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    said.lines().filter(|line| line.starts_with("SKIPPED ")).for_each(|line| eprintln!("{line}"));
}

/// A stand-in for ssh, to this host.
fn ssh(sandbox: &Sandbox) -> PathBuf {
    let script = format!("#!/bin/sh\n[ \"$1\" != -s ] || exec {}\nshift\nexec sh -c \"exec $*\"\n", Sftp::PROGRAM);
    let path = sandbox.write("ssh", script);
    fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("it is this test's");
    path
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

pub(crate) fn http(sandbox: Sandbox) -> Option<Row> {
    Some(served(sandbox, &Settings::default()))
}

/// With a limit that costs each check less than a second.
pub(crate) fn rate_limited(sandbox: Sandbox) -> Option<Row> {
    Some(served(sandbox, &Settings { rate_limit_bps: Some(4 << 20), ..Settings::default() }))
}

fn served(sandbox: Sandbox, settings: &Settings) -> Row {
    let path = sandbox.path("a.castr");
    drop(LocalStore::open_or_create(&path).unwrap());
    let server = Serving::start(&sandbox, [format!("--store={}", path.display()), "--writable".to_owned()]);
    let (url, settings) = (server.at("default.castr"), settings.clone());
    let open = move || remote::store(url.as_ref(), &settings).unwrap();
    Row { open: Box::new(open), _server: Some(Box::new(server)), _sandbox: sandbox }
}

pub(crate) fn session(sandbox: Sandbox) -> Option<Row> {
    let url = format!("h:{}", sandbox.path("a.castr").display());
    Some(elsewhere(url, Box::new(()), sandbox))
}

pub(crate) fn sftp(sandbox: Sandbox) -> Option<Row> {
    // Tells of it if there is no server.
    Sftp::in_sandbox(&sandbox)?;
    let url = format!("sftp://h{}", sandbox.path("a.castr").display());
    Some(elsewhere(url, Box::new(()), sandbox))
}

/// It can only be read that way; chunks are put into the directory that the server shows.
pub(crate) fn ftp(sandbox: Sandbox) -> Option<Row> {
    let path = sandbox.path("srv/a.castr");
    fs::create_dir(sandbox.path("srv")).unwrap();
    let server = Ftp::start(&sandbox, &sandbox.path("srv"), &[])?;
    let url = server.at("a.castr");
    let open = move || {
        let written = LocalStore::open_or_create(&path).unwrap();
        Arc::new(Shown { written, read: remote::store(url.as_ref(), &Settings::default()).unwrap() }) as Arc<dyn Store>
    };
    Some(Row { open: Box::new(open), _server: Some(Box::new(server)), _sandbox: sandbox })
}

/// A store that others may only read.
struct Shown {
    written: LocalStore,
    read: Arc<dyn Store>,
}

impl Store for Shown {
    fn get(&self, id: &ChunkId, form: Form, buffer: &mut Vec<u8>) -> Result<bool> {
        self.read.get(id, form, buffer)
    }

    fn has(&self, id: &ChunkId) -> Result<bool> {
        self.read.has(id)
    }

    fn stored_size(&self, id: &ChunkId) -> Result<Option<u64>> {
        self.read.stored_size(id)
    }

    fn put(&self, id: &ChunkId, form: Form, bytes: &[u8]) -> Result<Put> {
        assert!(self.read.put(id, form, bytes).unwrap_err().report().contains("can only be read by ftp"));
        self.written.put(id, form, bytes)
    }

    fn name(&self) -> &str {
        self.read.name()
    }
}

/// Every chunk takes some time to come.
pub(crate) fn slow(sandbox: Sandbox) -> Option<Row> {
    let path = sandbox.path("a.castr");
    let open = move || {
        let store = Arc::new(LocalStore::open_or_create(&path).unwrap());
        Arc::new(Faulty::new(store, Fault::Slow(Duration::from_millis(2)))) as Arc<dyn Store>
    };
    Some(Row { open: Box::new(open), _server: None, _sandbox: sandbox })
}

fn elsewhere(url: String, server: Box<dyn Any>, sandbox: Sandbox) -> Row {
    let open = move || remote::store(url.as_ref(), &Settings::default()).unwrap();
    Row { open: Box::new(open), _server: Some(server), _sandbox: sandbox }
}
