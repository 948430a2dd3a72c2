//! A store as plain files behind nginx, configured as the README says.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use casync_tests::running::{Running, within};
use casync_tests::sandbox::Sandbox;
use casync_tests::skip::skip;
use casync_tests::tool::{upstream, which};
use rustix::process::Signal;

use crate::http::Client;
use crate::{chunks, scene};

/// The configuration in the README, with the directory and port of a test.
fn configuration(root: &Path, port: u16) -> String {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap();
    let (_, rest) = readme.split_once("```nginx\n").expect("the README has it");
    let (text, _) = rest.split_once("```").expect("it ends");
    assert!(text.contains("root /srv;") && text.contains("listen 80;"));
    let server = text.replace("root /srv;", &format!("root {};", root.display()));
    let server = server.replace("listen 80;", &format!("listen 127.0.0.1:{port};"));
    format!(
        "daemon off;\npid nginx.pid;\nerror_log stderr;\nworker_processes 1;\nevents {{ worker_connections 512; }}\n\
         http {{\naccess_log off;\nclient_body_temp_path t;\nproxy_temp_path t;\nfastcgi_temp_path t;\nuwsgi_temp_path t;\n\
         scgi_temp_path t;\n{server}\n}}\n"
    )
}

/// Starts nginx for `srv/`; the skip has been told if there is none.
fn start(sandbox: &Sandbox) -> Option<(Running, SocketAddr)> {
    let Some(nginx) = which("nginx") else {
        skip("nginx is not installed");
        return None;
    };
    // Its workers run as somebody else, who must be able to get there.
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(sandbox.path(""), std::fs::Permissions::from_mode(0o755)).unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    sandbox.write("nginx.conf", configuration(&sandbox.path("srv"), address.port()));
    let mut command = sandbox.command(nginx);
    command.arg("-p").arg(sandbox.path("")).args(["-c", "nginx.conf", "-e", "stderr"]);
    let running = Running::start(&mut command);
    running.until("a socket that listens", || std::net::TcpStream::connect(address).is_ok());
    Some((running, address))
}

#[test]
fn the_configuration_of_the_readme() {
    let sandbox = scene(1_000_000);
    let Some((running, address)) = start(&sandbox) else { return };
    let mut client = Client::new(address);
    let chunk = &chunks(&sandbox)[0];
    let origin = [("Origin", "https://example.com"), ("Range", "bytes=4-9")];
    let answer = client.request("GET", &format!("/default.castr/{chunk}"), &origin, b"");
    assert_eq!((answer.status, &answer.body[..]), (206, &sandbox.read(format!("srv/default.castr/{chunk}"))[4..10]));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert!(answer.header("access-control-expose-headers").is_some_and(|names| names.contains("Content-Range")));
    let index = client.request("GET", "/blob.caibx", &origin, b"");
    assert_eq!((index.status, index.header("cache-control")), (206, Some("no-cache")));
    let etag = index.header("etag").unwrap().to_owned();
    assert_eq!(client.request("GET", "/blob.caibx", &[("If-None-Match", &etag)], b"").status, 304);
    let missing = client.get(&format!("/default.castr/0000/{}.cacnk", "0".repeat(64)));
    assert_eq!((missing.status, missing.header("cache-control")), (404, Some("no-store")));
    let preflight = client.request("OPTIONS", "/blob.caibx", &origin, b"");
    assert_eq!(
        (preflight.status, preflight.header("access-control-allow-headers")),
        (204, Some("Range, If-Range, If-None-Match"))
    );
    sandbox.casync(["extract", &format!("http://{address}/blob.caibx"), "out"]).success();
    assert!(sandbox.read("out") == sandbox.read("blob"));
    if let Some(upstream) = upstream() {
        within(sandbox.command(upstream).args(["extract", &format!("http://{address}/blob.caibx"), "out2"])).success();
        assert!(sandbox.read("out2") == sandbox.read("blob"));
    }
    running.signal(Signal::TERM);
    running.finish();
}
