//! Proxies, by the environment and by the configuration.

use std::process::Command;

use casync_tests::nginx::Nginx;
use casync_tests::proxy::Proxy;
use casync_tests::running::within;
use casync_tests::serving::Serving;

use crate::scene::Scene;

const SERVED: [&str; 2] = ["--store=www/default.castr", "--index-dir=www"];

/// The program, which heeds proxies.
fn command(scene: &Scene, arguments: &[&str]) -> Command {
    let mut command = scene.command(arguments);
    command.env_remove("NO_PROXY");
    command
}

/// What proxies are asked, apart from how often: the ways, and the beginnings of what they lead to.
fn ways(proxy: &Proxy) -> Vec<String> {
    let mut ways: Vec<String> = proxy.asked().into_iter().map(|asked| asked.way).collect();
    ways.dedup();
    ways
}

#[test]
fn the_environment_names_them() {
    let scene = Scene::new();
    let serving = Serving::start(&scene.sandbox, SERVED);
    let url = serving.at("blob.caibx");
    for (variable, scheme, way) in [
        ("HTTP_PROXY", "http", "GET"),
        ("http_proxy", "http", "GET"),
        ("ALL_PROXY", "http", "GET"),
        ("ALL_PROXY", "socks5", "SOCKS5"),
        ("all_proxy", "socks5h", "SOCKS5"),
        ("http_proxy", "socks4a", "SOCKS4"),
        ("http_proxy", "socks4", "SOCKS4"),
    ] {
        let proxy = Proxy::open();
        let mut command = command(&scene, &["extract", &url, "out.blob"]);
        within(command.env(variable, format!("{scheme}://{}", proxy.address()))).success();
        scene.blob_is_right("out.blob");
        assert_eq!(ways(&proxy), [way], "{variable}, {scheme}");
        let target = &proxy.asked()[0].target;
        let expected = if way == "GET" { url.clone() } else { serving.address().to_string() };
        assert_eq!(*target, expected, "{variable}, {scheme}");
    }
    // Names are looked up by who is asked to.
    let proxy = Proxy::open();
    let named = url.replace("127.0.0.1", "localhost");
    let mut by_name = command(&scene, &["extract", &named, "out.blob"]);
    within(by_name.env("ALL_PROXY", format!("socks5h://{}", proxy.address()))).success();
    scene.blob_is_right("out.blob");
    assert!(proxy.asked().iter().all(|asked| asked.target.starts_with("localhost:")), "{:?}", proxy.asked());
    // Not for these; and not for this scheme.
    for (variable, value) in [("NO_PROXY", "127.0.0.1"), ("no_proxy", "example.com, 127.0.0.0/8"), ("HTTP_PROXY", "")] {
        let proxy = Proxy::open();
        let mut direct = command(&scene, &["extract", &url, "out.blob"]);
        let other = format!("http://{}", proxy.address());
        within(direct.env("HTTP_PROXY", &other).env("HTTPS_PROXY", &other).env(variable, value)).success();
        scene.blob_is_right("out.blob");
        assert_eq!(proxy.asked(), []);
    }
}

#[test]
fn tls_goes_through_to_the_server() {
    let scene = Scene::new();
    let Some(nginx) = Nginx::start(&scene.sandbox, "") else { return };
    let host = format!("localhost:{}", nginx.tls.port());
    for (variable, scheme, way) in [("HTTPS_PROXY", "http", "CONNECT"), ("all_proxy", "socks5h", "SOCKS5")] {
        let proxy = Proxy::open();
        let url = format!("https://{host}/tree.caidx");
        let mut command = command(&scene, &["extract", &url, "out"]);
        command.env("SSL_CERT_FILE", scene.sandbox.path("ca.pem"));
        within(command.env(variable, format!("{scheme}://{}", proxy.address()))).success();
        scene.tree_is_right("out");
        assert_eq!(ways(&proxy), [way]);
        assert!(proxy.asked().iter().all(|asked| asked.target == host), "{:?}", proxy.asked());
    }
}

#[test]
fn they_may_want_to_know_who_asks() {
    let scene = Scene::new();
    let Some(nginx) = Nginx::start(&scene.sandbox, "") else { return };
    let (plain, tls) = (format!("http://{}", nginx.plain), format!("https://localhost:{}", nginx.tls.port()));
    let proxy = Proxy::with_login();
    let host = proxy.address();
    let (user, password) = (Proxy::USER, Proxy::PASSWORD.replace(' ', "%20"));
    for scheme in ["http", "socks5h"] {
        for base in [&plain, &tls] {
            let url = format!("{base}/blob.caibx");
            let run = |proxy: String| {
                let mut command = command(&scene, &["-l", "debug", "extract", &url, "out.blob"]);
                command.env("SSL_CERT_FILE", scene.sandbox.path("ca.pem")).env("CASYNC_HTTP_RETRIES", "1");
                within(command.env("all_proxy", proxy))
            };
            let right = run(format!("{scheme}://{user}:{password}@{host}"));
            assert!(!right.stderr.contains("keeper"), "{}", right.stderr);
            right.success();
            scene.blob_is_right("out.blob");
            for wrong in [format!("{scheme}://{user}:hunter2@{host}"), format!("{scheme}://{host}")] {
                let told = run(wrong).failure();
                assert!(!told.contains("hunter2"), "{told}");
                assert!(told.contains(&url), "{told}");
                assert!(told.contains("the proxy answers 407") || told.contains("through the proxy: "), "{told}");
                assert!(told.contains("proxy-password-file"), "{told}");
            }
        }
    }
}

#[test]
fn the_configuration_names_them() {
    let scene = Scene::new();
    let serving = Serving::start(&scene.sandbox, SERVED);
    let url = serving.at("tree.caidx");
    let (first, second) = (Proxy::with_login(), Proxy::open());
    scene.sandbox.write("password", format!("{}:{}\n", Proxy::USER, Proxy::PASSWORD));
    let extract = |configuration: &str| {
        scene.sandbox.write("config.toml", configuration);
        let mut command = command(&scene, &["--config=config.toml", "-l", "debug", "extract", &url, "out"]);
        let outcome = within(command.env("all_proxy", format!("http://{}", second.address())));
        assert!(!outcome.stderr.contains(Proxy::PASSWORD), "{}", outcome.stderr);
        outcome.success();
        scene.tree_is_right("out");
    };
    for scheme in ["http", "socks5"] {
        let before = first.asked().len();
        let named = format!("[http]\nproxy = \"{scheme}://{}\"\nproxy-password-file = \"password\"\n", first.address());
        extract(&named);
        assert!(first.asked().len() > before);
        // Another way to one place.
        let before = first.asked().len();
        extract(&format!("{named}[place.\"{}\"]\nproxy = \"none\"\n", serving.url));
        assert_eq!(first.asked().len(), before);
        let shown = scene.run(&["--config=config.toml", "config"]).text();
        assert!(shown.contains("proxy = \"none\"") && shown.contains("password-file"), "{shown}");
        assert!(!shown.contains(Proxy::PASSWORD), "{shown}");
    }
    assert_eq!(second.asked(), [], "the environment's is not asked");

    for (text, expected) in [
        ("[http]\nproxy = \"http://carol:hunter2@h\"\n", "line 2: names and passwords belong into proxy-password-file"),
        ("[http]\nproxy = \"ftp://h\"\n", "a proxy is \"none\" or a URL"),
    ] {
        scene.sandbox.write("config.toml", text);
        let told = within(&mut command(&scene, &["--config=config.toml", "list", &url])).failure();
        assert!(told.contains(expected) && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn they_may_not_be_there() {
    let scene = Scene::new();
    let gone = Proxy::open();
    let address = gone.address();
    drop(gone);
    let proxy = Proxy::open();
    for (scheme, proxy, url) in [
        ("http", address, "http://127.0.0.1:1/x.caidx"),
        ("socks5", address, "http://127.0.0.1:1/x.caidx"),
        ("http", proxy.address(), "http://127.0.0.1:1/x.caidx"),
        ("http", proxy.address(), "https://127.0.0.1:1/x.caidx"),
        ("socks5", proxy.address(), "http://127.0.0.1:1/x.caidx"),
    ] {
        let mut command = command(&scene, &["list", url]);
        command.env("CASYNC_HTTP_RETRIES", "1");
        let told = within(command.env("all_proxy", format!("{scheme}://{proxy}"))).failure();
        assert!(told.contains(url), "{told}");
        assert!(told.contains("cannot connect") || told.contains("the server answers 502"), "{told}");
    }
}
