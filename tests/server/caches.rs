//! `fetch`, `--cache-store=` and `--offline`: chunks from far away that stay here.

use std::path::Path;
use std::time::Duration;

use casync_tests::running::Running;
use casync_tests::sandbox::Sandbox;
use casync_tests::serving::Serving;
use casync_tests::store;
use casync_tests::tool::ours;
use rustix::process::Signal;

use crate::http::Client;
use crate::{ALL, SIZES, chunks, scene};

/// How many chunks a server has sent so far.
fn sent(serving: &Serving) -> u64 {
    let text = Client::new(serving.address()).get("/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix("casync_chunks_found_total "));
    line.expect("a number").parse().expect("a number")
}

fn bytes_of(store: &Path) -> u64 {
    store::files(store).values().map(|bytes| bytes.len() as u64).sum()
}

#[test]
fn extracting_fills_the_cache_and_uses_it() {
    let sandbox = scene(2_000_000);
    let serving = Serving::start(&sandbox, ALL);
    let index = serving.at("blob.caibx");
    let number = chunks(&sandbox).len() as u64;
    let extract = |sandbox: &Sandbox| sandbox.casync(["--cache-store=cache.castr", "extract", &index, "out"]).success();
    extract(&sandbox);
    assert_eq!(sent(&serving), number);
    // The same files that the store has: anybody can use it as one.
    assert_eq!(store::files(&sandbox.path("cache.castr")), store::files(&sandbox.path("srv/default.castr")));
    std::fs::remove_file(sandbox.path("out")).unwrap();
    extract(&sandbox);
    assert_eq!(sent(&serving), number, "nothing is fetched twice");
    assert!(sandbox.read("out") == sandbox.read("blob"));
    sandbox.casync(["verify", "--store=cache.castr"]).success();
}

#[test]
fn bad_chunks_in_the_cache_are_fetched_again() {
    let sandbox = scene(500_000);
    let serving = Serving::start(&sandbox, ALL);
    let index = serving.at("blob.caibx");
    sandbox.casync(["--cache-store=cache.castr", "fetch", &index]).success();
    for path in store::paths(&sandbox.path("cache.castr")).iter().take(3) {
        store::damage(path);
    }
    let before = sent(&serving);
    sandbox.casync(["--cache-store=cache.castr", "extract", &index, "out"]).success();
    assert!(sandbox.read("out") == sandbox.read("blob"));
    assert_eq!(sent(&serving) - before, 3);
    sandbox.casync(["verify", "--store=cache.castr"]).success();
}

#[test]
fn bad_chunks_of_the_server_are_not_kept() {
    let sandbox = scene(500_000);
    let bad = store::paths(&sandbox.path("srv/default.castr")).remove(0);
    store::damage(&bad);
    let serving = Serving::start(&sandbox, ALL);
    let index = serving.at("blob.caibx");
    for verb in [&["fetch", &index][..], &["extract", &index, "out"]] {
        let said = sandbox.casync(["--cache-store=cache.castr"].iter().chain(verb)).failure();
        let id = bad.file_name().unwrap().to_str().unwrap().trim_end_matches(".cacnk");
        assert!(said.contains(id), "{said}");
        assert!(!sandbox.path("cache.castr").join(&id[..4]).join(bad.file_name().unwrap()).exists());
    }
    assert!(!sandbox.path("out").exists());
    sandbox.casync(["verify", "--store=cache.castr"]).success();
}

#[test]
fn fetch_and_extract_offline() {
    let sandbox = scene(1_000_000);
    let serving = Serving::start(&sandbox, ALL);
    let index = serving.at("blob.caibx");
    let number = chunks(&sandbox).len();
    let fetch = ["--cache-store=cache.castr", "fetch", "--save-indexes=.", "--json", &index];
    let line: serde_json::Value = serde_json::from_slice(&sandbox.casync(fetch).success()).unwrap();
    assert_eq!((&line["type"], &line["chunks"], &line["there"]), (&"fetched".into(), &number.into(), &0.into()));
    let line: serde_json::Value = serde_json::from_slice(&sandbox.casync(fetch).success()).unwrap();
    assert_eq!((&line["chunks"], &line["there"]), (&0.into(), &number.into()));
    assert_eq!(sandbox.read("blob.caibx"), sandbox.read("srv/blob.caibx"));
    let store = format!("--store={}", serving.at("default.castr"));
    serving.stop().success();
    let offline = ["--offline", "--cache-store=cache.castr", &store, "extract", "blob.caibx", "out"];
    sandbox.casync(offline).success();
    assert!(sandbox.read("out") == sandbox.read("blob"));
    // What is not there is not waited for. The output would be a seed.
    std::fs::remove_file(sandbox.path("out")).unwrap();
    let gone = store::paths(&sandbox.path("cache.castr")).remove(0);
    std::fs::remove_file(&gone).unwrap();
    let said = sandbox.casync(offline).failure();
    assert!(said.contains("--offline") && said.contains("is not on this host"), "{said}");
    let said = sandbox.casync(["--offline", "extract", &index, "other"]).failure();
    assert!(said.contains("--offline"), "{said}");
}

#[test]
fn an_interrupted_fetch_goes_on() {
    let sandbox = scene(3_000_000);
    // Slow enough to be interrupted halfway.
    let serving = Serving::start(&sandbox, ALL);
    let index = serving.at("blob.caibx");
    let number = chunks(&sandbox).len();
    let mut command = sandbox.command(ours());
    command.args(["--cache-store=cache.castr", "--rate-limit-bps=400K", "extract", &index, "out"]);
    let running = Running::start(&mut command);
    // Not those that are being written.
    let cached = || {
        let files = store::paths(&sandbox.path("cache.castr"));
        files.iter().filter(|path| path.extension().is_some_and(|suffix| suffix == "cacnk")).count()
    };
    running.until("some chunks in the cache", || cached() > 10);
    running.signal(Signal::KILL);
    running.finish();
    let there = cached();
    assert!(there > 10 && there < number, "{there} of {number}");
    let before = sent(&serving);
    sandbox.casync(["--cache-store=cache.castr", "extract", &index, "out"]).success();
    assert!(sandbox.read("out") == sandbox.read("blob"));
    let fetched = usize::try_from(sent(&serving) - before).unwrap();
    assert!(fetched <= number - there, "{fetched} of {number}, {there} were there");
}

#[test]
fn a_cache_keeps_to_its_size() {
    const SIZE: u64 = 1_000_000;
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("srv")).unwrap();
    for (seed, name) in ["old", "middle", "new"].into_iter().enumerate() {
        let mut rng = casync_tests::random::Rng::new(seed as u64);
        sandbox.write(name, rng.bytes(600_000));
        sandbox.casync([SIZES, "make", &format!("srv/{name}.caibx"), name]).success();
    }
    let serving = Serving::start(&sandbox, ALL);
    let cache = sandbox.path("cache.castr");
    let fetch = |name: &str| {
        let index = serving.at(&format!("{name}.caibx"));
        sandbox.casync(["--cache-store=cache.castr", "--cache-store-size=1000000", "fetch", &index]).success();
        assert!(bytes_of(&cache) <= SIZE + SIZE / 16, "{} bytes", bytes_of(&cache));
        for path in store::paths(&cache) {
            // As if time had passed since.
            let age = path.metadata().unwrap().modified().unwrap().elapsed().unwrap_or_default();
            store::make_older(&path, age + Duration::from_secs(1000));
        }
    };
    fetch("old");
    fetch("middle");
    // The first is wanted again, so the second goes.
    fetch("old");
    fetch("new");
    let there = |name: &str| {
        let index = format!("srv/{name}.caibx");
        sandbox.casync(["plan", "--json", "--store=cache.castr", &index]).text().contains("\"complete\":true")
    };
    assert!(there("new") && !there("middle"));
    sandbox.casync(["verify", "--store=cache.castr"]).success();
}

/// Two processes fill one small cache, and both get what they want.
#[test]
fn processes_share_a_cache() {
    const SIZE: u64 = 400_000;
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("srv")).unwrap();
    let shared = casync_tests::random::Rng::new(9).bytes(300_000);
    for number in 0..4_u64 {
        let own = casync_tests::random::Rng::new(number).bytes(500_000);
        sandbox.write(format!("blob{number}"), [&own[..], &shared].concat());
        sandbox.casync([SIZES, "make", &format!("srv/blob{number}.caibx"), &format!("blob{number}")]).success();
    }
    let serving = Serving::start(&sandbox, ALL);
    let size = format!("--cache-store-size={SIZE}");
    let running: Vec<Running> = (0..4)
        .map(|number| {
            let mut command = sandbox.command(ours());
            command.args(["--cache-store=cache.castr", &size, "extract"]);
            Running::start(command.arg(serving.at(&format!("blob{number}.caibx"))).arg(format!("out{number}")))
        })
        .collect();
    for (number, running) in running.into_iter().enumerate() {
        running.finish().success();
        assert!(sandbox.read(format!("out{number}")) == sandbox.read(format!("blob{number}")));
    }
    let used = bytes_of(&sandbox.path("cache.castr"));
    assert!(used <= SIZE + 4 * SIZE / 16 + 4 * 65_536, "{used} bytes");
    sandbox.casync(["verify", "--store=cache.castr"]).success();
}

/// A server in front of another one, with a cache of its own.
#[test]
fn a_server_fetches_and_keeps_what_another_has() {
    let sandbox = scene(500_000);
    let far = Serving::start(&sandbox, ALL);
    let near_sandbox = Sandbox::new();
    let store = format!("--store={}", far.at("default.castr"));
    let near = Serving::start(&near_sandbox, [&store, "--cache-store=cache.castr"]);
    let chunk = &chunks(&sandbox)[0];
    let path = format!("/default.castr/{chunk}");
    for _ in 0..3 {
        let answer = Client::new(near.address()).get(&path);
        assert_eq!((answer.status, answer.body), (200, sandbox.read(format!("srv/default.castr/{chunk}"))));
    }
    assert_eq!(sent(&far), 1);
    // What is wrong over there goes no further.
    let other = &chunks(&sandbox)[1];
    store::damage(&sandbox.path(format!("srv/default.castr/{other}")));
    assert_eq!(Client::new(near.address()).get(&format!("/default.castr/{other}")).status, 502);
    assert_eq!(store::paths(&near_sandbox.path("cache.castr")).len(), 1);
}
