//! Who asks: names and passwords, tokens, certificates and headers, with nginx; and that none of them is shown to anybody else.

use std::os::unix::fs::symlink;

use casync_tests::nginx::Nginx;
use casync_tests::running::within;
use casync_tests::sandbox::Outcome;
use casync_tests::web::{Act, Web};

use crate::scene::Scene;

/// In every secret of these tests.
const SECRET: &str = "xyzzy";

/// Places that want to know who asks, each with all of `www`.
const PLACES: &str = "
    location /basic/ { auth_basic who; auth_basic_user_file htpasswd; }
    location /netrc/ { auth_basic who; auth_basic_user_file netrcpasswd; }
    location /token/ { if ($http_authorization != \"Bearer xyzzy-token\") { return 401; } }
    location /key/ {
        if ($http_x_key != xyzzy-key) { return 403; }
        if ($http_x_more != \"a: b\") { return 403; }
    }
    location /down/ { rewrite ^/down/(.*)$ http://127.0.0.1:1/$1 redirect; }
    location /moved/ { rewrite ^/moved/(.*)$ /token/$1 permanent; }";

/// A scene in nginx, with the passwords that it knows.
fn start(scene: &Scene) -> Option<Nginx> {
    scene.sandbox.write("htpasswd", "me:{PLAIN}xyzzy of me\n");
    scene.sandbox.write("netrcpasswd", "me:{PLAIN}xyzzy-netrc\n");
    for name in ["basic", "netrc", "token", "key", "known"] {
        symlink(".", scene.sandbox.path("www").join(name)).expect("a new link");
    }
    Nginx::start(&scene.sandbox, PLACES)
}

/// Extracts with a configuration, and fails if a secret is shown, whatever comes of it.
fn extract(scene: &Scene, configuration: &str, url: &str) -> Outcome {
    scene.sandbox.write("config.toml", configuration);
    let mut shown = scene.command(&["--config=config.toml", "-v", "-l", "debug", "extract", url, "out"]);
    let outcome = within(shown.env("HOME", scene.sandbox.path("home")));
    let config = scene.run(&["--config=config.toml", "config"]);
    let json = scene.run(&["--config=config.toml", "config", "--json"]);
    for text in [&outcome.stderr, &outcome.text(), &config.text(), &json.text(), &config.stderr] {
        assert!(!text.contains(SECRET), "{text}");
        assert!(!text.contains("PRIVATE KEY"), "{text}");
    }
    outcome
}

/// Fails unless a file with one secret lets in, and one with another does not.
#[track_caller]
fn lets_in(scene: &Scene, configuration: &str, url: &str, (file, right, wrong): (&str, &str, &str), status: &str) {
    for (text, is_right) in [(wrong, false), (right, true)] {
        scene.sandbox.write(file, text);
        let outcome = extract(scene, configuration, url);
        if is_right {
            outcome.success();
            scene.tree_is_right("out");
        } else {
            let told = outcome.failure();
            assert!(told.contains(&format!("the server answers {status}")) && told.contains(url), "{told}");
        }
    }
}

#[test]
fn names_passwords_tokens_and_headers() {
    let scene = Scene::new();
    let Some(nginx) = start(&scene) else { return };
    for base in [format!("http://{}", nginx.plain), format!("https://localhost:{}", nginx.tls.port())] {
        let config = |place: &str, more: &str| format!("[place.\"{base}/{place}/\"]\nca = [\"ca.pem\"]\n{more}\n");
        let url = |place: &str| format!("{base}/{place}/tree.caidx");
        lets_in(
            &scene,
            &config("basic", "password-file = \"password\""),
            &url("basic"),
            ("password", "me:xyzzy of me\n", "me:xyzzy\n"),
            "401",
        );
        let host = if base.starts_with("https") { "localhost" } else { "127.0.0.1" };
        let netrc = |host: &str| format!("machine {host} login me password xyzzy-netrc\n");
        lets_in(
            &scene,
            &config("netrc", "netrc-file = \"netrc\""),
            &url("netrc"),
            ("netrc", &netrc(host), &netrc("elsewhere")),
            "401",
        );
        lets_in(
            &scene,
            &config("token", "token-file = \"token\""),
            &url("token"),
            ("token", "  xyzzy-token\n", "xyzzy-tok"),
            "401",
        );
        lets_in(
            &scene,
            &config("key", "header-file = \"headers\""),
            &url("key"),
            ("headers", "# what the server wants\nX-Key: xyzzy-key\n\nX-More: a: b\n", "X-Key: xyzzy-key\n"),
            "403",
        );
        // The file of all programs, in the home.
        scene.sandbox.write("home/.netrc", netrc(host));
        extract(&scene, "[http]\nca = [\"ca.pem\"]\n", &url("netrc")).success();
        scene.tree_is_right("out");
        std::fs::remove_file(scene.sandbox.path("home/.netrc")).expect("it is there");
    }
}

#[test]
fn redirects() {
    let scene = Scene::new();
    let Some(nginx) = start(&scene) else { return };
    let base = format!("https://localhost:{}", nginx.tls.port());
    let config = format!("[http]\nca = [\"ca.pem\"]\n[place.\"{base}/\"]\ntoken-file = \"token\"\n");
    scene.sandbox.write("token", "xyzzy-token\n");
    // Within one host, with the token; chunks are asked for where the store was said to be.
    extract(&scene, &config, &format!("{base}/moved/tree.caidx")).success();
    scene.tree_is_right("out");
    // From a host without TLS to one with it; that one is told nothing.
    let target: &'static str = format!("Location: {base}/blob.caibx\r\n").leak();
    let web = Web::with(scene.sandbox.path("www"), move |request| {
        if request.is_for("blob.caibx") { Act::Status(307, target) } else { Act::Serve }
    });
    scene.sandbox.write("config.toml", "[http]\nca = [\"ca.pem\"]\n");
    scene.run(&["--config=config.toml", "extract", &web.url("blob.caibx"), "out.blob"]).success();
    scene.blob_is_right("out.blob");
    // Never the other way round.
    let told = extract(&scene, &config, &format!("{base}/down/tree.caidx")).failure();
    assert!(told.contains("redirects from https to http, which is not safe"), "{told}");
}

#[test]
fn certificates_of_clients_and_of_authorities() {
    let scene = Scene::new();
    let Some(nginx) = start(&scene) else { return };
    let url = format!("https://localhost:{}/known/tree.caidx", nginx.tls.port());
    let refused = |configuration: &str, expected: &str| {
        let told = extract(&scene, configuration, &url).failure();
        assert!(told.contains(expected), "{told}");
    };
    refused("", "certificate");
    refused("[http]\nca = [\"ca.pem\"]\n", "the server answers 403");
    let named = "[http]\nca = [\"ca.pem\"]\nclient-certificate = \"client.pem\"\n";
    extract(&scene, &format!("{named}client-key = \"client.key\"\n"), &url).success();
    scene.tree_is_right("out");
    // Both in one file.
    let both = [scene.sandbox.read("client.pem"), scene.sandbox.read("client.key")].concat();
    scene.sandbox.write("both.pem", both);
    extract(&scene, "[http]\nca = [\"ca.pem\"]\nclient-certificate = \"both.pem\"\n", &url).success();
    scene.tree_is_right("out");

    refused(&format!("{named}client-key = \"server.key\"\n"), "keys may not be consistent");
    refused(named, "client.pem");
    refused(&format!("{named}client-key = \"none.key\"\n"), "none.key");
    scene.sandbox.write("no.pem", format!("{SECRET} is no certificate"));
    refused("[http]\nca = [\"no.pem\"]\n", "no.pem");
    refused("[http]\nca = [\"none.pem\"]\n", "none.pem");
}

#[test]
fn files_that_cannot_be_used() {
    let scene = Scene::new();
    let web = Web::new(scene.sandbox.path("www"));
    scene.sandbox.write("bad", format!("{SECRET}\u{1}\nand {SECRET}"));
    for (option, expected) in [
        ("token-file = \"bad\"", "use the token in"),
        ("password-file = \"bad\"", "should have a name, a colon and a password"),
        ("header-file = \"bad\"", "line 1 of"),
        ("token-file = \"none\"", "No such file or directory"),
        ("netrc-file = \"none\"", "No such file or directory"),
        ("proxy = \"http://h\"\nproxy-password-file = \"bad\"", "should have a name, a colon and a password"),
    ] {
        let told = extract(&scene, &format!("[http]\n{option}\n"), &web.url("tree.caidx")).failure();
        assert!(told.contains(expected), "{option}: {told}");
    }
    assert_eq!(web.requests(), []);
}
