//! The limit of bytes a second, and services that fall silent.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use casync_tests::sandbox::Sandbox;
use casync_tests::service::{Azurite, Registry, S3};

use super::{SIZES, run, sandbox};

/// Makes and extracts at 60 kB/s below a place: what is moved cannot have come faster.
fn is_limited(sandbox: &Sandbox, environment: &[(&str, String)], place: &str) {
    const LIMIT: &str = "--rate-limit-bps=60000";
    let (blob, tree) = (format!("{place}/blob.caibx"), format!("{place}/tree.catar"));
    // 200 kB of noise in chunks; 90 kB of noise in an archive.
    for (arguments, kilobytes) in [
        (&[LIMIT, SIZES, "make", &blob, "blob"][..], 200),
        (&[LIMIT, "extract", &blob, "out"], 200),
        (&[LIMIT, "make", "--without=privileged", &tree, "tree"], 90),
        (&[LIMIT, "extract", &tree, "tree.out"], 90),
    ] {
        let started = Instant::now();
        run(sandbox, environment, arguments).success();
        let least = Duration::from_millis(kilobytes * 1000 / 60 - 300);
        assert!(started.elapsed() > least, "{arguments:?} took {:?} and not {least:?}", started.elapsed());
    }
    assert!(sandbox.read("out") == sandbox.read("blob"));
    assert!(sandbox.read("tree.out/b/c") == sandbox.read("tree/b/c"));
}

#[test]
fn s3_keeps_to_the_limit() {
    let sandbox = sandbox();
    let Some(server) = S3::start(&sandbox) else { return };
    is_limited(&sandbox, &server.environment(), "s3://bucket/store");
}

#[test]
fn registries_keep_to_the_limit() {
    let sandbox = sandbox();
    let Some(server) = Registry::start(&sandbox) else { return };
    is_limited(&sandbox, &[], &format!("oci://{}/store", server.host));
}

#[test]
fn azure_keeps_to_the_limit() {
    let sandbox = sandbox();
    let Some(server) = Azurite::start(&sandbox) else { return };
    server.make_container("container");
    is_limited(&sandbox, &server.environment(), "az://container/store");
}

/// A service that takes requests, says this, and then nothing more.
fn silent(says: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    // It ends with the tests.
    thread::spawn(move || {
        let mut open: Vec<TcpStream> = Vec::new();
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(says.as_bytes());
            open.push(stream);
        }
    });
    endpoint
}

#[test]
fn silence_ends_in_an_error() {
    let sandbox = sandbox();
    run(&sandbox, &[], &[SIZES, "--store=local.castr", "make", "blob.caibx", "blob"]).success();
    for says in [
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nETag: \"x\"\r\nLast-Modified: Sat, 28 Nov 2026 06:00:00 GMT\r\n\r\nhalf",
    ] {
        let endpoint = silent(says);
        let patience = [("CASYNC_HTTP_TIMEOUT", "1".to_owned()), ("CASYNC_HTTP_RETRIES", "1".to_owned())];
        for (place, environment) in [
            (
                "s3://bucket/store",
                vec![
                    ("AWS_ENDPOINT_URL", endpoint.clone()),
                    ("AWS_ACCESS_KEY_ID", S3::KEY.to_owned()),
                    ("AWS_SECRET_ACCESS_KEY", S3::SECRET.to_owned()),
                ],
            ),
            (
                "gs://bucket/store",
                vec![("GOOGLE_BASE_URL", endpoint.clone()), ("GOOGLE_SKIP_SIGNATURE", "true".to_owned())],
            ),
        ] {
            let environment: Vec<(&str, String)> = environment.into_iter().chain(patience.clone()).collect();
            let store = format!("--store={place}");
            for arguments in [
                &["extract", &store, "blob.caibx", "out"][..],
                &["list", &format!("{place}/x.caidx")],
                &[SIZES, "make", &store, "new.caibx", "blob"],
            ] {
                // Who is told that a chunk is there does not send it.
                if arguments.contains(&"make") && !says.is_empty() {
                    continue;
                }
                let told = run(&sandbox, &environment, arguments).failure();
                // What has begun is asked for from there on, and this service does not understand that.
                let expected = if says.is_empty() { "nothing came for 1 seconds" } else { "" };
                assert!(told.contains(expected) && told.contains(place), "{arguments:?}: {told}");
                assert!(!sandbox.path("out").exists() && !sandbox.path("new.caibx").exists());
            }
        }
    }
}
