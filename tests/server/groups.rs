//! Groups of stores: the first that can be reached is used.

use std::net::TcpListener;

use casync_tests::serving::Serving;

use crate::http::Client;
use crate::{ALL, chunks, scene};

/// A port of this host on which nobody listens.
fn dead() -> String {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    format!("http://{address}/default.castr")
}

#[test]
fn the_next_member_is_used() {
    let sandbox = scene(500_000);
    let serving = Serving::start(&sandbox, ALL);
    let (dead, alive) = (dead(), serving.at("default.castr"));
    sandbox.write("config.toml", format!("[http]\nretries = 0\n[group.g]\nstores = [\"{dead}\", \"{alive}\"]\n"));
    let extract = ["--config=config.toml", "--store=group://g", "extract", "srv/blob.caibx", "out"];
    let said = sandbox.casync(extract);
    assert!(said.stderr.contains("is left alone for"), "{}", said.stderr);
    said.success();
    assert!(sandbox.read("out") == sandbox.read("blob"));
    // None is left: an error that says so, soon. The output would be a seed.
    std::fs::remove_file(sandbox.path("out")).unwrap();
    serving.stop().success();
    let said = sandbox.casync(extract).failure();
    assert!(said.contains("group \"group://g\""), "{said}");
}

#[test]
fn bad_and_missing_chunks_come_from_the_next_member() {
    let sandbox = scene(500_000);
    casync_tests::store::copy(&sandbox.path("srv/default.castr"), &sandbox.path("mirror.castr"));
    let names = chunks(&sandbox);
    casync_tests::store::damage(&sandbox.path(format!("srv/default.castr/{}", names[0])));
    std::fs::remove_file(sandbox.path(format!("srv/default.castr/{}", names[1]))).unwrap();
    casync_tests::store::damage(&sandbox.path(format!("mirror.castr/{}", names[2])));
    let first = sandbox.path("srv/default.castr");
    sandbox.write("config.toml", format!("[group.g]\nstores = [\"{}\", \"mirror.castr\"]", first.display()));
    sandbox.casync(["--config=config.toml", "--store=group://g", "extract", "srv/blob.caibx", "out"]).success();
    assert!(sandbox.read("out") == sandbox.read("blob"));
}

/// A server in front of a group outlives a failure of the first member, and goes back to it.
#[test]
fn the_first_member_is_used_again() {
    let sandbox = scene(500_000);
    let second = Serving::start(&sandbox, ALL);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (first, alive) = (format!("http://127.0.0.1:{port}/default.castr"), second.at("default.castr"));
    sandbox.write(
        "config.toml",
        format!("[http]\nretries = 0\n[group.g]\nstores = [\"{first}\", \"{alive}\"]\npause = 1\npause-max = 1\n"),
    );
    let near = Serving::start(&sandbox, ["--config=config.toml", "--store=group://g"]);
    let path = format!("/default.castr/{}", chunks(&sandbox)[0]);
    let get = || Client::new(near.address()).get(&path).status;
    assert_eq!(get(), 200);
    let count = |serving: &Serving| {
        let text = Client::new(serving.address()).get("/metrics").text();
        text.lines().find_map(|line| line.strip_prefix("casync_chunks_found_total ")).unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(count(&second), 1);
    let other = casync_tests::sandbox::Sandbox::new();
    let store = format!("--store={}", sandbox.path("srv/default.castr").display());
    let first = Serving::start(&other, [&store, &format!("--listen=127.0.0.1:{port}")]);
    near.running().until("the first to be asked again", || {
        assert_eq!(get(), 200);
        Client::new(std::net::SocketAddr::from(([127, 0, 0, 1], port)))
            .get("/metrics")
            .text()
            .contains("chunks_found_total 1\n")
    });
    drop(first);
    assert_eq!(get(), 200, "and the second, if it has gone again");
}

#[test]
fn groups_that_are_not_there() {
    let sandbox = scene(1000);
    let said = sandbox.casync(["--store=group://g", "extract", "srv/blob.caibx", "out"]).failure();
    assert!(said.contains("there is no group \"g\""), "{said}");
}
