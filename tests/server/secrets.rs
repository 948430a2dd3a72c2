//! Tokens, certificates, and who has none.

use std::net::{IpAddr, Ipv4Addr};

use casync_tests::running::within;
use casync_tests::sandbox::{Outcome, Sandbox};
use casync_tests::serving::Serving;
use casync_tests::skip::skip;
use casync_tests::tool::which;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use rustix::process::Signal;

use crate::http::Client;
use crate::{ALL, scene};

/// Writes `NAME.pem`, an authority, and certificates of it for a server and a client with their keys.
fn certificates(sandbox: &Sandbox, name: &str) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new([]).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // Certificates that have the name of their issuer would look as if they had signed themselves.
    ca.distinguished_name.push(DnType::CommonName, format!("authority {name}"));
    sandbox.write(format!("{name}.pem"), ca.clone().self_signed(&ca_key).unwrap().pem());
    let issuer = Issuer::new(ca, ca_key);
    for end in ["server", "client"] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        let certificate = params.signed_by(&key, &issuer).unwrap();
        sandbox.write(format!("{name}-{end}.pem"), certificate.pem());
        sandbox.write(format!("{name}-{end}.key"), key.serialize_pem());
    }
}

/// Asks with curl; the skip has been told if there is none.
fn curl(sandbox: &Sandbox, arguments: &[&str]) -> Option<Outcome> {
    let Some(curl) = which("curl") else {
        skip("curl is not installed");
        return None;
    };
    let mut command = sandbox.command(curl);
    Some(within(command.args(["-sS", "-o", "got", "-w", "%{http_version} %{http_code}"]).args(arguments)))
}

const TLS: [&str; 2] = ["--tls-certificate=a-server.pem", "--tls-key=a-server.key"];

#[test]
fn https_and_new_certificates() {
    let sandbox = scene(100_000);
    certificates(&sandbox, "a");
    certificates(&sandbox, "b");
    let serving = Serving::start(&sandbox, ALL.iter().chain(&TLS));
    let url = serving.at("blob.caibx");
    assert!(url.starts_with("https://"));
    let Some(answer) = curl(&sandbox, &["--cacert", "a.pem", &url]) else { return };
    assert_eq!(answer.text(), "2 200");
    let http1 = curl(&sandbox, &["--cacert", "a.pem", "--http1.1", &url]).unwrap();
    assert_eq!(http1.text(), "1.1 200");
    assert_eq!(curl(&sandbox, &["--cacert", "b.pem", &url]).unwrap().status, Some(60));
    // A reload that fails changes nothing; one that does not, does.
    let key = sandbox.read("a-server.key");
    sandbox.write("a-server.key", "nonsense");
    serving.running().signal(Signal::HUP);
    serving.running().until("a complaint", || serving.messages().contains("Failed to reload"));
    assert_eq!(curl(&sandbox, &["--cacert", "a.pem", &url]).unwrap().text(), "2 200");
    drop(key);
    for end in ["pem", "key"] {
        sandbox.write(format!("a-server.{end}"), sandbox.read(format!("b-server.{end}")));
    }
    serving.running().signal(Signal::HUP);
    serving.running().until("the reload", || serving.messages().contains("Reloaded."));
    assert_eq!(curl(&sandbox, &["--cacert", "a.pem", &url]).unwrap().status, Some(60));
    assert_eq!(curl(&sandbox, &["--cacert", "b.pem", &url]).unwrap().text(), "2 200");
}

#[test]
fn clients_must_have_certificates() {
    let sandbox = scene(100_000);
    certificates(&sandbox, "a");
    certificates(&sandbox, "b");
    let serving = Serving::start(&sandbox, ALL.iter().chain(&TLS).chain(&["--tls-client-ca=b.pem"]));
    let url = serving.at("blob.caibx");
    let with = |cert: &str, key: &str| curl(&sandbox, &["--cacert", "a.pem", "--cert", cert, "--key", key, &url]);
    let Some(right) = with("b-client.pem", "b-client.key") else { return };
    assert_eq!(right.text(), "2 200");
    assert_ne!(with("a-client.pem", "a-client.key").unwrap().status, Some(0));
    assert_ne!(curl(&sandbox, &["--cacert", "a.pem", &url]).unwrap().status, Some(0));
}

/// The same with this program as the client, which reads and writes.
#[test]
fn this_program_has_a_certificate() {
    let sandbox = scene(100_000);
    certificates(&sandbox, "a");
    certificates(&sandbox, "b");
    std::fs::create_dir(sandbox.path("new")).unwrap();
    let arguments = ["--store=new/default.castr", "--index-dir=new", "--writable", "--tls-client-ca=b.pem"];
    let serving = Serving::start(&sandbox, arguments.iter().chain(&TLS));
    let index = serving.at("blob.caibx");
    let with = |client: &str, arguments: &[&str]| {
        let named = format!("client-certificate = \"{client}-client.pem\"\nclient-key = \"{client}-client.key\"\n");
        sandbox.write("config.toml", format!("[place.\"{}\"]\nca = [\"a.pem\"]\n{named}", serving.url));
        sandbox.casync(["--config=config.toml", crate::SIZES].iter().chain(arguments))
    };
    with("b", &["make", &index, "blob"]).success();
    with("b", &["extract", &index, "out"]).success();
    assert!(sandbox.read("out") == sandbox.read("blob"));
    assert!(sandbox.read("new/blob.caibx") == sandbox.read("srv/blob.caibx"));
    for arguments in [&["make", &index, "blob"][..], &["digest", &index]] {
        let told = with("a", arguments).failure();
        assert!(told.contains(&serving.url), "{told}");
    }
    sandbox.write("config.toml", "[http]\nca = [\"a.pem\"]\n");
    let told = sandbox.casync(["--config=config.toml", "digest", &index]).failure();
    assert!(told.contains(&index), "{told}");
}

#[test]
fn tokens_are_asked_for_and_read_again() {
    let sandbox = scene(100_000);
    sandbox.write("tokens", "# whose\nfirst\n\n  second  \n");
    let serving = Serving::start(&sandbox, ALL.iter().chain(&["--token-file=tokens"]));
    let mut client = Client::new(serving.address());
    let mut with = |value: &str| client.request("GET", "/blob.caibx", &[("Authorization", value)], b"");
    for (value, status) in [
        ("Bearer first", 200),
        ("bearer second", 200),
        ("Bearer third", 401),
        ("Bearer ", 401),
        ("Bearer # whose", 401),
        ("Basic first", 401),
        ("first", 401),
    ] {
        assert_eq!(with(value).status, status, "{value}");
    }
    let private = with("Bearer first");
    assert_eq!(private.header("access-control-allow-origin"), None);
    let answer = Client::new(serving.address()).get("/metrics");
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer realm=\"casync\"")));
    sandbox.write("tokens", "third\n");
    serving.running().signal(Signal::HUP);
    serving.running().until("the reload", || serving.messages().contains("Reloaded."));
    assert_eq!(with("Bearer third").status, 200);
    assert_eq!(with("Bearer first").status, 401);
    let messages = serving.messages();
    assert!(!messages.contains("third") && !messages.contains("first"), "{messages}");
}

#[test]
fn a_token_for_writing_alone() {
    let sandbox = scene(100_000);
    let arguments = ALL.iter().chain(&["--writable", "--public"]);
    let environment = [("CASYNC_SERVE_TOKEN", "swordfish".to_owned())];
    let serving = Serving::start_with(&sandbox, arguments, environment);
    let index = sandbox.read("srv/blob.caibx");
    let mut client = Client::new(serving.address());
    assert_eq!(client.get("/blob.caibx").status, 200);
    assert_eq!(client.request("PUT", "/new.caibx", &[], &index).status, 401);
    let mut client = Client::new(serving.address());
    let token = [("Authorization", "Bearer swordfish")];
    assert_eq!(client.request("PUT", "/new.caibx", &token, &index).status, 201);
}

#[test]
fn what_cannot_be_used_is_told() {
    let sandbox = scene(1000);
    sandbox.write("empty", "# nothing\n");
    sandbox.write("nonsense.pem", "nonsense");
    let serve =
        |more: &[&str]| sandbox.casync(["serve", "--listen=127.0.0.1:0"].iter().chain(&ALL).chain(more)).failure();
    assert!(serve(&["--token-file=empty"]).contains("read the tokens in \"empty\": there are none"));
    assert!(serve(&["--token-file=none"]).contains("No such file or directory"));
    assert!(serve(&["--tls-key=nonsense.pem"]).contains("both a certificate and its key"));
    let text = serve(&["--tls-key=nonsense.pem", "--tls-certificate=nonsense.pem"]);
    assert!(text.contains("read the key in \"nonsense.pem\""), "{text}");
    let none = sandbox.casync(["serve", "--store=none.castr", "--listen=127.0.0.1:0"]).failure();
    assert!(none.contains("none.castr"), "{none}");
    let nowhere = sandbox.casync(["serve", "--store=srv/default.castr"]).failure();
    assert!(nowhere.contains("no address to listen on") && nowhere.contains("--listen="), "{nowhere}");
}
