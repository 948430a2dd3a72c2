//! Long links: how many round trips things take.

use std::time::{Duration, Instant};

use casync_tests::link::{Conditions, Link};
use casync_tests::running::within;
use casync_tests::sandbox::Sandbox;
use casync_tests::tool::ours;
use casync_tests::web::Web;

use crate::scene::Scene;

const ROUND_TRIP: Duration = Duration::from_millis(100);

/// How much longer a run takes, in round trips, with these than without.
fn round_trips(web: &Web, mut run: impl FnMut(&str)) -> f64 {
    let mut measure = |round_trip| {
        let link = Link::to(web.address(), Conditions { round_trip, width: None });
        let started = Instant::now();
        run(&format!("http://{}", link.address()));
        started.elapsed().as_secs_f64()
    };
    let near = measure(Duration::ZERO);
    (measure(ROUND_TRIP) - near) / ROUND_TRIP.as_secs_f64()
}

#[test]
fn many_chunks_take_few_round_trips() {
    let scene = Scene::new();
    let web = Web::new(scene.sandbox.path("www"));
    let trips = round_trips(&web, |base| {
        scene.run(&["extract", &format!("{base}/blob.caibx"), "out.blob"]).success();
        scene.blob_is_right("out.blob");
    });
    // The index on a new connection, 75 chunks on new ones.
    assert!(trips < 14.0, "{trips}");
}

#[test]
fn a_large_tree_is_listed_in_few_round_trips() {
    let sandbox = Sandbox::new();
    for directory in 0..100 {
        for file in 0..100 {
            sandbox
                .write(format!("tree/{directory:03}/sub/{file:03}"), format!("{directory} {file} ").repeat(file * 8));
        }
    }
    sandbox.write("tree/large", vec![7; 3 << 20]);
    std::fs::create_dir(sandbox.path("www")).expect("a new directory");
    within(sandbox.command(ours()).args(["make", "--without=privileged", "www/tree.caidx", "tree"])).success();
    let web = Web::new(sandbox.path("www"));
    let local = within(sandbox.command(ours()).args(["list", "www/tree.caidx"])).success();
    assert!(local.iter().filter(|byte| **byte == b'\n').count() > 10_000);
    let trips = round_trips(&web, |base| {
        let listed = within(sandbox.command(ours()).args(["list", &format!("{base}/tree.caidx")])).success();
        assert_eq!(listed, local);
    });
    assert!(trips < 20.0, "{trips}");
    println!("{trips:.1} round trips, {} requests", web.requests().len());
}
