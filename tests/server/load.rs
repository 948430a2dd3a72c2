//! Many clients at once.

use std::time::Instant;

use casync_tests::serving::Serving;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::http::Client;
use crate::{ALL, chunks, scene};

const CLIENTS: usize = 1000;
const THREADS: usize = 8;
const ROUNDS: usize = 5;

fn allow_many_files() {
    let now = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: now.maximum, maximum: now.maximum }).expect("within the hard limit");
}

/// A thousand connections, all of which ask before any is answered, several times over.
#[test]
fn a_thousand_clients() {
    allow_many_files();
    let sandbox = scene(4_000_000);
    let serving = Serving::start(&sandbox, ALL);
    let names = chunks(&sandbox);
    let store: Vec<Vec<u8>> = names.iter().map(|name| sandbox.read(format!("srv/default.castr/{name}"))).collect();
    let started = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (names, store, address) = (&names, &store, serving.address());
            scope.spawn(move || {
                let mut clients: Vec<Client> = (0..CLIENTS / THREADS).map(|_| Client::new(address)).collect();
                for round in 0..ROUNDS {
                    let wanted = |client: usize| (client * 7 + thread * 3 + round) % names.len();
                    for (number, client) in clients.iter_mut().enumerate() {
                        client.ask("GET", &format!("/default.castr/{}", names[wanted(number)]), &[], b"");
                    }
                    for (number, client) in clients.iter_mut().enumerate() {
                        let answer = client.receive("GET").expect("an answer");
                        assert_eq!(answer.status, 200);
                        assert!(answer.body == store[wanted(number)], "the bytes of another chunk");
                    }
                }
            });
        }
    });
    let (took, peak) = (started.elapsed(), serving.running().peak());
    let rate = (CLIENTS * ROUNDS) as f64 / took.as_secs_f64();
    println!("{CLIENTS} clients: {rate:.0} requests/s, {} MiB at most", peak >> 20);
    let metrics = Client::new(serving.address()).get("/metrics").text();
    let answered =
        format!("casync_requests_total{{kind=\"chunk\",method=\"GET\",status=\"2xx\"}} {}\n", CLIENTS * ROUNDS);
    assert!(metrics.contains(&answered), "{metrics}");
    // Its own few MiB, 64 MiB of bodies, 128 KiB for each connection.
    assert!(peak < 200 << 20, "{peak} bytes");
    serving.stop().success();
}

/// Clients that ask for much and take nothing cost the budget, and others are served meanwhile.
#[test]
fn clients_that_take_nothing() {
    allow_many_files();
    let sandbox = scene(500_000);
    sandbox.write("srv/big.catar", vec![1; 32 << 20]);
    let serving = Serving::start(&sandbox, ALL.iter().chain(&["--memory=8M", "--stall-timeout=2s"]));
    let mut idlers: Vec<Client> = (0..400).map(|_| Client::new(serving.address())).collect();
    for idler in &mut idlers {
        idler.ask("GET", "/big.catar", &[], b"");
    }
    let chunk = &chunks(&sandbox)[0];
    let answer = Client::new(serving.address()).get(&format!("/default.castr/{chunk}"));
    assert_eq!(answer.status, 200);
    let peak = serving.running().peak();
    println!("400 clients that take nothing: {} MiB at most", peak >> 20);
    assert!(peak < 120 << 20, "{peak} bytes");
}
