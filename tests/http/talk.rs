//! What this program says to servers, and what it does not say to anybody.

use std::time::{Duration, Instant};

use casync_tests::running::within;
use casync_tests::web::{Act, Web};

use crate::scene::Scene;

#[test]
fn passwords_reach_the_server_and_nobody_else() {
    let scene = Scene::new();
    let web = Web::with(scene.sandbox.path("www"), |request| match request.headers.get("authorization") {
        Some(login) if login == "Basic bWU6Z2VoZWlt" => Act::Serve,
        _ => Act::Status(401, ""),
    });
    let place = web.address();
    scene.run(&["extract", &format!("http://me:geheim@{place}/tree.caidx"), "out"]).success();
    scene.tree_is_right("out");

    scene.sandbox.write(
        "home/.netrc",
        format!("machine other login x password y\nmachine {} login me password geheim\n", place.ip()),
    );
    let mut command = scene.command(&["extract", &web.url("tree.caidx"), "out"]);
    within(command.env("HOME", scene.sandbox.path("home"))).success();
    scene.tree_is_right("out");

    for arguments in [
        &["-v", "-l", "debug", "list", "tree.caidx"][..],
        &["-v", "-l", "debug", "extract", "nix.caibx", "out"],
        &["inspect", "nix.caibx"],
        &["digest", "nix.catar"],
        &["extract", "--extra-store=STORE", "--store=STORE", "www/tree.caidx", "out"],
    ] {
        let url = |name: &str| format!("http://me:hidden-secret@{place}/{name}?signature=hidden-secret");
        let words = arguments.iter().map(|word| match *word {
            word if word.ends_with("=STORE") => word.replace("STORE", &url("store")),
            word if word.contains(".ca") && !word.starts_with("www") => url(word),
            word => word.to_owned(),
        });
        let words: Vec<String> = words.collect();
        let outcome = scene.run(&words.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(outcome.status, Some(1), "{arguments:?}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains("hidden-secret") && !outcome.text().contains("hidden-secret"), "{outcome:?}");
        assert!(outcome.stderr.contains(&place.to_string()), "{outcome:?}");
    }
}

#[test]
fn logins_do_not_follow_redirects_to_others() {
    let scene = Scene::new();
    let other = Web::new(scene.sandbox.path("www"));
    let target: &'static str = format!("Location: {}\r\n", other.url("tree.caidx")).leak();
    let web = Web::with(scene.sandbox.path("www"), move |_| Act::Status(302, target));
    let store = format!("--store={}", other.url("default.castr"));
    let url = format!("http://me:geheim@{}/tree.caidx", web.address());
    scene.run(&["extract", &store, &url, "out"]).success();
    scene.tree_is_right("out");
    assert!(web.requests()[0].headers.contains_key("authorization"));
    assert!(!other.requests()[0].headers.contains_key("authorization"));
    assert!(other.requests()[0].headers["user-agent"].starts_with("casync/"));
}

#[test]
fn plain_chunks_and_queries() {
    let scene = Scene::new();
    let store = scene.sandbox.path("www/default.castr");
    // As a store without compression has them.
    for (name, bytes) in casync_tests::store::files(&store) {
        std::fs::remove_file(store.join(&name)).expect("a chunk");
        let plain = zstd_safe_decode(&bytes);
        scene.sandbox.write(format!("www/default.castr/{}", name.trim_end_matches(".cacnk")), plain);
    }
    let web = Web::new(scene.sandbox.path("www"));
    scene.run(&["extract", &web.url("tree.caidx?a=b"), "out"]).success();
    scene.tree_is_right("out");
    let requests = web.requests();
    assert_eq!(requests[0].path, "/tree.caidx?a=b");
    let misses = requests.iter().filter(|request| request.path.ends_with(".cacnk")).count();
    assert!(misses * 2 < requests.len(), "{misses} of {} requests were in vain", requests.len());
}

fn zstd_safe_decode(frame: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(1 << 20);
    let mut context = zstd_safe::DCtx::try_create().expect("memory");
    context.decompress(&mut plain, frame).expect("a frame");
    plain
}

#[test]
fn the_rate_is_limited() {
    let scene = Scene::new();
    let web = Web::new(scene.sandbox.path("www"));
    let started = Instant::now();
    scene.run(&["extract", &web.url("tree.catar"), "out"]).success();
    let fast = started.elapsed();
    scene.tree_is_right("out");
    // 300 kB at 150 kB/s.
    let started = Instant::now();
    scene.run(&["extract", "--rate-limit-bps=150000", &web.url("tree.catar"), "out"]).success();
    let slow = started.elapsed();
    scene.tree_is_right("out");
    assert!(slow > Duration::from_millis(1800), "{slow:?} instead of {fast:?}");
    let started = Instant::now();
    scene.run(&["extract", "--rate-limit-bps=50000", &web.url("blob.caibx"), "out.blob"]).success();
    scene.blob_is_right("out.blob");
    let slow = started.elapsed();
    assert!(slow > Duration::from_millis(1500), "{slow:?}");
}

#[test]
fn uploads() {
    let scene = Scene::new();
    std::fs::create_dir(scene.sandbox.path("up")).expect("a new directory");
    let web = Web::new(scene.sandbox.path("up"));
    for (name, of) in [("tree.caidx", "tree"), ("blob.caibx", "blob"), ("tree.catar", "tree")] {
        scene.run(&["make", "--chunk-size=4096", "--without=privileged", &web.url(name), of]).success();
        assert_eq!(scene.sandbox.read(format!("up/{name}")), scene.sandbox.read(format!("www/{name}")));
    }
    let stored = casync_tests::store::files(&scene.sandbox.path("up/default.castr"));
    assert_eq!(stored, casync_tests::store::files(&scene.sandbox.path("www/default.castr")));
    let puts = || web.requests().iter().filter(|request| request.method == "PUT" && request.is_for_chunk()).count();
    assert_eq!(puts(), stored.len());
    scene.run(&["make", "--chunk-size=4096", "--without=privileged", &web.url("again.caidx"), "tree"]).success();
    assert_eq!(puts(), stored.len(), "what is there is not sent again");

    let web = Web::with(scene.sandbox.path("up"), |request| match request.method.as_str() {
        "PUT" => Act::Status(405, ""),
        _ => Act::Status(404, ""),
    });
    let stderr = scene.run(&["make", "--chunk-size=4096", &web.url("new.caidx"), "tree"]).failure();
    assert!(stderr.contains("405") && stderr.contains("does the server take uploads by PUT?"), "{stderr}");
}

#[test]
fn places_that_are_no_urls_are_refused() {
    let scene = Scene::new();
    for url in ["HTTP://h/x.caidx", "http://", "http://:80/x.caidx", "file://elsewhere/x.caidx", "ht tp://h/x.caidx"] {
        let stderr = scene.run(&["list", url]).failure();
        assert!(stderr.contains("is no valid URL") || stderr.contains("No such file"), "{url}: {stderr}");
    }
    let url = format!("file://{}", scene.sandbox.path("www/tree.caidx").display());
    let store = format!("--store=file://{}", scene.sandbox.path("www/default.castr").display());
    scene.run(&["list", &store, &url]).success();
}
