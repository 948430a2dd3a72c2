//! Chunks to another host and back, over a link: to `casync serve`, and to the object store `garage` where that is installed.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use casync_tests::content::{Content, Kind};
use casync_tests::link::{Conditions, Link};
use casync_tests::sandbox::Sandbox;
use casync_tests::service::Garage;
use casync_tests::serving::Serving;
use casync_tests::tool;

use crate::{Options, sandbox};

const ROUND_TRIP: Duration = Duration::from_millis(20);
/// The average.
const CHUNK: usize = 16 << 10;

pub(crate) fn measure(options: &Options) {
    let name = "casync serve, 20 ms";
    if name.contains(&options.only) {
        let sandbox = sandbox();
        let server = Serving::start(&sandbox, ["--writable", "--store=served.castr", "--index-dir=."]);
        let link = link(server.address());
        let [index, store] = ["blob.caibx", "default.castr"].map(|name| format!("http://{}/{name}", link.address()));
        there_and_back(&sandbox, name, options, &index, &[format!("--store={store}")], &[]);
    }
    let name = "garage, 20 ms";
    if name.contains(&options.only) {
        let sandbox = sandbox();
        let Some(server) = Garage::start(&sandbox) else { return };
        let link = link(server.endpoint.trim_start_matches("http://").parse().expect("an address"));
        let environment: Vec<_> = server.environment_at(&format!("http://{}", link.address())).into_iter().collect();
        there_and_back(&sandbox, name, options, "s3://bucket/store/blob.caibx", &[], &environment);
    }
}

fn link(address: SocketAddr) -> Link {
    Link::to(address, Conditions { round_trip: ROUND_TRIP, width: None })
}

/// Makes an index of a blob there, extracts it, and tells how long each took.
fn there_and_back(
    sandbox: &Sandbox,
    name: &str,
    options: &Options,
    index: &str,
    more: &[String],
    environment: &[(&'static str, String)],
) {
    let mut blob = Vec::new();
    Content::new(Kind::Program, 11).append(options.chunks as usize * CHUNK, &mut blob);
    sandbox.write("blob", &blob);
    let sizes = format!("--chunk-size={}:{CHUNK}:{}", CHUNK / 4, CHUNK * 4);
    for (what, arguments) in [("make", &["make", &sizes, index, "blob"][..]), ("extract", &["extract", index, "out"])] {
        let mut command = sandbox.command(tool::ours_optimised());
        let started = Instant::now();
        command.args(arguments).args(more).envs(environment.iter().cloned());
        casync_tests::sandbox::outcome(&mut command).success();
        println!("{:<29} {:>9.2}", format!("{name}: {what}"), started.elapsed().as_secs_f64());
    }
    assert!(sandbox.read("out") == blob, "the blob is another one");
}
