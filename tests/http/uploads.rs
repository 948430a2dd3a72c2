//! Faults while something is put: all of it is there in the end, or there is an error and no index.

use casync_tests::running::within;
use casync_tests::sandbox::Outcome;
use casync_tests::store;
use casync_tests::web::{Act, Request, Web};

use crate::scene::Scene;

const MAKE: [&str; 3] = ["make", "--chunk-size=4096", "--without=privileged"];

fn make(scene: &Scene, more: &[&str]) -> Outcome {
    let words: Vec<&str> = MAKE.iter().chain(more).copied().collect();
    // One is enough to tell what is tried again.
    within(scene.command(&words).env("CASYNC_HTTP_RETRIES", "1"))
}

/// A server for an empty directory that treats what is put so.
fn taking(scene: &Scene, rule: impl Fn(&Request) -> Act + Send + Sync + 'static) -> Web {
    let up = scene.sandbox.path("up");
    let _ = std::fs::remove_dir_all(&up);
    std::fs::create_dir(&up).expect("a new directory");
    Web::with(up, move |request| if request.method == "PUT" { rule(request) } else { Act::Serve })
}

#[test]
fn what_passes_is_put_again() {
    let scene = Scene::new();
    for act in [
        Act::Status(500, ""),
        Act::Status(503, "Retry-After: 0\r\n"),
        Act::Status(429, "Retry-After: 0\r\n"),
        Act::Status(408, ""),
        Act::CutAfter(0),
        Act::CutAfter(50),
        Act::Close,
    ] {
        for (name, of) in [("tree.caidx", "tree"), ("blob.caibx", "blob"), ("tree.catar", "tree")] {
            let again = act.clone();
            // The index or archive, and some of the chunks.
            let web = taking(&scene, move |request| {
                let hit = request.before == 0 && (!request.is_for_chunk() || request.path.contains("/0"));
                if hit { again.clone() } else { Act::Serve }
            });
            make(&scene, &[&web.url(name), of]).success();
            assert_eq!(scene.sandbox.read(format!("up/{name}")), scene.sandbox.read(format!("www/{name}")), "{act:?}");
            if name != "tree.catar" {
                let (here, there) = ("www/default.castr", "up/default.castr");
                let (here, there) = (store::files(&scene.sandbox.path(here)), store::files(&scene.sandbox.path(there)));
                assert!(
                    there.len() > 20 && there.iter().all(|(chunk, bytes)| here.get(chunk) == Some(bytes)),
                    "{act:?}"
                );
            }
        }
    }
}

#[test]
fn what_lasts_is_an_error() {
    let scene = Scene::new();
    for (act, expected) in [
        (Act::Status(401, ""), "the server answers 401"),
        (Act::Status(403, ""), "the server answers 403"),
        (Act::Status(404, ""), "the server does not know that place"),
        (Act::Status(409, ""), "the server answers 409"),
        (Act::Status(413, ""), "the server answers 413"),
        (Act::Status(422, ""), "the server answers 422"),
        (Act::Status(507, ""), "the server answers 507"),
        (Act::Status(503, ""), "tried 2 times"),
        (Act::Status(301, "Location: elsewhere\r\n"), "the server answers 301"),
        (Act::CutAfter(50), "tried 2 times"),
        (Act::Close, "tried 2 times"),
        (Act::StallAfter(0), "nothing came for 1 seconds"),
    ] {
        for of_chunks in [true, false] {
            let rule = act.clone();
            let web = taking(
                &scene,
                move |request| {
                    if request.is_for_chunk() == of_chunks { rule.clone() } else { Act::Serve }
                },
            );
            scene.sandbox.write("up/tree.caidx", "what was there");
            let told = make(&scene, &[&web.url("tree.caidx"), "tree"]).failure();
            let expected = match act {
                Act::Status(404, _) if !of_chunks => "File, URL or resource not found.",
                _ => expected,
            };
            assert!(told.contains(expected), "{act:?}: {told}");
            let about = if of_chunks { "put chunk" } else { "put http://" };
            assert!(told.contains(about) && told.contains(&web.address().to_string()), "{act:?}: {told}");
            assert_eq!(scene.sandbox.read("up/tree.caidx"), b"what was there", "{act:?}");
            scene.nothing_is_left(&["up"]);
        }
    }
}

/// The limit is for what is sent, too.
#[test]
fn the_rate_is_limited() {
    let scene = Scene::new();
    for (name, of) in [("tree.catar", "tree"), ("blob.caibx", "blob")] {
        let web = taking(&scene, |_| Act::Serve);
        let started = std::time::Instant::now();
        make(&scene, &["--rate-limit-bps=80000", &web.url(name), of]).success();
        let sent: usize =
            store::paths(&scene.sandbox.path("up")).iter().map(|path| std::fs::read(path).unwrap().len()).sum();
        let least = std::time::Duration::from_millis(sent as u64 / 80 * 9 / 10 - 300);
        assert!(started.elapsed() > least, "{:?} for {sent} bytes", started.elapsed());
    }
}
