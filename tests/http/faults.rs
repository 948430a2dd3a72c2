//! Servers and networks that fail in every way: the right result or a precise error, never a wrong byte, never a hang.

use casync_tests::running::Running;
use casync_tests::web::{Act, Request, Web};
use rustix::process::Signal;

use crate::scene::Scene;

/// The rule that applies to the first request for each chunk only.
fn once(act: Act) -> impl Fn(&Request) -> Act + Send + Sync {
    move |request| if request.is_for_chunk() && request.before == 0 { act.clone() } else { Act::Serve }
}

/// The rule that applies to all requests for some of the chunks.
fn some(act: Act) -> impl Fn(&Request) -> Act + Send + Sync {
    move |request| {
        let hit = request.is_for_chunk() && request.path.contains("/0") && request.path.ends_with(".cacnk");
        if hit { act.clone() } else { Act::Serve }
    }
}

#[test]
fn what_passes_is_tried_again() {
    let scene = Scene::new();
    for act in [
        Act::Status(500, ""),
        Act::Status(503, "Retry-After: 0\r\n"),
        Act::Status(429, "Retry-After: 1\r\n"),
        Act::Status(408, ""),
        Act::CutAfter(100),
        Act::CutAfter(0),
        Act::Close,
        Act::Overstate(7),
        Act::Corrupt(60),
        Act::Corrupt(0),
    ] {
        let web = Web::with(scene.sandbox.path("www"), once(act.clone()));
        scene.run(&["extract", &web.url("tree.caidx"), "out"]).success();
        scene.tree_is_right("out");
        scene.run(&["extract", &web.url("blob.caibx"), "out.blob"]).success();
        scene.blob_is_right("out.blob");
    }
}

#[test]
fn what_lasts_is_an_error() {
    let scene = Scene::new();
    for (act, expected) in [
        (Act::Status(500, ""), "the server answers 500"),
        (Act::Status(503, ""), "tried 4 times"),
        (Act::Status(429, "Retry-After: 3600\r\n"), "asked again in 3600 seconds"),
        (Act::Status(403, ""), "the server answers 403"),
        (Act::Status(401, ""), "the server answers 401"),
        (Act::Status(204, ""), "the server answers 204"),
        (Act::Status(200, ""), "chunk"),
        (Act::Status(404, ""), "is in none of the stores"),
        (Act::Status(410, ""), "is in none of the stores"),
        (Act::Status(302, "Location: ftp://elsewhere/\r\n"), "redirects"),
        (Act::CutAfter(100), "tried 4 times"),
        (Act::Close, "tried 4 times"),
        (Act::Overstate(7), "tried 4 times"),
        (Act::StallAfter(10), "tried 4 times"),
        (Act::Corrupt(60), "chunk"),
    ] {
        let web = Web::with(scene.sandbox.path("www"), some(act.clone()));
        for (index, out) in [("tree.caidx", "out"), ("blob.caibx", "out.blob")] {
            let stderr = scene.run(&["extract", &web.url(index), out]).failure();
            assert!(stderr.contains(expected), "{act:?}: {stderr}");
            let _ = std::fs::remove_dir_all(scene.sandbox.path("out"));
            scene.nothing_is_left(&[]);
        }
    }
}

#[test]
fn another_store_has_what_one_has_not() {
    let scene = Scene::new();
    let good = Web::new(scene.sandbox.path("www"));
    for act in [
        Act::Status(404, ""),
        Act::Status(410, ""),
        Act::Status(403, ""),
        Act::Status(500, ""),
        Act::Corrupt(50),
        Act::Status(200, ""),
        Act::CutAfter(20),
        Act::StallAfter(20),
    ] {
        let bad = Web::with(scene.sandbox.path("www"), some(act));
        let extra = format!("--extra-store={}", good.url("default.castr"));
        scene.run(&["extract", &extra, &bad.url("tree.caidx"), "out"]).success();
        scene.tree_is_right("out");
        scene.run(&["extract", &extra, &bad.url("blob.caibx"), "out.blob"]).success();
        scene.blob_is_right("out.blob");
    }
    // Nobody listens there any more.
    let gone = Web::new(scene.sandbox.path("www"));
    let store = format!("--store={}", gone.url("default.castr"));
    drop(gone);
    let extra = format!("--extra-store={}", scene.sandbox.path("www/default.castr").display());
    let stderr = scene.run(&["extract", &store, "www/blob.caibx", "out.blob"]).failure();
    assert!(stderr.contains("Connection refused") && stderr.contains("cannot connect"), "{stderr}");
    let mut command = scene.command(&["extract", &store, &extra, "www/blob.caibx", "out.blob"]);
    casync_tests::running::within(command.env("CASYNC_HTTP_RETRIES", "0")).success();
    scene.blob_is_right("out.blob");
}

#[test]
fn indexes_and_archives_go_on_where_they_were_cut() {
    let scene = Scene::new();
    for file in ["tree.caidx", "tree.catar"] {
        let web = Web::with(scene.sandbox.path("www"), move |request| {
            if request.is_for(file) && request.before < 2 { Act::CutAfter(1000) } else { Act::Serve }
        });
        scene.run(&["extract", &web.url(file), "out"]).success();
        scene.tree_is_right("out");
        let resumed: Vec<_> = web.requests().into_iter().filter(|request| request.is_for(file)).collect();
        assert_eq!(resumed.len(), 3, "{resumed:?}");
        assert_eq!(resumed[1].headers.get("range").map(String::as_str), Some("bytes=1000-"));
        assert!(resumed[1].headers.contains_key("if-range"));
        assert_eq!(resumed[2].headers.get("range").map(String::as_str), Some("bytes=2000-"));
    }
    for (act, expected) in [
        (Act::IgnoreRange, None),
        (Act::WrongRange, Some("another part")),
        (Act::Status(404, ""), Some("File, URL or resource not found.")),
        (Act::Status(416, ""), Some("has changed")),
        (Act::StallAfter(0), Some("tried 4 times")),
    ] {
        let again = act.clone();
        let web = Web::with(scene.sandbox.path("www"), move |request| match request.before {
            0 if request.is_for("tree.caidx") => Act::CutAfter(1000),
            _ if request.is_for("tree.caidx") => again.clone(),
            _ => Act::Serve,
        });
        let outcome = scene.run(&["extract", &web.url("tree.caidx"), "out"]);
        match expected {
            None => {
                outcome.success();
                scene.tree_is_right("out");
            }
            Some(expected) => {
                let stderr = outcome.failure();
                assert!(stderr.contains(expected), "{act:?}: {stderr}");
            }
        }
    }
}

#[test]
fn what_is_no_index_is_said_to_be_none() {
    let scene = Scene::new();
    for (act, expected) in [
        (Act::Status(404, ""), "File, URL or resource not found."),
        (Act::Status(403, ""), "the server answers 403"),
        (Act::Status(200, ""), "read the index"),
        (Act::Corrupt(3), "read the index"),
        (Act::Status(500, ""), "tried 4 times"),
        (Act::Status(302, "Location: again\r\n"), "more than 10 redirects"),
        (Act::Status(304, ""), "the server answers 304"),
    ] {
        let web = Web::with(scene.sandbox.path("www"), move |_| act.clone());
        let stderr = scene.run(&["list", &web.url("tree.caidx")]).failure();
        assert!(stderr.contains(expected), "{stderr}");
    }
}

#[test]
fn signals_end_what_waits() {
    let scene = Scene::new();
    for (file, out) in [("tree.caidx", "out"), ("blob.caibx", "out.blob"), ("tree.catar", "out")] {
        for of_chunks in [true, false] {
            if of_chunks && file == "tree.catar" {
                continue;
            }
            let web = Web::with(scene.sandbox.path("www"), move |request| {
                if request.is_for_chunk() == of_chunks { Act::StallAfter(100) } else { Act::Serve }
            });
            let mut command = scene.command(&["extract", &web.url(file), out]);
            let running = Running::start(command.env("CASYNC_HTTP_TIMEOUT", "300"));
            running.until("a request", || web.requests().iter().any(|request| request.is_for_chunk() == of_chunks));
            let asked = std::time::Instant::now();
            running.signal(Signal::INT);
            let stderr = running.finish().failure();
            assert!(asked.elapsed().as_secs() < 20, "{:?}", asked.elapsed());
            assert!(stderr.contains("Got exit signal, quitting."), "{stderr}");
            let _ = std::fs::remove_dir_all(scene.sandbox.path("out"));
            scene.nothing_is_left(&[]);
        }
    }
}
