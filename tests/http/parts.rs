//! Faults while parts of indexes and archives are read: listings, sub-paths, single nodes.

use casync_tests::running::within;
use casync_tests::sandbox::Outcome;
use casync_tests::web::{Act, Request, Web};

use crate::scene::Scene;

/// What reads parts; `FILE` is the index or archive.
const READERS: [&[&str]; 5] = [
    &["list", "FILE", "2"],
    &["mtree", "FILE", "2"],
    &["stat", "FILE", "1/file01"],
    &["list", "--recursive=no", "FILE"],
    &["extract", "FILE", "out", "2"],
];

fn with(words: &[&str], file: &str) -> Vec<String> {
    words.iter().map(|word| if *word == "FILE" { file.to_owned() } else { (*word).to_owned() }).collect()
}

/// Runs it, and returns what came of it.
fn run(scene: &Scene, words: &[&str], file: &str) -> Outcome {
    let words = with(words, file);
    // One is enough to tell what is tried again.
    within(scene.command(&words.iter().map(String::as_str).collect::<Vec<_>>()).env("CASYNC_HTTP_RETRIES", "1"))
}

/// What was extracted is right; it is removed.
#[track_caller]
fn part_is_right(scene: &Scene) {
    for name in scene.sandbox.names("tree/2") {
        assert_eq!(scene.sandbox.read(format!("out/2/{name}")), scene.sandbox.read(format!("tree/2/{name}")), "{name}");
    }
    assert_eq!(scene.sandbox.names("out/2").len(), scene.sandbox.names("tree/2").len());
    std::fs::remove_dir_all(scene.sandbox.path("out")).expect("it is there");
}

/// Every other request fails so, for chunks, indexes and archives alike.
fn now_and_then(act: Act) -> impl Fn(&Request) -> Act + Send + Sync {
    move |request| if request.before % 2 == 0 { act.clone() } else { Act::Serve }
}

#[test]
fn what_passes_is_tried_again() {
    let scene = Scene::new();
    for act in [
        Act::Status(500, ""),
        Act::Status(503, "Retry-After: 0\r\n"),
        Act::Status(429, "Retry-After: 0\r\n"),
        Act::CutAfter(20),
        Act::Close,
    ] {
        for file in ["tree.caidx", "tree.catar"] {
            for words in READERS {
                let web = Web::with(scene.sandbox.path("www"), now_and_then(act.clone()));
                let there = run(&scene, words, &web.url(file));
                if words[0] == "extract" {
                    there.success();
                    part_is_right(&scene);
                } else {
                    let here = run(&scene, words, &format!("www/{file}"));
                    assert_eq!(there.success(), here.success(), "{act:?}: {words:?}");
                }
            }
        }
    }
}

#[test]
fn what_lasts_is_an_error() {
    let scene = Scene::new();
    // Archives by their ranges, and indexes by their chunks.
    for (act, of_archives, of_chunks) in [
        (Act::Status(404, ""), "File, URL or resource not found.", "is in none of the stores"),
        (Act::Status(403, ""), "the server answers 403", "the server answers 403"),
        (Act::Status(500, ""), "the server answers 500", "the server answers 500"),
        (Act::Status(503, ""), "tried 2 times", "tried 2 times"),
        (Act::Status(429, "Retry-After: 3600\r\n"), "asked again in 3600 seconds", "asked again in 3600 seconds"),
        (Act::Status(416, ""), "the server answers 416", "the server answers 416"),
        (Act::Status(206, ""), "does not say which part it sends", "the server answers 206"),
        (Act::CutAfter(20), "tried 2 times", "tried 2 times"),
        (Act::StallAfter(20), "nothing came for 1 seconds", "nothing came for 1 seconds"),
        (Act::Close, "tried 2 times", "tried 2 times"),
        (Act::Overstate(9), "the server sends more than", "tried 2 times"),
        (Act::Corrupt(0), "", "chunk"),
    ] {
        for (file, expected) in [("tree.catar", of_archives), ("tree.caidx", of_chunks)] {
            let rule = act.clone();
            let web = Web::with(scene.sandbox.path("www"), move |request| {
                if request.is_for_chunk() || request.is_for(".catar") { rule.clone() } else { Act::Serve }
            });
            let words: &[&[&str]] = if matches!(act, Act::StallAfter(_)) { &READERS[..1] } else { &READERS };
            for words in words {
                let told = run(&scene, words, &web.url(file)).failure();
                assert!(told.contains(expected), "{act:?}, {file}, {words:?}: {told}");
                let _ = std::fs::remove_dir(scene.sandbox.path("out"));
                scene.nothing_is_left(&[]);
            }
        }
    }
}

/// An index that comes damaged is refused or harmless: never a wrong byte.
#[test]
fn damaged_indexes() {
    let scene = Scene::new();
    let length = scene.sandbox.read("www/blob.caibx").len();
    let mut refused = 0;
    for place in (0..length).step_by(length / 40) {
        let web = Web::with(scene.sandbox.path("www"), move |request| {
            if request.is_for("blob.caibx") { Act::Corrupt(place) } else { Act::Serve }
        });
        let outcome = scene.run(&["extract", &web.url("blob.caibx"), "out.blob"]);
        match outcome.status {
            Some(0) => scene.blob_is_right("out.blob"),
            _ => {
                outcome.failure();
                refused += 1;
            }
        }
        scene.nothing_is_left(&[]);
    }
    assert!(refused > 20, "{refused}");
}

#[test]
fn bad_chunks_come_from_the_next_store_for_parts_too() {
    let scene = Scene::new();
    let good = Web::new(scene.sandbox.path("www"));
    let extra = format!("--extra-store={}", good.url("default.castr"));
    for act in [Act::Corrupt(30), Act::Status(404, ""), Act::Status(500, ""), Act::CutAfter(9), Act::StallAfter(9)] {
        let rule = act.clone();
        let bad = Web::with(
            scene.sandbox.path("www"),
            move |request| {
                if request.is_for_chunk() { rule.clone() } else { Act::Serve }
            },
        );
        let readers: &[&[&str]] = if matches!(act, Act::StallAfter(_)) { &READERS[..1] } else { &READERS };
        for words in readers {
            let words: Vec<&str> = [words[0], &extra].into_iter().chain(words[1..].iter().copied()).collect();
            let there = run(&scene, &words, &bad.url("tree.caidx"));
            if words[0] == "extract" {
                there.success();
                part_is_right(&scene);
            } else {
                let here = run(&scene, &words, "www/tree.caidx");
                assert_eq!(there.success(), here.success(), "{act:?}: {words:?}");
            }
        }
    }
}
