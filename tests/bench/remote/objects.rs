//! Chunks to an object store and back, over a link: `garage`, where it is installed.

use std::time::{Duration, Instant};

use casync_tests::content::{Content, Kind};
use casync_tests::link::{Conditions, Link};
use casync_tests::service::Garage;
use casync_tests::tool;

use crate::{Options, sandbox};

const NAME: &str = "garage, 20 ms";
const ROUND_TRIP: Duration = Duration::from_millis(20);
/// The average.
const CHUNK: usize = 16 << 10;

pub(crate) fn measure(options: &Options) {
    if !NAME.contains(&options.only) {
        return;
    }
    let sandbox = sandbox();
    let Some(server) = Garage::start(&sandbox) else { return };
    let mut blob = Vec::new();
    Content::new(Kind::Program, 11).append(options.chunks as usize * CHUNK, &mut blob);
    sandbox.write("blob", &blob);
    let address = server.endpoint.trim_start_matches("http://").parse().expect("an address");
    let link = Link::to(address, Conditions { round_trip: ROUND_TRIP, width: None });
    let environment = server.environment_at(&format!("http://{}", link.address()));
    let sizes = format!("--chunk-size={}:{CHUNK}:{}", CHUNK / 4, CHUNK * 4);
    let index = "s3://bucket/store/blob.caibx";
    for (what, arguments) in [("make", &["make", &sizes, index, "blob"][..]), ("extract", &["extract", index, "out"])] {
        let mut command = sandbox.command(tool::ours_optimised());
        let started = Instant::now();
        casync_tests::sandbox::outcome(command.args(arguments).envs(environment.clone())).success();
        println!("{:<20} {:>9.2}", format!("{NAME}: {what}"), started.elapsed().as_secs_f64());
    }
    assert!(sandbox.read("out") == blob, "the blob is another one");
}
