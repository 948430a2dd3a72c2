//! What is said when something is wrong. Nothing hangs, nothing secret is shown, the exit status is 1.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use casync_tests::service::{Registry, S3};

use super::{SIZES, run, sandbox};

/// Fails unless a command fails and says this.
#[track_caller]
fn assert_says(environment: &[(&str, String)], args: &[&str], parts: &[&str]) {
    let sandbox = sandbox();
    let said = run(&sandbox, environment, args).failure();
    for part in parts {
        assert!(said.contains(part), "{args:?} should say {part:?}: {said}");
    }
    assert!(!said.contains(S3::SECRET), "{said}");
}

#[test]
fn wrong_credentials_and_buckets() {
    let sandbox = sandbox();
    let Some(server) = S3::start(&sandbox) else { return };
    let good = server.environment();
    let with = |key: &str, value: &str| {
        let changed = |(name, old): (&'static str, String)| (name, if name == key { value.to_owned() } else { old });
        good.clone().map(changed)
    };
    let verify = ["--store=s3://bucket/store", "verify"];
    assert_says(&with("AWS_SECRET_ACCESS_KEY", "wrong"), &verify, &["access denied", "SignatureDoesNotMatch", "hint"]);
    assert_says(&with("AWS_ACCESS_KEY_ID", "nobody"), &verify, &["access denied", "s3://bucket/store"]);
    assert_says(&good, &["--store=s3://nowhere/store", "verify"], &["the bucket does not exist", "s3://nowhere/store"]);
    assert_says(&good, &["extract", "s3://bucket/none.caibx", "out"], &["s3://bucket/none.caibx", "does not exist"]);
    assert_says(&[], &verify, &["no credentials for S3 are known", "AWS_ACCESS_KEY_ID"]);
    let elsewhere = with("AWS_ENDPOINT_URL", "http://192.0.2.1:9");
    assert_says(&elsewhere, &verify, &["without TLS", "AWS_ALLOW_HTTP"]);
    assert_says(&good, &["--store=s3://bucket/store?nonsense=1", "verify"], &["\"nonsense\"", "layout=flat"]);
    assert_says(&good, &["--store=s3://me:hidden@bucket/store", "verify"], &["credentials do not belong"]);
}

#[test]
fn busy_and_broken_services() {
    let slow_down = "HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: 88\r\nConnection: close\r\n\r\n\
                     <Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>\n\n";
    for (answer, parts, tries) in [
        (slow_down, &["503", "SlowDown: Please reduce your request rate."][..], 2),
        ("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", &["500"], 2),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n<?xml", &["s3://bucket/store"], 1),
        ("", &["s3://bucket/store"], 2),
    ] {
        let server = Broken::start(answer);
        let environment = [
            ("AWS_ENDPOINT_URL", server.endpoint.clone()),
            ("AWS_ACCESS_KEY_ID", S3::KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", S3::SECRET.to_owned()),
            ("CASYNC_HTTP_RETRIES", "2".to_owned()),
        ];
        assert_says(&environment, &["--store=s3://bucket/store", "verify"], parts);
        assert!(server.asked.load(Ordering::Relaxed) >= tries, "it is tried again after {answer:?}");
    }
}

#[test]
fn registries_that_are_none() {
    let server = Broken::start("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
    let host = server.endpoint.trim_start_matches("http://");
    assert_says(&[], &[&format!("--store=oci://{host}/store"), "verify"], &["the list of tags cannot be read"]);
    let index = format!("oci://{host}/store/x.caibx");
    assert_says(&[], &["extract", &index, "out"], &[&index, "no such tag"]);
    assert_says(&[], &["--store=oci://h/UPPER", "verify"], &["names no repository", "lower-case"]);
    assert_says(&[], &["extract", "oci://h/a/-x.caibx", "out"], &["names no tag"]);
}

#[test]
fn what_is_no_chunk_is_left_alone() {
    let sandbox = sandbox();
    let Some(server) = Registry::start(&sandbox) else { return };
    let store = format!("oci://{}/store", server.host);
    // An index under the tag of a chunk is none.
    let id = "ab".repeat(32);
    run(&sandbox, &[], &[SIZES, "make", "--what=blob-index", &format!("{store}:{id}"), "blob"]).success();
    run(&sandbox, &[], &[SIZES, "make", "local.caibx", "blob"]).success();
    let gone = run(&sandbox, &[], &["-v", &format!("--store={store}"), "gc", "--grace=0s", "local.caibx"]);
    gone.success();
    run(&sandbox, &[], &["--what=blob-index", "extract", &format!("{store}:{id}"), "out"]).success();
}

/// A server that answers everything the same.
struct Broken {
    endpoint: String,
    asked: Arc<AtomicUsize>,
}

impl Broken {
    fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        // It ends with the tests.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                counter.fetch_add(1, Ordering::Relaxed);
                let _ = respond(stream, answer);
            }
        });
        Self { endpoint, asked }
    }
}

fn respond(mut stream: TcpStream, answer: &str) -> std::io::Result<()> {
    let (mut request, mut byte) = (Vec::new(), [0]);
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? > 0 {
        request.push(byte[0]);
    }
    stream.write_all(answer.as_bytes())
}
