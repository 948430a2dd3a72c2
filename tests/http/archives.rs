//! Archives and indexes of which only a part is wanted.

use casync_tests::web::{Act, Web};

use crate::scene::Scene;

#[test]
fn all_that_reads_reads_from_web_servers() {
    let scene = Scene::new();
    let web = Web::new(scene.sandbox.path("www"));
    for file in ["tree.caidx", "tree.catar"] {
        let here = format!("www/{file}");
        for arguments in [
            &["list", ""][..],
            &["list", "", "2"],
            &["list", "--recursive=no", ""],
            &["mtree", ""],
            &["stat", "", "1/file01"],
            &["digest", ""],
            &["digest", "", "3/file03"],
            &["verify", "--store=www/default.castr", ""],
        ] {
            let with = |file: &str| -> Vec<String> {
                arguments
                    .iter()
                    .map(|word| if word.is_empty() { file.to_owned() } else { (*word).to_owned() })
                    .collect()
            };
            let (local, remote) = (with(&here), with(&web.url(file)));
            let words = |words: &[String]| -> Vec<u8> {
                scene.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).success()
            };
            assert_eq!(words(&remote), words(&local), "{arguments:?}");
        }
    }
    assert_eq!(scene.run(&["digest", &web.url("blob.caibx")]).success(), scene.run(&["digest", "blob"]).success());
    let stderr = scene.run(&["list", &web.url("tree.caidx"), "nix"]).failure();
    assert!(stderr.contains("Seek path not available in archive."), "{stderr}");
}

#[test]
fn a_part_takes_few_requests() {
    let scene = Scene::new();
    let web = Web::new(scene.sandbox.path("www"));
    scene.run(&["extract", &web.url("tree.catar"), "out", "2"]).success();
    let requests = web.requests();
    assert!(requests.len() <= 5, "{requests:#?}");
    assert!(requests.iter().all(|request| request.headers.contains_key("range")), "{requests:#?}");
    let shown = scene.run(&["list", &web.url("tree.catar"), "2/file02"]).text();
    assert_eq!(shown, "-rw-r--r-- 2/file02\n");
    assert_eq!(
        std::fs::read_dir(scene.sandbox.path("out/2")).expect("it is there").count(),
        std::fs::read_dir(scene.sandbox.path("tree/2")).expect("it is there").count()
    );

    let before = web.requests().len();
    scene.run(&["list", &web.url("tree.caidx"), "2"]).success();
    let chunks = std::fs::read_dir(scene.sandbox.path("www/default.castr")).expect("a store").count();
    let taken = web.requests().len() - before;
    assert!(taken < chunks / 2, "{taken} requests of {chunks} chunks");
}

#[test]
fn servers_without_ranges_send_all() {
    let scene = Scene::new();
    let web = Web::with(scene.sandbox.path("www"), |_| Act::IgnoreRange);
    scene.run(&["extract", &web.url("tree.catar"), "out"]).success();
    scene.tree_is_right("out");
    let local = scene.run(&["list", "www/tree.catar"]).success();
    assert_eq!(scene.run(&["list", &web.url("tree.catar")]).success(), local);
    let part = scene.run(&["list", "www/tree.catar", "2"]).success();
    assert_eq!(scene.run(&["list", &web.url("tree.catar"), "2"]).success(), part);
    for (act, expected) in [
        (Act::WrongRange, "another part"),
        (Act::Status(404, ""), "File, URL or resource not found."),
        (Act::Overstate(9), "the server sends more than 65536 bytes"),
    ] {
        let web = Web::with(scene.sandbox.path("www"), move |_| act.clone());
        let stderr = scene.run(&["list", &web.url("tree.catar"), "2"]).failure();
        assert!(stderr.contains(expected), "{stderr}");
    }
}
