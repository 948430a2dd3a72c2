//! Requests that want what is not theirs, or mean harm.

use casync_tests::serving::Serving;

use crate::http::Client;
use crate::{ALL, chunks, scene};

#[test]
fn paths_lead_nowhere_else() {
    let sandbox = scene(100_000);
    sandbox.write("outside.caibx", "secret");
    sandbox.write("srv/default.castr/secret", "secret");
    std::os::unix::fs::symlink("..", sandbox.path("srv/up")).unwrap();
    let serving = Serving::start(&sandbox, ALL);
    let chunk = chunks(&sandbox).into_iter().find(|name| name.ends_with(".cacnk")).unwrap();
    let long = format!("/{}.caibx", "x".repeat(300));
    let longer = format!("/{}", "x/".repeat(5000));
    for (path, status) in [
        ("/../outside.caibx", 400),
        ("/..%2foutside.caibx", 400),
        ("/..%2Foutside.caibx", 400),
        ("/%2e%2e/outside.caibx", 400),
        ("/%2e%2e%2foutside.caibx", 400),
        ("/.%2e/outside.caibx", 400),
        ("/x/../../outside.caibx", 400),
        ("//outside.caibx", 400),
        ("/srv//blob.caibx", 400),
        ("/./blob.caibx", 400),
        ("/blob.caibx%00", 400),
        ("/%00", 400),
        ("/blob.caibx%0d%0aX-Evil:%201", 400),
        ("/%2fetc%2fpasswd", 400),
        ("/etc/passwd", 404),
        ("/up/outside.caibx", 404),
        ("/default.castr/secret", 404),
        ("/default.castr/../blob.caibx", 400),
        ("/default.castr/0000/../../../outside.caibx", 400),
        ("/%", 400),
        (&long, 414),
        (&longer, 414),
        ("/blob.caibx?x=/../..", 200),
        (&format!("/default.castr/{chunk}?v=1"), 200),
    ] {
        let mut client = Client::new(serving.address());
        let answer = client.get(path);
        assert_eq!(answer.status, status, "{path}");
        assert!(!answer.text().contains("secret"), "{path}");
    }
    // A full URL in place of a path, as proxies are asked.
    let answer = Client::new(serving.address()).get("http://elsewhere/blob.caibx");
    assert_eq!(answer.status, 200);
    assert_eq!(Client::new(serving.address()).get("http://elsewhere/../outside.caibx").status, 400);
}

#[test]
fn requests_that_are_none() {
    let sandbox = scene(100_000);
    let serving = Serving::start(&sandbox, ALL);
    for method in ["POST", "DELETE", "PUT", "PATCH", "TRACE", "PROPFIND"] {
        let answer = Client::new(serving.address()).request(method, "/blob.caibx", &[], b"");
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD, OPTIONS")), "{method}");
    }
    let mut client = Client::new(serving.address());
    let huge = "x".repeat(200_000);
    client.send(format!("GET / HTTP/1.1\r\nhost: x\r\nx-huge: {huge}").as_bytes());
    assert!(client.receive("GET").is_none_or(|answer| answer.status == 431), "headers are bounded");
    let mut client = Client::new(serving.address());
    client.send(b"nonsense\r\n\r\n");
    assert!(client.receive("GET").is_none_or(|answer| answer.status == 400));
    assert_eq!(Client::new(serving.address()).get("/blob.caibx").status, 200, "it goes on");
}

#[test]
fn clients_that_say_nothing_are_let_go() {
    let sandbox = scene(100_000);
    let big = vec![7; 64 << 20];
    sandbox.write("srv/big.catar", &big);
    let serving = Serving::start(&sandbox, ALL.iter().chain(&["--stall-timeout=1s"]));
    // Asks for much and takes nothing of it.
    let mut stalled = Client::new(serving.address());
    stalled.ask("GET", "/big.catar", &[], b"");
    serving.running().until("an end of the stalled connection", || {
        Client::new(serving.address()).get("/metrics").text().contains("casync_connections_stalled_total 1\n")
    });
    assert!(stalled.is_ended());
    assert!(serving.running().peak() < 64 << 20, "it has not all been in memory");
}
