//! What can be read, and how.

use casync_tests::running::within;
use casync_tests::serving::Serving;
use casync_tests::skip::skip;
use casync_tests::tool::{upstream, which};

use crate::http::Client;
use crate::{ALL, chunks, scene};

#[test]
fn chunks_are_immutable_and_indexes_are_not() {
    let sandbox = scene(300_000);
    let serving = Serving::start(&sandbox, ALL);
    let mut client = Client::new(serving.address());
    let chunk = &chunks(&sandbox)[0];
    let stored = sandbox.read(format!("srv/default.castr/{chunk}"));
    let answer = client.get(&format!("/default.castr/{chunk}"));
    assert_eq!((answer.status, &answer.body), (200, &stored));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"));
    let index = client.get("/blob.caibx");
    assert_eq!((index.status, index.body), (200, sandbox.read("srv/blob.caibx")));
    assert_eq!(client.get("/blob.caibx").header("cache-control"), Some("no-cache"));
    let missing =
        client.get("/default.castr/0000/0000000000000000000000000000000000000000000000000000000000000000.cacnk");
    assert_eq!((missing.status, missing.header("cache-control")), (404, Some("no-store")));
}

#[test]
fn plain_bytes_of_chunks() {
    let sandbox = scene(300_000);
    let serving = Serving::start(&sandbox, ALL);
    let mut client = Client::new(serving.address());
    let chunk = &chunks(&sandbox)[0];
    let plain = client.get(&format!("/default.castr/{}", chunk.trim_end_matches(".cacnk"))).body;
    let blob = sandbox.read("blob");
    assert!(blob.windows(plain.len()).any(|window| window == plain), "it is a part of the blob");
    // A store that has it only plain gives it compressed, too.
    let id = chunk.split('/').next_back().unwrap().trim_end_matches(".cacnk");
    std::fs::remove_file(sandbox.path(format!("srv/default.castr/{chunk}"))).unwrap();
    sandbox.write(format!("srv/default.castr/{}/{id}", &id[..4]), &plain);
    let frame = client.get(&format!("/default.castr/{chunk}"));
    assert_eq!((frame.status, &frame.body[..4]), (200, &[0x28, 0xb5, 0x2f, 0xfd][..]));
}

#[test]
fn conditions_and_ranges() {
    let sandbox = scene(300_000);
    let serving = Serving::start(&sandbox, ALL);
    let mut client = Client::new(serving.address());
    let whole = client.get("/blob.caibx");
    let (etag, date) = (whole.header("etag").unwrap(), whole.header("last-modified").unwrap());
    let size = whole.body.len();
    for (headers, status, body) in [
        (vec![("If-None-Match", etag)], 304, &b""[..]),
        (vec![("If-Modified-Since", date)], 304, b""),
        (vec![("If-None-Match", "\"x\"")], 200, &whole.body),
        (vec![("Range", "bytes=10-19")], 206, &whole.body[10..20]),
        (vec![("Range", "bytes=-40")], 206, &whole.body[size - 40..]),
        (vec![("Range", "bytes=10-19"), ("If-Range", etag)], 206, &whole.body[10..20]),
        (vec![("Range", "bytes=10-19"), ("If-Range", date)], 206, &whole.body[10..20]),
        (vec![("Range", "bytes=10-19"), ("If-Range", "\"x\"")], 200, &whole.body),
        (vec![("If-Match", "\"x\"")], 412, b"it is in another state\n"),
        (vec![("Range", "bytes=99999999-")], 416, b"there are no such bytes\n"),
    ] {
        let answer = client.request("GET", "/blob.caibx", &headers, b"");
        assert_eq!((answer.status, &answer.body[..]), (status, body), "{headers:?}");
        let range = match status {
            206 if body.len() == 40 => Some(format!("bytes {}-{}/{size}", size - 40, size - 1)),
            206 => Some(format!("bytes 10-19/{size}")),
            416 => Some(format!("bytes */{size}")),
            _ => None,
        };
        assert_eq!(answer.header("content-range").map(str::to_owned), range);
    }
    let head = client.request("HEAD", "/blob.caibx", &[], b"");
    assert_eq!((head.status, head.header("content-length")), (200, Some(&*size.to_string())));
    // A new index has another tag.
    sandbox.write("blob", b"short");
    sandbox.casync(["make", "srv/blob.caibx", "blob"]).success();
    assert_eq!(client.request("GET", "/blob.caibx", &[("If-None-Match", etag)], b"").status, 200);
}

#[test]
fn listings_show_indexes_alone() {
    let sandbox = scene(100_000);
    sandbox.write("srv/secret.txt", "x");
    sandbox.write("srv/.#blob.caibx0123456789abcdef", "x");
    sandbox.write("srv/more/y.catar", "12345");
    std::os::unix::fs::symlink("/etc/passwd", sandbox.path("srv/link.caidx")).unwrap();
    let serving = Serving::start(&sandbox, ALL);
    let mut client = Client::new(serving.address());
    let listing: serde_json::Value = serde_json::from_slice(&client.get("/").body).unwrap();
    let names: Vec<&str> =
        listing["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["blob.caibx"]);
    assert_eq!(listing["directories"], serde_json::json!(["more"]));
    let listing: serde_json::Value = serde_json::from_slice(&client.get("/more/").body).unwrap();
    assert_eq!(listing["files"][0]["bytes"], 5);
    assert_eq!(client.get("/more/y.catar").body, b"12345");
    assert_eq!(client.get("/link.caidx").status, 404);
    assert_eq!(client.get("/none/").status, 404);
}

#[test]
fn other_origins() {
    let sandbox = scene(100_000);
    let serving = Serving::start(&sandbox, ALL.iter().chain(&["--cors-origin=https://good.example"]));
    let mut client = Client::new(serving.address());
    let origin = |origin| [("Origin", origin)];
    let answer = client.request("GET", "/blob.caibx", &origin("https://good.example"), b"");
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://good.example"));
    let exposed = answer.header("access-control-expose-headers").unwrap();
    assert!(exposed.contains("Content-Range") && exposed.contains("ETag"), "{exposed}");
    assert_eq!(answer.header("vary"), Some("Origin"));
    let answer = client.request("GET", "/blob.caibx", &origin("https://bad.example"), b"");
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let preflight = [
        ("Origin", "https://good.example"),
        ("Access-Control-Request-Method", "GET"),
        ("Access-Control-Request-Headers", "range"),
    ];
    let answer = client.request("OPTIONS", "/blob.caibx", &preflight, b"");
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET, HEAD, OPTIONS"));
    assert!(answer.header("access-control-allow-headers").unwrap().contains("Range"));
}

#[test]
fn the_c_casync_reads() {
    let Some(upstream) = upstream() else { return };
    let sandbox = scene(2_000_000);
    let serving = Serving::start(&sandbox, ALL);
    let mut command = sandbox.command(upstream);
    within(command.args(["extract", &serving.at("blob.caibx"), "out"])).success();
    assert!(sandbox.read("out") == sandbox.read("blob"));
}

#[test]
fn curl_reads_over_both_versions() {
    let Some(curl) = which("curl") else { return skip("curl is not installed") };
    let sandbox = scene(100_000);
    let serving = Serving::start(&sandbox, ALL);
    for (option, version) in [("--http1.1", "1.1"), ("--http2-prior-knowledge", "2")] {
        let mut command = sandbox.command(&curl);
        command.args(["-sS", option, "-o", "got", "-w", "%{http_version} %{http_code}", &serving.at("blob.caibx")]);
        assert_eq!(within(&mut command).text(), format!("{version} 200"));
        assert_eq!(sandbox.read("got"), sandbox.read("srv/blob.caibx"));
    }
}
