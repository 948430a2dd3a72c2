//! Registries: Debian's `docker-registry`, in desync's layout.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use casync_tests::service::Registry;

use super::{SIZES, everything, run, sandbox};

#[test]
fn all_verbs() {
    let sandbox = sandbox();
    let Some(server) = Registry::start(&sandbox) else { return };
    everything(&sandbox, &[], &format!("oci://{}/some/store", server.host));
}

#[test]
fn as_desync_has_it() {
    let sandbox = sandbox();
    let Some(server) = Registry::start(&sandbox) else { return };
    // Without --store= the chunks go where the index is.
    let index = format!("oci+http://{}/me/store:blob.caibx", server.host);
    run(&sandbox, &[], &[SIZES, "make", &index, "blob"]).success();
    let tags = json(&get(&server, "/v2/me/store/tags/list"));
    let tags: Vec<&str> = tags["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
    let chunk = tags.iter().find(|tag| tag.ends_with(".cacnk")).expect("chunks are tagged");
    assert!(tags.contains(&"blob.caibx") && chunk.len() == 64 + 6, "{tags:?}");

    let manifest = json(&get(&server, &format!("/v2/me/store/manifests/{chunk}")));
    assert_eq!(manifest["artifactType"], "application/vnd.desync.chunk.v1");
    assert_eq!(manifest["mediaType"], "application/vnd.oci.image.manifest.v1+json");
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.oci.empty.v1+json");
    assert_eq!(manifest["layers"][0]["mediaType"], "application/octet-stream");
    assert_eq!(manifest["annotations"]["org.opencontainers.image.title"], **chunk);
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);

    let manifest = json(&get(&server, "/v2/me/store/manifests/blob.caibx"));
    assert_eq!(manifest["artifactType"], "application/vnd.desync.index.v1");
    let annotations = &manifest["annotations"];
    assert_eq!(annotations["vnd.desync.index.blob-size"], "200000");
    assert_eq!(annotations["vnd.desync.index.chunks"], (tags.len() - 1).to_string());
    assert_eq!(annotations["vnd.desync.index.chunk-size"], "1024:4096:16384");

    // An index is no chunk for gc, and the registry says nothing of times.
    let said = run(&sandbox, &[], &["gc", &index]);
    said.success();
    sandbox.write("other", [3; 40_000]);
    let other = format!("oci://{}/me/store/other.caibx", server.host);
    run(&sandbox, &[], &[SIZES, "make", &other, "other"]).success();
    let said = run(&sandbox, &[], &["gc", &index]).failure();
    assert!(said.contains("does not say when its chunks were written") && said.contains("--grace=0s"), "{said}");
    run(&sandbox, &[], &["extract", &other, "out"]).success();
    assert!(sandbox.read("out") == sandbox.read("other"));
}

#[test]
fn names_and_passwords() {
    let sandbox = sandbox();
    let Some(server) = Registry::start_with_login(&sandbox) else { return };
    let index = format!("oci://{}/store/blob.caibx", server.host);
    let said = run(&sandbox, &[], &[SIZES, "make", &index, "blob"]).failure();
    assert!(said.contains("401") && said.contains("UNAUTHORIZED"), "{said}");

    // `printf 'somebody:a secret: of the test' | base64`
    let auth = "c29tZWJvZHk6YSBzZWNyZXQ6IG9mIHRoZSB0ZXN0";
    let wrong = auth.replace("YSBz", "YSBT");
    for (auth, right) in [(wrong.as_str(), false), (auth, true)] {
        sandbox.write("home/.docker/config.json", format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, server.host));
        let made = run(&sandbox, &[], &[SIZES, "make", &index, "blob"]);
        assert_eq!(made.status, Some(i32::from(!right)), "{made:?}");
        assert!(!made.stderr.contains("secret") && !made.stderr.contains(auth), "{made:?}");
    }
    run(&sandbox, &[], &["extract", &index, "out"]).success();
    assert!(sandbox.read("out") == sandbox.read("blob"));
}

fn get(server: &Registry, path: &str) -> String {
    let mut stream = TcpStream::connect(&server.host).unwrap();
    let accept = "application/vnd.oci.image.manifest.v1+json, */*";
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {}\r\nAccept: {accept}\r\n\r\n", server.host).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
    answer
}

fn json(answer: &str) -> serde_json::Value {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}
