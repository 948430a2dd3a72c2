//! nginx, with HTTP/1.1 and HTTP/2 over TLS, and stores that the C casync has made.

use casync_tests::nginx::Nginx;
use casync_tests::running::within;
use casync_tests::tool::upstream;

use crate::scene::Scene;

fn extracts_from(scene: &Scene) {
    let Some(nginx) = Nginx::start(&scene.sandbox, "") else { return };
    let mut protocols = Vec::new();
    for (base, version) in [
        (format!("http://{}", nginx.plain), "HTTP/1.1"),
        (format!("https://localhost:{}", nginx.tls.port()), "HTTP/2.0"),
    ] {
        for (file, out) in [("tree.caidx", "out"), ("blob.caibx", "out.blob"), ("tree.catar", "out")] {
            let url = format!("{base}/{file}");
            let mut command = scene.command(&["extract", &url, out]);
            within(command.env("SSL_CERT_FILE", scene.sandbox.path("ca.pem"))).success();
            if out == "out" { scene.tree_is_right(out) } else { scene.blob_is_right(out) }
        }
        let url = format!("{base}/tree.catar");
        let mut command = scene.command(&["list", &url, "1"]);
        let listed = within(command.env("SSL_CERT_FILE", scene.sandbox.path("ca.pem"))).text();
        assert!(listed.contains("1/file05"), "{listed}");
        let log = String::from_utf8(scene.sandbox.read("access.log")).expect("text");
        protocols.push((version, log.matches(version).count()));
    }
    assert!(protocols.iter().all(|(_, count)| *count > 50), "{protocols:?}");
    // Who has not signed is not believed.
    let url = format!("https://localhost:{}/tree.caidx", nginx.tls.port());
    let stderr = scene.run(&["list", &url]).failure();
    assert!(stderr.contains("cannot connect") && stderr.contains("certificate"), "{stderr}");
}

#[test]
fn nginx_serves_what_this_program_has_made() {
    extracts_from(&Scene::new());
}

#[test]
fn nginx_serves_what_the_c_casync_has_made() {
    let Some(upstream) = upstream() else { return };
    extracts_from(&Scene::by(&upstream.to_path_buf()));
}

#[test]
fn nginx_takes_uploads() {
    let scene = Scene::new();
    let Some(nginx) = Nginx::start(&scene.sandbox, "dav_methods PUT; create_full_put_path on;") else { return };
    let url = format!("http://{}/up/tree.caidx", nginx.plain);
    scene.run(&["make", "--chunk-size=4096", "--without=privileged", &url, "tree"]).success();
    scene.run(&["extract", &url, "out"]).success();
    scene.tree_is_right("out");
    assert_eq!(scene.sandbox.read("www/up/tree.caidx"), scene.sandbox.read("www/tree.caidx"));
}
